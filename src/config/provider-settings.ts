import type { ProviderConfig } from './config.ts';
import type { FaultList } from './faults.ts';
import { httpProviderKeys, loopbackProviderKeys, providerKeys } from './keys.ts';
import type { SettingsReader } from './settings-reader.ts';
import type { Keys, Values } from './values.ts';

type Common = Values<typeof providerKeys>;
type Http = Values<typeof httpProviderKeys>;
type Loopback = Values<typeof loopbackProviderKeys>;

/** What one `[provider.NAME]` says; a part that is at fault is missing. */
export interface ProviderSettings {
  readonly name: string;
  readonly common: Partial<Common>;
  readonly http: Partial<Http> | null;
  readonly loopback: Partial<Loopback> | null;
}

const sectionOf = (name: string) => `provider.${name}`;

export const readProvider = (name: string, reader: SettingsReader, faults: FaultList): ProviderSettings => {
  const section = sectionOf(name);
  const refuse = (keys: Keys, types: string) => {
    for (const [key, rule] of Object.entries(keys)) {
      if (reader.isGiven(section, key, rule)) faults.add(section, key, `is for type ${types} only`);
    }
    return null;
  };
  const common = reader.read(section, providerKeys);
  const type = common.type?.value;
  if (type === undefined) return { name, common, http: null, loopback: null };
  return type === 'loopback'
    ? {
        name,
        common,
        http: refuse(httpProviderKeys, 'openai and anthropic'),
        loopback: reader.read(section, loopbackProviderKeys),
      }
    : {
        name,
        common,
        http: reader.read(section, httpProviderKeys),
        loopback: refuse(loopbackProviderKeys, 'loopback'),
      };
};

/** The pool whose seats it takes. */
export const poolOf = ({ name, common }: ProviderSettings): string => common.pool?.value ?? name;

/** Only once no fault is left. */
export const toProvider = (settings: ProviderSettings): ProviderConfig => {
  const common = settings.common as Common;
  const base = { name: settings.name, models: common.models.value, pool: poolOf(settings) };
  const type = common.type.value;
  if (type === 'loopback') {
    const { service_ms, chunk_ms } = settings.loopback as Loopback;
    return { ...base, type, serviceMs: service_ms.value, chunkMs: chunk_ms.value };
  }
  const http = settings.http as Http;
  return {
    ...base,
    type,
    baseUrl: http.base_url.value,
    apiKey: http.api_key.value,
    connectTimeoutMs: http.connect_timeout_sec.value,
    firstByteTimeoutMs: http.first_byte_timeout_sec.value,
    idleTimeoutMs: http.idle_timeout_sec.value,
    totalTimeoutMs: http.total_timeout_sec.value,
    forwardPriority: http.forward_priority.value,
    passHeaders: http.pass_headers.value ?? [],
  };
};
