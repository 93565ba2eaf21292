import type { Edition, Policy, ShareBy } from '../domain/vocabulary.ts';
import type { PoolValues, sections } from './keys.ts';
import type { UpstreamProxy } from './providers/upstream-proxy.ts';
import type { Values } from './values.ts';

export type { UpstreamProxy } from './providers/upstream-proxy.ts';

/** Everything that is configured, parsed and checked once; passed to whoever needs a part of it. */
export interface Config {
  readonly gateway: GatewayConfig;
  readonly database: DatabaseConfig;
  readonly auth: AuthConfig;
  readonly mediaRates: MediaRates;
  readonly apiKeyPriority: PrioritySettings;
  readonly console: ConsoleConfig;
  readonly providers: readonly ProviderConfig[];
  readonly pools: readonly PoolConfig[];
  readonly tenants: readonly TenantConfig[];
  readonly log: LogConfig;
}

interface GatewayConfig {
  readonly edition: Edition;
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  readonly dataDir: string;
  /** After the signal to stop, all is served for so long, that balancers may notice … */
  readonly shutdownDelayMs: number;
  /** … and then what has begun for so long. */
  readonly shutdownGraceMs: number;
  readonly maxBodyBytes: number;
  /** Of all clients together … */
  readonly maxConnections: number;
  /** … and of one address, trusted proxies excepted. */
  readonly maxConnectionsPerAddress: number;
  /** Addresses and networks whose X-Forwarded-For tells the client's address. */
  readonly trustedProxies: readonly string[];
  /** A body that comes in more slowly is given up; 0: none is. */
  readonly minBodyBytesPerSec: number;
}

interface DatabaseConfig {
  /** postgres://…; null in Team means the embedded PostgreSQL under `dataDir`. */
  readonly url: string | null;
  /** Where LISTEN connects; null means `url`. */
  readonly listenUrl: string | null;
}

interface AuthConfig {
  readonly disabled: boolean;
  /** Beside those of loopback, the hosts by which this gateway may be called while `disabled`. */
  readonly allowedHosts: readonly string[];
  readonly adminEmail: string;
  readonly adminKey: string | null;
  readonly cacheTtlMs: number;
  readonly staleMaxMs: number;
  /** Requests of one key that may be under way; null: no limit. */
  readonly maxStreamsPerKey: number | null;
}

/** The admin console and its sessions. */
interface ConsoleConfig {
  readonly enabled: boolean;
  /** A session in which nothing is asked for so long ends … */
  readonly sessionIdleMs: number;
  /** … and each ends after so long. */
  readonly sessionMaxMs: number;
}

/** What base64 media in a request count for as input. */
export interface MediaRates {
  readonly imageTokens: number;
  /** Decoded bytes of other media that count as one token. */
  readonly bytesPerToken: number;
}

/** What `[api_key_priority]` says; rows of `api_key_priority_config` win over it at run time. */
export type PrioritySettings = Values<typeof sections.api_key_priority>;

/** How one pool shares its seats; all of it can be changed while it runs. Lists have ten entries, P0 … P9. */
export interface PoolSettings {
  readonly seats: number;
  readonly policy: Policy;
  /** Who shares what the levels get by weight: the levels, or all tenants of these levels together. */
  readonly shareBy: ShareBy;
  /** Positive numbers. */
  readonly weights: readonly number[];
  /** Seats that are never lent; together fewer than the seats. */
  readonly reserved: readonly number[];
  /** The most seats of a level; Infinity where none is set, so that all seats are meant. */
  readonly cap: readonly number[];
  readonly requestsPerSec: number | null;
  /** Null: one second's worth, and at least one request. */
  readonly requestBurst: number | null;
  readonly tokensPerSec: number | null;
  /** Null: one second's worth. */
  readonly tokenBurst: number | null;
  /** Estimated tokens of the requests that hold seats. */
  readonly maxTokensInFlight: number | null;
  /** Seats follow what the upstream refuses and accepts. */
  readonly aimd: boolean;
  /** After the signal to stop, the queue is served for so long. */
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
  readonly settings: PoolSettings;
  /** The same as configured, under the names of the file, each with where it comes from. */
  readonly values: PoolValues;
}

/** What holds for one flow id in every pool, over all levels. */
export interface TenantConfig {
  readonly tenantId: string;
  /** Its share among the tenants that it shares with (shareBy); the others have 1. */
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
}

export interface HttpProviderConfig extends ProviderBase {
  readonly type: 'openai' | 'anthropic';
  /** As the vendor's SDK takes it, without a trailing slash: openai with /v1, anthropic without. */
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly connectTimeoutMs: number;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** From sending a request to the last byte of its answer. */
  readonly totalTimeoutMs: number;
  /** How the level is told to the upstream; null: not at all. */
  readonly forwardPriority: ForwardPriority | null;
  /** Headers of clients that go upstream although they carry somebody's authority; in lower case. */
  readonly passHeaders: readonly string[];
  /** What goes upstream with every call, in lower case; secrets may be among them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** On the way to the upstream; null: none. */
  readonly proxy: UpstreamProxy | null;
}

export type ForwardPriority = 'vllm' | 'sglang' | 'service_tier';

export interface LoopbackProviderConfig extends ProviderBase {
  readonly type: 'loopback';
  /** From the start to the first byte. */
  readonly serviceMs: number;
  /** Between two of the twenty chunks. */
  readonly chunkMs: number;
}

export type ProviderConfig = HttpProviderConfig | LoopbackProviderConfig;

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'json' | 'pretty';
  /** Null: standard output. */
  readonly file: string | null;
}
