import type { Edition, Policy, ShareBy } from '../domain/vocabulary.ts';
import type { ClusterConfig } from './cluster.ts';
import type { CorsOrigins } from './cors-origins.ts';
import type { PoolValues, sections } from './keys.ts';
import type { LogConfig } from './log.ts';
import type { TracingConfig } from './otel/tracing.ts';
import type { UpstreamProxy } from './providers/upstream-proxy.ts';
import type { RouteConfig } from './routes/route-rules.ts';
import type { TelemetryConfig } from './telemetry.ts';
import type { Values } from './values.ts';

export type { CorsOrigins } from './cors-origins.ts';
export type { LogConfig, Shares } from './log.ts';
export type { TracingConfig } from './otel/tracing.ts';
export type { UpstreamProxy } from './providers/upstream-proxy.ts';
export type { RouteConfig } from './routes/route-rules.ts';

/** The whole configuration, parsed and checked once; every part receives its own section. */
export interface Config {
  readonly gateway: GatewayConfig;
  readonly database: DatabaseConfig;
  readonly cluster: ClusterConfig;
  readonly auth: AuthConfig;
  readonly mediaRates: MediaRates;
  readonly apiKeyPriority: PrioritySettings;
  readonly console: ConsoleConfig;
  readonly providers: readonly ProviderConfig[];
  readonly pools: readonly PoolConfig[];
  readonly tenants: readonly TenantConfig[];
  readonly routes: readonly RouteConfig[];
  /** Absent: nothing is traced. */
  readonly tracing?: TracingConfig;
  readonly telemetry: TelemetryConfig;
  readonly log: LogConfig;
  readonly master: MasterKeys;
  /** What rows of providers and routes are read over. */
  readonly written: WrittenTexts;
}

/** What the file and the environment say of providers, pools and routes, as texts. Holds secrets. */
export interface WrittenTexts {
  /** By section and key. */
  readonly sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** By the name of the variable. */
  readonly environment: ReadonlyMap<string, string>;
  /** The variables that name proxies. */
  readonly proxies: Readonly<Record<string, string>>;
  /** See `HttpProviderConfig.allowedNetworks`: only the file allows them. */
  readonly allowedNetworks: readonly string[];
}

/** They seal the keys of upstreams that are stored; hex digits. Null: none can be stored. */
export interface MasterKeys {
  readonly key: string | null;
  readonly previous: string | null;
}

interface GatewayConfig {
  readonly edition: Edition;
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  readonly dataDir: string;
  /** After the signal to stop, everything is still served for this time, so that load balancers notice … */
  readonly shutdownDelayMs: number;
  /** … and then the requests in progress for this time. */
  readonly shutdownGraceMs: number;
  readonly maxBodyBytes: number;
  /** The limit of all clients together … */
  readonly maxConnections: number;
  /** … and of one address, except trusted proxies. */
  readonly maxConnectionsPerAddress: number;
  /** Addresses and networks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly allowedUpstreamNetworks: readonly string[];
  /** A body that comes in more slowly is abandoned; 0: no limit. */
  readonly minBodyBytesPerSec: number;
  /** The gateway's name; null: its host name and port. */
  readonly name: string | null;
  /** Whether answers and log lines have its name. */
  readonly tellsName: boolean;
  /** The processes that serve the port; more than one are members of a fleet. */
  readonly workers: number;
  /** The web pages that may read the answers of model routes; null: none, and then they are not told anything. */
  readonly corsOrigins: CorsOrigins | null;
  /** Whether answers name the model as it was asked for, where its provider calls it otherwise. */
  readonly restoresModel: boolean;
}

interface DatabaseConfig {
  /** postgres://…; null in Team means the embedded PostgreSQL under `dataDir`. */
  readonly url: string | null;
  /** Where LISTEN connects; null means `url`. */
  readonly listenUrl: string | null;
}

interface AuthConfig {
  readonly disabled: boolean;
  /** The names of this gateway, beside those of loopback, by which it may be called while `disabled`. */
  readonly allowedHosts: readonly string[];
  readonly adminEmail: string;
  readonly adminKey: string | null;
  readonly cacheTtlMs: number;
  readonly staleMaxMs: number;
  /** The most concurrent requests of one key; null: no limit. */
  readonly maxStreamsPerKey: number | null;
}

/** The admin console and its sessions. */
interface ConsoleConfig {
  readonly enabled: boolean;
  /** A session without a request for this long ends … */
  readonly sessionIdleMs: number;
  /** … and each ends after this time. */
  readonly sessionMaxMs: number;
}

/** The input tokens that base64 media in a request count as. */
export interface MediaRates {
  readonly imageTokens: number;
  /** Decoded bytes of other media that count as one token. */
  readonly bytesPerToken: number;
}

/** The section `[api_key_priority]`; rows of `api_key_priority_config` override it at run time. */
export type PrioritySettings = Values<typeof sections.api_key_priority>;

/** How one pool shares its seats; all of it can be changed while it runs. Lists have ten entries, P0 … P9. */
export interface PoolSettings {
  readonly seats: number;
  readonly policy: Policy;
  /** Whether the levels share by weight, or all tenants of these levels together. */
  readonly shareBy: ShareBy;
  /** Greater than 0. */
  readonly weights: readonly number[];
  /** Seats that are never lent to other levels; together fewer than the seats. */
  readonly reserved: readonly number[];
  /** The most seats of a level; Infinity if none is set: all seats. */
  readonly cap: readonly number[];
  readonly requestsPerSec: number | null;
  /** Null: one second's worth, and at least one request. */
  readonly requestBurst: number | null;
  readonly tokensPerSec: number | null;
  /** Null: one second's worth. */
  readonly tokenBurst: number | null;
  /** The limit of the estimated tokens of requests that hold seats; null: none. */
  readonly maxTokensInFlight: number | null;
  /** Whether the number of seats follows what the upstream refuses and accepts. */
  readonly aimd: boolean;
  /** After the signal to stop, the queue is served for this time. */
  readonly queueDrainMs: number;
  readonly queueTimeoutMs: readonly number[];
  /** Requests that may wait in each level … */
  readonly maxQueueDepth: readonly number[];
  /** … and in all of them together. */
  readonly maxQueueDepthPool: number;
  /** Bytes of request bodies that may wait. */
  readonly maxQueuedBytes: number;
}

export interface PoolConfig {
  readonly name: string;
  /** Of all endpoints of its providers together, up to which `max_concurrent` caps them; `settings.seats` is the result. */
  readonly seats: number;
  readonly settings: PoolSettings;
  /** The same values under their names in the file, each with its source. */
  readonly values: PoolValues;
}

/** The rules for one flow ID in every pool, over all levels. */
export interface TenantConfig {
  readonly tenantId: string;
  /** Its share among the tenants that it shares with (shareBy); other tenants have weight 1. */
  readonly weight: number;
  readonly maxConcurrent: number | null;
  readonly requestsPerSec: number | null;
  readonly tokensPerSec: number | null;
  readonly maxQueueDepth: number | null;
}

interface ProviderBase {
  readonly name: string;
  /** Names or globs (`*` matches any text) of the models it serves. */
  readonly models: readonly string[];
  readonly pool: string;
  /** Whether it takes the operations beyond chat, completions, embeddings, Responses and messages. */
  readonly passthrough: boolean;
}

export interface HttpProviderConfig extends ProviderBase {
  readonly type: 'openai' | 'anthropic';
  /**
   * As the vendor's SDK expects them, without a trailing slash: openai with /v1, anthropic without. `dns+http://…`: each
   * address of the name. Their origins differ.
   */
  readonly baseUrls: readonly [string, ...string[]];
  readonly seats: EndpointSeating;
  readonly apiKey: string | null;
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** From sending a request to the last byte of its answer. */
  readonly totalTimeoutMs: number;
  /** How the level is sent to the upstream; null: not at all. */
  readonly forwardPriority: ForwardPriority | null;
  /** Clients' headers that go upstream although they carry credentials; in lower case. */
  readonly passHeaders: readonly string[];
  /** The headers that go upstream with every call, names in lower case; they may contain secrets. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The proxy on the way to the upstream; null: none. */
  readonly proxy: UpstreamProxy | null;
  /** Asked of each endpoint every few seconds; null: nothing is. */
  readonly healthPath: string | null;
  /** Whether a request that the upstream may have begun is sent again; null: where there is another endpoint. */
  readonly retryUnsafe: boolean | null;
  /** The networks that calls may go to although they are refused otherwise (upstreams/endpoints/forbidden.ts). */
  readonly allowedNetworks: readonly string[];
  /** Keys that are used in turn, in place of `apiKey`. */
  readonly keys?: readonly UpstreamKey[];
  /** Why no request may go there; absent: they may. */
  readonly fault?: string;
}

export interface UpstreamKey {
  readonly secret: string;
  /** What may be told of it. */
  readonly fingerprint: string;
}

/** The seats of each endpoint, or those that the endpoints divide because other providers have the same pool. */
export type EndpointSeating = { readonly each: number } | { readonly inAll: number };

export type ForwardPriority = 'vllm' | 'sglang' | 'service_tier';

export interface LoopbackProviderConfig extends ProviderBase {
  readonly type: 'loopback';
  /** From the start to the first byte. */
  readonly serviceMs: number;
  /** Between two of the twenty chunks. */
  readonly chunkMs: number;
}

export type ProviderConfig = HttpProviderConfig | LoopbackProviderConfig;
