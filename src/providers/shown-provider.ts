/** Providers and their keys as the admin API shows them: nothing by which anybody could call an upstream. */
import { type Static, Type } from 'typebox';
import {
  allProviderKeys,
  environmentName,
  httpProviderKeys,
  loopbackProviderKeys,
  providerKeys,
} from '../config/keys.ts';
import { isWritten, writtenText } from '../config/providers/row-texts.ts';
import { proxyIn } from '../config/providers/upstream-proxy.ts';
import type { ProviderEndpointRow, ProviderKeyRow, ProviderRow } from '../db/schema.ts';
import { fields, listOf, moment, nullable } from '../domain/shape.ts';
import { settingSources } from '../domain/vocabulary.ts';
import type { LiveProviders } from './live-providers.ts';
import type { Seal } from './sealing.ts';

const text = Type.String();
const source = Type.Enum([...settingSources]);

export const key = fields({
  id: text,
  /** Tells keys of one provider apart, and nothing else of them. */
  fingerprint: text,
  /** The origins that it was entered for. */
  origins: listOf(text),
  description: nullable(text),
  /** Which master key it is sealed with. */
  master_key_id: text,
  created_at: moment,
  created_by: nullable(text),
  /** By an admin; null: it is used. */
  set_aside_at: nullable(moment),
  why: nullable(text),
  /** Until then this gateway does not use it, as the upstream has answered 401; null: it does. */
  refused_until: nullable(moment),
  /** Why it cannot be used; null: it can. */
  fault: nullable(text),
});
export type ShownKey = Static<typeof key>;

export const provider = fields({
  name: text,
  /** `database`: something of it is stored. */
  source: Type.Enum(['file', 'database']),
  enabled: Type.Boolean(),
  description: nullable(text),
  /** Why it is not as its rows say, or may not be used; null: all is well. */
  fault: nullable(text),
  /** In the words of the file, by key. */
  settings: Type.Record(text, text),
  /** Where each of them comes from. */
  sources: Type.Record(text, source),
  endpoints: listOf(fields({ url: text, position: Type.Integer(), enabled: Type.Boolean() })),
  keys: listOf(key),
  created_at: nullable(moment),
  updated_at: nullable(moment),
  created_by: nullable(text),
  etag: text,
});
export type ShownProvider = Static<typeof provider>;

/** The keys that this gateway does not use for a while. */
export interface RefusedKeys {
  until(provider: string, fingerprint: string): string | null;
}

interface KeyParts {
  readonly seal: Seal;
  readonly refused: RefusedKeys;
}

export function shownKey(row: ProviderKeyRow, { seal, refused }: KeyParts): ShownKey {
  const unsealed = seal.unseal(row, row);
  const isOpen = !('fault' in unsealed);
  const { id, description, master_key_id, created_at, created_by, set_aside_at, why } = row;
  return {
    id,
    fingerprint: isOpen ? unsealed.fingerprint : row.fingerprint.slice(0, 12),
    origins: row.origins.split(' '),
    description,
    master_key_id,
    created_at,
    created_by,
    set_aside_at,
    why,
    refused_until: isOpen ? refused.until(row.provider, unsealed.fingerprint) : null,
    fault: isOpen ? null : unsealed.fault,
  };
}

interface ShownParts extends KeyParts {
  readonly live: LiveProviders;
  readonly row: ProviderRow | null;
  readonly endpoints: readonly ProviderEndpointRow[];
  readonly keys: readonly ProviderKeyRow[];
  readonly etag: string;
}

export function shownProvider(name: string, { live, row, endpoints, keys, etag, ...parts }: ShownParts): ShownProvider {
  const { faults, stored } = live.effective;
  const { settings, sources } = settingsOf(live, name);
  return {
    name,
    source: stored.has(name) || !isWritten(live.written, name) ? 'database' : 'file',
    enabled: row?.enabled ?? true,
    description: row?.description ?? null,
    fault: faults.get(name)?.join('; ') ?? null,
    settings,
    sources,
    endpoints: endpoints.map(({ url, position, enabled }) => ({ url, position, enabled })),
    keys: keys.map(one => shownKey(one, parts)),
    created_at: row?.created_at ?? null,
    updated_at: row?.updated_at ?? null,
    created_by: row?.created_by ?? null,
    etag,
  };
}

type Source = (typeof settingSources)[number];

/** What is in effect, key by key. */
function settingsOf({ effective, written }: LiveProviders, name: string) {
  const row = effective.rows.get(name) ?? null;
  const settings: Record<string, string> = {};
  const sources: Record<string, Source> = {};
  const type = row?.get('type') ?? writtenText(written, name, 'type');
  const isTypeOfFile = type === writtenText(written, name, 'type');
  const own = type === 'loopback' ? loopbackProviderKeys : httpProviderKeys;
  for (const key of Object.keys({ ...providerKeys, ...own })) {
    if (key === 'api_key') continue;
    const inFile = isTypeOfFile ? writtenText(written, name, key) : undefined;
    const text = row?.get(key) ?? inFile ?? allProviderKeys[key]?.fallback ?? '';
    settings[key] = key === 'proxy' ? shownProxy(text) : text;
    const isEnvironment = written.environment.has(environmentName(`provider.${name}`, key));
    const ofFile = inFile === undefined ? 'default' : isEnvironment ? 'environment' : 'file';
    sources[key] = row?.has(key) ? 'database' : ofFile;
  }
  return { settings, sources };
}

/** The file may have credentials in it. */
const shownProxy = (text: string): string =>
  text === 'none' || text === 'environment' ? text : (proxyIn(text)?.origin ?? text);
