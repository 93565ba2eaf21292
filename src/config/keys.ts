import { emailOf } from '../domain/text/email.ts';
import { gatewayHeaderPrefix, gatewayHeaders, hopByHopHeaders } from '../domain/text/header-names.ts';
import {
  affinities,
  editions,
  levelCount,
  mappingModes,
  maxKeyBytes,
  policies,
  shareBys,
  xPriorityPolicies,
} from '../domain/vocabulary.ts';
import { clusterKeys } from './cluster.ts';
import { corsOrigins } from './cors-origins.ts';
import { host, hostNames, networks } from './hosts.ts';
import { logKeys } from './log.ts';
import { tracingKeys } from './otel/tracing.ts';
import { postgresUrl } from './postgres-url.ts';
import { baseUrls } from './providers/base-urls.ts';
import { proxyIn, type UpstreamProxy } from './providers/upstream-proxy.ts';
import { telemetryKeys } from './telemetry.ts';
import {
  choice,
  decimal,
  flag,
  type Key,
  list,
  oneOrPerLevel,
  optional,
  type Parser,
  perLevel,
  required,
  seconds,
  someLevels,
  text,
  type Values,
  whole,
  withDefault,
} from './values.ts';
import { workerCount } from './workers.ts';

/* All keys: section, name, allowed values, default. config/setting.ini shows the same to operators (a test compares
   the two), and the name in the environment follows from the place here. */

const daySec = 86_400;
/** The maximum age of the mappings in memory. */
export const mappingTtlSec = { least: 1, most: daySec } as const;
const minuteMs = 60_000;
const bytesPerMb = 1024 * 1024;

// The key is sent in a header, and longer keys are never accepted.
const adminKey = text(`24 to ${maxKeyBytes} visible characters`, new RegExp(`^[\\x21-\\x7e]{24,${maxKeyBytes}}$`));
const vendorKey = text('visible characters', /^[\x21-\x7e]{1,4096}$/);
const name = text('a letter, then letters, digits, - or _', /^[A-Za-z][A-Za-z0-9_-]{0,63}$/);

const email = {
  allowed: '3 to 254 characters with one @ and text on both sides',
  parse: (value: string) => emailOf(value) ?? undefined,
};

/** The most seats of a pool, of an endpoint and of a tenant. */
export const mostSeats = 100_000;

const connectionCount = whole(1, 1_000_000);
const weights = perLevel('numbers from 0.001 to 1000000 with at most three decimals', decimal(0.001, 1_000_000));
const queueDepth = oneOrPerLevel(whole(0, 1_000_000));
const poolDepth = whole(0, 10_000_000);
const queueTimeout = oneOrPerLevel(seconds(0.001, daySec));
const queuedBytes = whole(1, 1_048_576, bytesPerMb);
const requestRate = decimal(0.001, 1_000_000);
const tokenRate = decimal(0.001, 1_000_000_000);
const tokens = whole(1, 1_000_000_000_000);
/** As hex digits. */
const masterKey = {
  allowed: '32 random bytes as base64 or as 64 hex digits (openssl rand -base64 32)',
  parse: (text: string) => {
    if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
    if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
    const bytes = Buffer.from(text, 'base64');
    return bytes.length === 32 ? bytes.toString('hex') : undefined;
  },
};
const seats = whole(1, mostSeats);
const models = list('names or globs of models', parts => parts);

const longestRouteText = 16_384;
const routeText: Parser<string> = {
  allowed: `a text of 1 to ${longestRouteText} characters, such as gpu:llama-70b, cloud`,
  parse: text => (text.length >= 1 && text.length <= longestRouteText ? text : undefined),
};

const neverPassed = new Set([...hopByHopHeaders, ...gatewayHeaders]);
const isPassable = (name: string): boolean =>
  /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && !neverPassed.has(name) && !name.startsWith(gatewayHeaderPrefix);
const headerNames = list('names of headers other than those that the gateway itself reads or writes', parts => {
  const names = parts.map(part => part.toLowerCase());
  return names.every(isPassable) ? names : undefined;
});

const healthPath = text('a path on the upstream, from the root, such as /health', /^\/[\w.~!$&'()*+,;=:@%/-]{0,255}$/);

const upstreamProxy = {
  allowed: 'none, environment, or an http:// or https:// URL without a path (in a password, @ is %40 and / is %2F)',
  parse: (value: string): 'none' | 'environment' | UpstreamProxy | undefined =>
    value === 'none' || value === 'environment' ? value : /^https?:/i.test(value) ? proxyIn(value) : undefined,
};

export const sections = {
  gateway: {
    edition: withDefault('personal', choice(editions)),
    host: withDefault('127.0.0.1', host),
    port: withDefault('8081', whole(0, 65_535)),
    data_dir: withDefault(
      './data',
      text('a folder, without line breaks and other control characters in its name', /^\P{Cc}+$/u),
    ),
    shutdown_delay_sec: withDefault('0', seconds(0, 3600)),
    shutdown_grace_sec: withDefault('10', seconds(0, 3600)),
    max_body_mb: withDefault('32', whole(1, 1024, bytesPerMb)),
    // Above max_queue_depth_pool: when all is full the lanes decide which request leaves, not the connection limit.
    max_connections: withDefault('16000', connectionCount),
    max_connections_per_address: withDefault('12000', connectionCount),
    trusted_proxies: optional(networks),
    allowed_upstream_networks: optional(networks),
    min_body_bytes_per_sec: withDefault('1024', whole(0, 1_000_000_000)),
    name: optional(text('1 to 100 visible characters', /^[\x21-\x7e]{1,100}$/)),
    tell_name: optional(flag),
    workers: withDefault('1', workerCount),
    cors_origins: optional(corsOrigins),
    restore_model: withDefault('false', flag),
  },
  database: {
    url: optional(postgresUrl),
    listen_url: optional(postgresUrl),
  },
  cluster: clusterKeys,
  auth: {
    disabled: withDefault('false', flag),
    allowed_hosts: optional(hostNames),
    admin_email: withDefault('admin@local', email),
    admin_key: optional(adminKey),
    cache_ttl_sec: withDefault('30', seconds(1, daySec)),
    stale_max_sec: withDefault('3600', seconds(0, 30 * daySec)),
    max_streams_per_key: optional(whole(1, 100_000)),
  },
  api_key_priority: {
    enabled: withDefault('false', flag),
    default_priority: withDefault('7', whole(0, levelCount - 1)),
    cache_ttl_sec: withDefault('300', whole(mappingTtlSec.least, mappingTtlSec.most)),
    x_priority: withDefault('allow', choice(xPriorityPolicies)),
    // The meaning of `enabled`.
    mode: withDefault('enforce', choice(mappingModes)),
  },
  // TOKLIGENCE_MASTER_KEY, and the one before it while keys that it has sealed are still stored.
  master: {
    key: optional(masterKey),
    key_previous: optional(masterKey),
  },
  console: {
    enabled: withDefault('true', flag),
    // The last request of a session is stored once a minute, so a shorter time could not be kept on every gateway.
    session_idle_min: withDefault('60', whole(5, 24 * 60, minuteMs)),
    session_max_hours: withDefault('12', whole(1, 7 * 24, 60 * minuteMs)),
  },
  scheduler: {
    policy: withDefault('hybrid', choice(policies)),
    share_by: withDefault('level', choice(shareBys)),
    weights: withDefault('10,9,8,7,6,5,4,3,2,1', weights),
    max_queue_depth: withDefault('1000', queueDepth),
    max_queue_depth_pool: withDefault('10000', poolDepth),
    queue_timeout_sec: withDefault('60', queueTimeout),
    max_queued_mb: withDefault('256', queuedBytes),
    image_tokens: withDefault('1000', whole(0, 1_000_000)),
    media_bytes_per_token: withDefault('16', whole(1, 1_000_000)),
  },
  tracing: tracingKeys,
  telemetry: telemetryKeys,
  log: logKeys,
} satisfies Record<string, Record<string, Key<unknown>>>;

/**
 * The keys of every `[pool.NAME]`; those that [scheduler] has too are empty here, and then the value of [scheduler]
 * applies.
 */
export const poolKeys = {
  policy: optional(choice(policies)),
  share_by: optional(choice(shareBys)),
  weights: optional(weights),
  reserved: withDefault('0,0,0,0,0,0,0,0,0,0', perLevel('whole numbers of seats from 0', whole(0, mostSeats))),
  cap: optional(perLevel('whole numbers of seats from 1', seats)),
  max_concurrent: optional(seats),
  requests_per_sec: optional(requestRate),
  request_burst: optional(whole(1, 1_000_000)),
  tokens_per_sec: optional(tokenRate),
  token_burst: optional(tokens),
  max_tokens_in_flight: optional(tokens),
  aimd: withDefault('false', flag),
  queue_drain_sec: withDefault('3', seconds(0, 3600)),
  queue_timeout_sec: optional(queueTimeout),
  max_queue_depth: optional(queueDepth),
  max_queue_depth_pool: optional(poolDepth),
  max_queued_mb: optional(queuedBytes),
} satisfies Record<string, Key<unknown>>;

export type PoolKey = keyof typeof poolKeys;
type SharedKey = PoolKey & keyof typeof sections.scheduler;
/** The values in effect of one pool: each key that [scheduler] has too has a value. */
export type PoolValues = Omit<Values<typeof poolKeys>, SharedKey> & Pick<Values<typeof sections.scheduler>, SharedKey>;

/** The keys of every `[tenant.TENANT_ID]`. */
export const tenantKeys = {
  weight: withDefault('1', decimal(0.001, 1_000_000)),
  max_concurrent: optional(seats),
  requests_per_sec: optional(requestRate),
  tokens_per_sec: optional(tokenRate),
  max_queue_depth: optional(whole(0, 1_000_000)),
} satisfies Record<string, Key<unknown>>;

/** The keys of every `[model.NAME]`. What is wrong in the first two is found in config/routes/, which says where. */
export const modelKeys = {
  targets: required(routeText),
  aliases: optional(routeText),
  spill_after_sec: optional(seconds(0, daySec)),
  spill_levels: optional(someLevels),
} satisfies Record<string, Key<unknown>>;

const providerTypes = ['openai', 'anthropic', 'loopback'] as const;

/** The keys of every `[provider.NAME]`. */
export const providerKeys = {
  type: required(choice(providerTypes)),
  models: withDefault('*', models),
  max_concurrent: withDefault('8', seats),
  pool: optional(name),
  passthrough: withDefault('on', choice(['on', 'off'])),
} satisfies Record<string, Key<unknown>>;

/** The further keys of types openai and anthropic. */
export const httpProviderKeys = {
  base_url: required(baseUrls),
  api_key: optional(vendorKey),
  connect_timeout_sec: withDefault('10', seconds(0.001, daySec)),
  first_byte_timeout_sec: withDefault('600', seconds(0.001, daySec)),
  idle_timeout_sec: withDefault('300', seconds(0.001, daySec)),
  total_timeout_sec: withDefault('3600', seconds(0.001, daySec)),
  forward_priority: optional(choice(['vllm', 'sglang', 'service_tier'])),
  pass_headers: optional(headerNames),
  proxy: withDefault('none', upstreamProxy),
  health_path: optional(healthPath),
  retry_unsafe: optional(flag),
  affinity: withDefault('none', choice(affinities)),
} satisfies Record<string, Key<unknown>>;

/** The further keys of type loopback. */
export const loopbackProviderKeys = {
  service_ms: withDefault('500', whole(0, 600_000)),
  chunk_ms: withDefault('20', whole(0, 60_000)),
} satisfies Record<string, Key<unknown>>;

export const allProviderKeys: Record<string, Key<unknown>> = {
  ...providerKeys,
  ...httpProviderKeys,
  ...loopbackProviderKeys,
};

/** The prefixes of named sections, and their keys. */
const namedSections: Record<string, Record<string, Key<unknown>>> = {
  'provider.': allProviderKeys,
  'pool.': poolKeys,
  'tenant.': tenantKeys,
  'model.': modelKeys,
};

/** The sections as a fault lists them. */
export const sectionNames = [...Object.keys(sections), 'provider.NAME', 'pool.NAME', 'tenant.TENANT_ID', 'model.NAME'];

/** The keys of a section by its name in the file; null when there is no such section. */
export const keysOf = (section: string): Record<string, Key<unknown>> | null => {
  const named = Object.keys(namedSections).find(prefix => section.startsWith(prefix));
  if (named !== undefined) return namedSections[named] ?? null;
  return Object.hasOwn(sections, section) ? sections[section as keyof typeof sections] : null;
};

/** The section that has this key, as a fault names it. */
export const homeOf = (key: string): string | undefined =>
  sectionNames.find(name => Object.hasOwn(keysOf(name) ?? {}, key));

/** Keys of a provider whose names are the operator's: config/providers/provider-headers.ts. */
export const headerPrefix = 'header.';
export const isHeaderKey = (section: string, key: string): boolean =>
  section.startsWith('provider.') && key.startsWith(headerPrefix);

export const environmentName = (section: string, key: string): string =>
  `TOKLIGENCE_${section}_${key}`.replaceAll(/[^A-Za-z0-9_]/g, '_').toUpperCase();
