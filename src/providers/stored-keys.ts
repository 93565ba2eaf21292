/** The keys of a provider that are stored, put where its calls find them. */
import type { HttpProviderConfig, UpstreamKey } from '../config/config.ts';
import { httpProviderKeys } from '../config/keys.ts';
import { keyHeaderOf } from '../config/providers/provider-headers.ts';
import type { ProviderKeyRow } from '../db/schema.ts';
import { originOf, originsOf } from './origins.ts';
import type { Seal } from './sealing.ts';

/** What a provider of the file has that must not go to another origin. */
export interface Lost {
  readonly hadKey: boolean;
  readonly headers: readonly string[];
}

interface StoredKeysParts {
  /** The oldest first. */
  readonly keys: readonly ProviderKeyRow[];
  readonly seal: Pick<Seal, 'unseal'>;
  readonly lost: Lost;
  readonly tell: (fault: string) => void;
}

interface OpenKey extends UpstreamKey {
  readonly origins: readonly string[];
}

/**
 * The newest key that may go anywhere decides: endpoints that it was not entered for get no requests, and older keys are
 * used beside it if they were entered for all the others. Without any key the provider is at fault.
 */
export function withStoredKeys(config: HttpProviderConfig, parts: StoredKeysParts): HttpProviderConfig {
  const { keys, lost, tell } = parts;
  const refuse = (fault: string): HttpProviderConfig => {
    tell(fault);
    return { ...config, apiKey: null, fault };
  };
  if (lost.headers.length > 0) tell(`${lost.headers.join(', ')} of the file are not sent to another origin`);
  if (keys.length === 0 && lost.hadKey)
    return refuse(`the key of the file does not go to ${originsOf(config).join(', ')}: enter a key for that`);
  if (keys.length === 0) return config;
  const open = openKeys(parts);
  const origins = originsOf(config);
  const deciding = open.findLast(key => key.origins.some(origin => origins.includes(origin)));
  if (open.length === 0) return refuse('none of its keys can be used');
  if (deciding === undefined) return refuse(`its keys were not entered for ${origins.join(', ')}: enter one for that`);
  const reached = config.baseUrls.filter(url => deciding.origins.includes(originOf(url)));
  const left = origins.filter(origin => !deciding.origins.includes(origin));
  if (left.length > 0) tell(`its key was not entered for ${left.join(', ')}: no request goes there`);
  const used = open.filter(key => reached.every(url => key.origins.includes(originOf(url))));
  const header = keyHeaderOf(config.type);
  const headers = config.headers.filter(([name]) => name !== header);
  const [first, ...others] = reached;
  if (first === undefined) throw new Error('a key was chosen by an origin that it has');
  const turns = used.map(({ origins: _, ...key }) => key);
  return { ...config, baseUrls: [first, ...others], apiKey: deciding.secret, headers, keys: turns };
}

function openKeys({ keys, seal, tell }: StoredKeysParts): OpenKey[] {
  return keys.flatMap(row => {
    if (row.set_aside_at !== null) return [];
    const unsealed = seal.unseal(row, row);
    const shown = row.fingerprint.slice(0, 12);
    if ('fault' in unsealed) {
      tell(`the key ${shown} cannot be unsealed: ${unsealed.fault}`);
      return [];
    }
    if (typeof httpProviderKeys.api_key.parse(unsealed.secret) !== 'string') {
      tell(`the key ${shown} must be ${httpProviderKeys.api_key.allowed}`);
      return [];
    }
    return [{ ...unsealed, origins: row.origins.split(' ') }];
  });
}
