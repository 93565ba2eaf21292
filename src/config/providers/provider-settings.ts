import type { ProviderConfig } from '../config.ts';
import type { FaultList } from '../file/faults.ts';
import type { SettingFile } from '../file/setting-file.ts';
import type { SettingsReader } from '../file/settings-reader.ts';
import { httpProviderKeys, loopbackProviderKeys, providerKeys } from '../keys.ts';
import type { Keys, Values } from '../values.ts';
import { type FixedHeader, headerRules, keyHeaderOf, readHeaders } from './provider-headers.ts';
import { proxyIn, proxyOfEnvironment, type UpstreamProxy } from './upstream-proxy.ts';

type Common = Values<typeof providerKeys>;
type Http = Values<typeof httpProviderKeys>;
type Loopback = Values<typeof loopbackProviderKeys>;

/** The parts of one `[provider.NAME]` that could be read; a part at fault is missing. */
export interface ProviderSettings {
  readonly name: string;
  readonly common: Partial<Common>;
  readonly http: Partial<Http> | null;
  readonly loopback: Partial<Loopback> | null;
  readonly headers: readonly FixedHeader[];
  /** Undefined if it is at fault. */
  readonly proxy: UpstreamProxy | null | undefined;
}

export interface ProviderSources {
  readonly written: SettingFile;
  readonly reader: SettingsReader;
  readonly faults: FaultList;
  readonly env: Environment;
}

type Environment = Readonly<Record<string, string | undefined>>;

const sectionOf = (name: string) => `provider.${name}`;

export const readProvider = (name: string, sources: ProviderSources): ProviderSettings => {
  const { reader } = sources;
  const section = sectionOf(name);
  const common = reader.read(section, providerKeys);
  const type = common.type?.value;
  const none = { name, common, http: null, loopback: null, headers: [], proxy: null };
  if (type === undefined) return none;
  if (type === 'loopback') {
    refuse(section, { ...httpProviderKeys, ...headerRules(section, sources) }, 'openai and anthropic', sources);
    return { ...none, loopback: reader.read(section, loopbackProviderKeys) };
  }
  refuse(section, loopbackProviderKeys, 'loopback', sources);
  const http = reader.read(section, httpProviderKeys);
  const headers = readHeaders(section, sources);
  refuseSecondKey(section, { type, http, headers }, sources);
  return { ...none, http, headers, proxy: proxyOf(section, http, sources) };
};

const refuse = (section: string, keys: Keys, types: string, { reader, faults }: ProviderSources): void => {
  for (const [key, rule] of Object.entries(keys)) {
    if (reader.isGiven(section, key, rule)) faults.add(section, key, `is for type ${types} only`);
  }
};

const refuseSecondKey = (
  section: string,
  { type, http, headers }: { type: 'openai' | 'anthropic'; http: Partial<Http>; headers: readonly FixedHeader[] },
  { faults }: ProviderSources,
): void => {
  const name = keyHeaderOf(type);
  if (http.api_key?.value && headers.some(([header]) => header === name))
    faults.add(section, `header.${name}`, 'api_key sends this header already; set one of the two');
};

const proxyOf = (
  section: string,
  { proxy, base_url }: Partial<Http>,
  { faults, env }: ProviderSources,
): UpstreamProxy | null | undefined => {
  if (proxy === undefined || base_url === undefined) return undefined;
  if (proxy.value === 'none') return null;
  if (proxy.value !== 'environment') return proxy.value;
  const found = proxyOfEnvironment(base_url.value, env);
  if (found === null) return null;
  const named = proxyIn(found.value);
  if (named === undefined)
    faults.add(section, 'proxy', `${found.variable} must be an http:// or https:// URL without a path`);
  return named;
};

/** The proxies that the environment names are used only on request, because prompts go through them. */
export const unusedProxies = (providers: readonly ProviderSettings[], env: Environment): string[] => {
  const byVariable = new Map<string, string[]>();
  for (const { name, http } of providers) {
    if (http?.proxy?.source !== 'default' || http.base_url === undefined) continue;
    const variable = proxyOfEnvironment(http.base_url.value, env)?.variable.toUpperCase();
    if (variable !== undefined) byVariable.set(variable, [...(byVariable.get(variable) ?? []), `[${sectionOf(name)}]`]);
  }
  return [...byVariable].map(
    ([variable, names]) =>
      `${variable} is set, but not used for ${names.join(', ')}: with proxy = environment calls go through it, with proxy = none this is not said again`,
  );
};

/** Returns the name of the pool whose seats the provider takes. */
export const poolOf = ({ name, common }: ProviderSettings): string => common.pool?.value ?? name;

/** To be called only if there are no faults. */
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
    headers: settings.headers,
    proxy: settings.proxy ?? null,
    affinity: http.affinity.value,
  };
};
