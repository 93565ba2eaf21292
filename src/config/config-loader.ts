import { readFileSync, statSync } from 'node:fs';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { utf8 } from '../domain/text/utf8.ts';
import { checkCluster, toCluster } from './cluster.ts';
import type { Config } from './config.ts';
import { readEnvironment } from './file/environment.ts';
import { ConfigFaults, FaultList } from './file/faults.ts';
import { readableSentence } from './file/readable-by-others.ts';
import { withSecretFiles } from './file/secret-files.ts';
import { readSettingFile, type SettingFile } from './file/setting-file.ts';
import { type GivenTexts, SettingsReader } from './file/settings-reader.ts';
import { closest } from './file/suggestion.ts';
import { homeOf, isHeaderKey, keysOf, sectionNames, sections } from './keys.ts';
import { checkLog, toLog } from './log.ts';
import { readTracing } from './otel/tracing.ts';
import { readPools, toPool } from './pools/pools.ts';
import { readTenants, toTenant } from './pools/tenants.ts';
import { withHeadersOf } from './providers/provider-headers.ts';
import { type ProviderSettings, readProvider, toProviders, unusedProxies } from './providers/provider-settings.ts';
import { writtenOf } from './providers/written.ts';
import { readRoutes, toRoute } from './routes/routes.ts';
import { checkTelemetry, toTelemetry } from './telemetry.ts';
import type { Values } from './values.ts';
import { workersOf, workersWarning } from './workers.ts';

export type { Config } from './config.ts';
export { ConfigFaults, describeFault } from './file/faults.ts';
export type { GivenTexts } from './file/settings-reader.ts';

export interface ConfigSources {
  /** The ini file; null: none, everything else is default or environment. */
  readonly file: string | null;
  /** Replaces the content of the file. */
  readonly text?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether log lines go to a terminal, where `pretty` is the default. */
  readonly isTerminal: boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Sentences for the log, without secrets. */
  readonly warnings: string[];
  readonly given: GivenTexts;
}

type Fixed = { [S in keyof typeof sections]: Values<(typeof sections)[S]> };
type FixedRead = { [S in keyof Fixed]: Partial<Fixed[S]> };

const providerPrefix = 'provider.';

/** Returns the checked configuration. Throws `ConfigFaults` with all faults, not only the first. */
export const loadConfig = ({ file, text, env: given, isTerminal }: ConfigSources): LoadedConfig => {
  const faults = new FaultList();
  const warnings: string[] = [];
  const read = text ?? (file === null ? '' : readText(file));
  const readable = file === null ? null : readableSentence(file, read);
  if (readable !== null) warnings.push(readable);
  const ini = readSettingFile(read, faults);
  const { env, files } = withSecretFiles(given, ini);
  const written = withHeadersOf(env, ini);
  checkNames(written, faults);
  const environment = readEnvironment(env, written, { files, faults, warnings });
  const reader = new SettingsReader(written, environment, faults);
  const fixed = readFixed(reader);
  const providers = [...written.keys()]
    .filter(section => section.startsWith(providerPrefix))
    .map(section => readProvider(section.slice(providerPrefix.length), { written, reader, faults, env }));
  warnings.push(...unusedProxies(providers, env));
  const unmet = workersWarning(fixed.gateway);
  if (unmet !== null) warnings.push(unmet);
  checkTogether(fixed, providers, faults);
  const tracing = readTracing(env, fixed.tracing, warnings);
  const pools = readPools(providers, { written, reader, faults });
  const tenants = readTenants(written, reader);
  const routes = readRoutes(providers, { written, reader, faults });
  faults.throwIfAny();
  // No value is missing here.
  const complete = fixed as Fixed;
  const allowedNetworks = complete.gateway.allowed_upstream_networks.value ?? [];
  const config = {
    ...toConfig(complete, isTerminal),
    providers: toProviders(providers, allowedNetworks),
    pools: pools.map(pool => toPool(pool, complete.scheduler)),
    tenants: tenants.map(toTenant),
    routes: routes.map(route => toRoute(route)),
    ...(tracing && { tracing }),
    written: writtenOf(written, environment, { env, allowedNetworks }),
  };
  return { config, warnings, given: reader.texts };
};

/** The sections whose names are fixed. */
const readFixed = (reader: SettingsReader): FixedRead => ({
  gateway: reader.read('gateway', sections.gateway),
  database: reader.read('database', sections.database),
  cluster: reader.read('cluster', sections.cluster),
  auth: reader.read('auth', sections.auth),
  api_key_priority: reader.read('api_key_priority', sections.api_key_priority),
  master: reader.read('master', sections.master),
  console: reader.read('console', sections.console),
  scheduler: reader.read('scheduler', sections.scheduler),
  tracing: reader.read('tracing', sections.tracing),
  telemetry: reader.read('telemetry', sections.telemetry),
  log: reader.read('log', sections.log),
});

/**
 * The same for this process: its environment, in which `usual` stands for variables that are not set, and standard
 * output for the log.
 */
export const loadProcessConfig = (file: string, usual: Readonly<Record<string, string>> = {}): LoadedConfig => {
  const env = { ...process.env };
  for (const [name, value] of Object.entries(usual)) {
    const isSet = [name, `${name}_FILE`].some(given => (env[given]?.trim() ?? '') !== '');
    if (!isSet) env[name] = value;
  }
  return loadConfig({ file, env, isTerminal: process.stdout.isTTY === true });
};

/** The same while requests are served: a writer of a pipe, who may never come, is not waited for. */
export const reloadProcessConfig = (file: string): LoadedConfig => {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isFIFO() || stats?.isCharacterDevice())
    throw fileFault(file, 'it is a pipe or a device, which is read at the start only');
  return loadProcessConfig(file);
};

const readText = (file: string): string => {
  const read = utf8(readBytes(file));
  if ('fault' in read) throw fileFault(file, `it ${read.fault}`);
  return read.text;
};

const readBytes = (file: string): Uint8Array => {
  try {
    return readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file',
      EACCES: 'it may not be read',
      EISDIR: 'it is a folder',
    };
    throw fileFault(file, reasons[String(code)] ?? `it cannot be read (${String(code)})`);
  }
};

const fileFault = (file: string, reason: string): ConfigFaults =>
  new ConfigFaults([{ section: null, key: null, message: `the configuration file ${file}: ${reason}` }]);

const suggestion = (near: string | null, known: readonly string[]): string =>
  near === null ? `there are ${known.join(', ')}` : `is ${near} meant?`;

const checkNames = (written: SettingFile, faults: FaultList): void => {
  for (const [section, values] of written) {
    const keys = keysOf(section);
    if (keys === null) {
      const near = sectionNames.find(name => name.startsWith(`${section}.`)) ?? closest(section, sectionNames);
      faults.add(section, null, `unknown section: ${suggestion(near, sectionNames)}`);
      continue;
    }
    const names = Object.keys(keys);
    for (const key of values.keys()) {
      if (Object.hasOwn(keys, key) || isHeaderKey(section, key)) continue;
      faults.add(section, key, unknownKey(key, names));
    }
  }
};

const unknownKey = (key: string, names: readonly string[]): string => {
  const near = closest(key, names);
  const home = isHeaderKey('provider.NAME', key) ? 'provider.NAME' : homeOf(key);
  if (near === null && home !== undefined) return `unknown key: it belongs to [${home}]`;
  return `unknown key: ${suggestion(near, names)}`;
};

const loopbackAddresses = new BlockList();
loopbackAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
loopbackAddresses.addAddress('::1', 'ipv6');

const isLoopback = (host: string): boolean =>
  isIP(host) === 0 ? host.toLowerCase() === 'localhost' : loopbackAddresses.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');

/** Adds the faults that appear only when several settings are read together. */
const checkTogether = (fixed: FixedRead, providers: readonly ProviderSettings[], faults: FaultList): void => {
  const { gateway, database, auth, api_key_priority } = fixed;
  if (gateway.edition?.value === 'personal') {
    const onlyTeam = 'needs [gateway] edition = team';
    if (api_key_priority.enabled?.value === true) faults.add('api_key_priority', 'enabled', onlyTeam);
    if (typeof database.url?.value === 'string') faults.add('database', 'url', onlyTeam);
  }
  if (typeof database.listen_url?.value === 'string' && database.url?.value === null) {
    faults.add('database', 'listen_url', 'needs a url beside it');
  }
  if (auth.disabled?.value === true && gateway.host !== undefined && !isLoopback(gateway.host.value)) {
    faults.add('auth', 'disabled', 'needs [gateway] host on a loopback address, as 127.0.0.1');
  }
  checkLog(fixed.log, faults);
  const { edition, host, port } = gateway;
  const workers = workersOf(gateway);
  checkCluster(fixed.cluster, { edition: edition?.value, host: host?.value, port: port?.value, workers }, faults);
  checkTelemetry(fixed.telemetry, gateway, faults);
  const { key, key_previous } = fixed.master;
  if (typeof key_previous?.value === 'string' && key?.value === null)
    faults.add('master', 'key_previous', 'needs key beside it, the one that seals from now on');
  // Of the Team edition the database may have them all.
  if (providers.length === 0 && edition?.value !== 'team')
    faults.add(null, null, 'no provider: at least one section [provider.NAME] is needed');
};

const toConfig = (
  fixed: Fixed,
  isTerminal: boolean,
): Omit<Config, 'providers' | 'pools' | 'tenants' | 'routes' | 'tracing' | 'written'> => {
  const { gateway, database, auth, scheduler, console, log } = fixed;
  const cluster = toCluster(fixed.cluster, gateway.edition.value);
  return {
    gateway: toGateway(gateway, cluster.enabled),
    database: { url: database.url.value, listenUrl: database.listen_url.value },
    cluster,
    auth: {
      disabled: auth.disabled.value,
      allowedHosts: auth.allowed_hosts.value ?? [],
      adminEmail: auth.admin_email.value,
      adminKey: auth.admin_key.value,
      cacheTtlMs: auth.cache_ttl_sec.value,
      staleMaxMs: auth.stale_max_sec.value,
      maxStreamsPerKey: auth.max_streams_per_key.value,
    },
    mediaRates: {
      imageTokens: scheduler.image_tokens.value,
      bytesPerToken: scheduler.media_bytes_per_token.value,
    },
    apiKeyPriority: fixed.api_key_priority,
    master: { key: fixed.master.key.value, previous: fixed.master.key_previous.value },
    console: {
      enabled: console.enabled.value,
      sessionIdleMs: console.session_idle_min.value,
      sessionMaxMs: console.session_max_hours.value,
    },
    telemetry: toTelemetry(fixed.telemetry),
    log: toLog(log, isTerminal),
  };
};

const toGateway = (gateway: Fixed['gateway'], isInFleet: boolean): Config['gateway'] => ({
  edition: gateway.edition.value,
  host: gateway.host.value,
  port: gateway.port.value,
  dataDir: resolve(gateway.data_dir.value),
  shutdownDelayMs: gateway.shutdown_delay_sec.value,
  shutdownGraceMs: gateway.shutdown_grace_sec.value,
  maxBodyBytes: gateway.max_body_mb.value,
  maxConnections: gateway.max_connections.value,
  maxConnectionsPerAddress: gateway.max_connections_per_address.value,
  trustedProxies: gateway.trusted_proxies.value ?? [],
  allowedUpstreamNetworks: gateway.allowed_upstream_networks.value ?? [],
  minBodyBytesPerSec: gateway.min_body_bytes_per_sec.value,
  name: gateway.name.value,
  tellsName: gateway.tell_name.value ?? isInFleet,
  workers: workersOf(gateway),
  corsOrigins: gateway.cors_origins.value,
  restoresModel: gateway.restore_model.value,
});
