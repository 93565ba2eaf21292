import type { EndpointSeating, ProviderConfig } from '../config.ts';
import type { FaultList } from '../file/faults.ts';
import type { SettingFile } from '../file/setting-file.ts';
import type { SettingsReader } from '../file/settings-reader.ts';
import { httpProviderKeys, loopbackProviderKeys, providerKeys } from '../keys.ts';
import type { Keys, Values } from '../values.ts';
import { type BaseUrls, baseUrlIn, endpointCount, repeatedOrigin } from './base-urls.ts';
import { type FixedHeader, headerRules, keyHeaderOf, readHeaders } from './provider-headers.ts';
import { type FoundProxy, proxyIn, proxyOfEnvironment, type UpstreamProxy } from './upstream-proxy.ts';

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
  refuseSameOrigin(section, http, sources);
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

const refuseSameOrigin = (section: string, { base_url }: Partial<Http>, { faults }: ProviderSources): void => {
  const twice = base_url === undefined ? null : repeatedOrigin(base_url.value);
  if (twice !== null)
    faults.add(section, 'base_url', `has ${twice} twice; each endpoint must have another host or port`);
};

const proxyOf = (
  section: string,
  { proxy, base_url }: Partial<Http>,
  { faults, env }: ProviderSources,
): UpstreamProxy | null | undefined => {
  if (proxy === undefined || base_url === undefined) return undefined;
  if (proxy.value === 'none') return null;
  const found = proxy.value === 'environment' ? foundFor(base_url.value, env) : null;
  if (found === 'differs') {
    faults.add(section, 'proxy', 'the environment must name one proxy for all URLs of base_url, or none for all');
    return undefined;
  }
  const isUsed = proxy.value !== 'environment' || found !== null;
  if (isUsed && endpointCount(base_url.value) === null)
    faults.add(section, 'base_url', 'dns+ needs proxy = none, because a proxy looks up the names itself');
  if (proxy.value !== 'environment') return proxy.value;
  if (found === null) return null;
  const named = proxyIn(found.value);
  if (named === undefined)
    faults.add(section, 'proxy', `${found.variable} must be an http:// or https:// URL without a path`);
  return named;
};

const foundFor = (urls: BaseUrls, env: Environment): FoundProxy | null | 'differs' => {
  const [first = null, ...others] = urls.map(url => proxyOfEnvironment(baseUrlIn(url).url.href, env));
  return others.some(other => other?.value !== first?.value) ? 'differs' : first;
};

/** The proxies that the environment names are used only on request, because prompts go through them. */
export const unusedProxies = (providers: readonly ProviderSettings[], env: Environment): string[] => {
  const byVariable = new Map<string, string[]>();
  for (const { name, http } of providers) {
    if (http?.proxy?.source !== 'default' || http.base_url === undefined) continue;
    const found = http.base_url.value.map(url =>
      proxyOfEnvironment(baseUrlIn(url).url.href, env)?.variable.toUpperCase(),
    );
    for (const variable of new Set(found.filter(name => name !== undefined)))
      byVariable.set(variable, [...(byVariable.get(variable) ?? []), `[${sectionOf(name)}]`]);
  }
  return [...byVariable].map(
    ([variable, names]) =>
      `${variable} is set, but not used for ${names.join(', ')}: with proxy = environment calls go through it, with proxy = none this is not said again`,
  );
};

/** Returns the name of the pool whose seats the provider takes. */
export const poolOf = ({ name, common }: ProviderSettings): string => common.pool?.value ?? name;

/** The most seats that the provider's endpoints have together; null: they are as many as the addresses of a name. */
export const seatsInAll = ({ common, http }: ProviderSettings): number | null => {
  const count = http?.base_url === undefined ? 1 : endpointCount(http.base_url.value);
  return count === null ? null : count * (common.max_concurrent?.value ?? 1);
};

/** To be called only if there are no faults. */
export const toProviders = (
  providers: readonly ProviderSettings[],
  allowedNetworks: readonly string[],
): ProviderConfig[] => {
  const byPool = Map.groupBy(providers, poolOf);
  return providers.map(settings => {
    const given = byPool.get(poolOf(settings)) ?? [];
    return toProvider(settings, { seats: seatingOf(settings, given), allowedNetworks });
  });
};

/** Providers of one pool share one figure, which the endpoints of each then divide. */
const seatingOf = (settings: ProviderSettings, ofPool: readonly ProviderSettings[]): EndpointSeating => {
  const [figure = settings.common.max_concurrent] = ofPool
    .map(({ common }) => common.max_concurrent)
    .filter(asked => asked !== undefined && asked.source !== 'default');
  const seats = figure?.value ?? 1;
  return ofPool.length > 1 ? { inAll: seats } : { each: seats };
};

const toProvider = (
  settings: ProviderSettings,
  { seats, allowedNetworks }: { readonly seats: EndpointSeating; readonly allowedNetworks: readonly string[] },
): ProviderConfig => {
  const common = settings.common as Common;
  const base = {
    name: settings.name,
    models: common.models.value,
    pool: poolOf(settings),
    passthrough: common.passthrough.value === 'on',
  };
  const type = common.type.value;
  if (type === 'loopback') {
    const { service_ms, chunk_ms } = settings.loopback as Loopback;
    return { ...base, type, serviceMs: service_ms.value, chunkMs: chunk_ms.value };
  }
  const http = settings.http as Http;
  return {
    ...base,
    type,
    baseUrls: http.base_url.value,
    seats,
    apiKey: http.api_key.value,
    connectTimeoutMs: http.connect_timeout_sec.value,
    firstByteTimeoutMs: http.first_byte_timeout_sec.value,
    idleTimeoutMs: http.idle_timeout_sec.value,
    totalTimeoutMs: http.total_timeout_sec.value,
    forwardPriority: http.forward_priority.value,
    passHeaders: http.pass_headers.value ?? [],
    headers: settings.headers,
    proxy: settings.proxy ?? null,
    healthPath: http.health_path.value,
    retryUnsafe: http.retry_unsafe.value,
    allowedNetworks,
  };
};
