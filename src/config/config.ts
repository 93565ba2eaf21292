import type { Edition, Policy, Setting, XPriorityPolicy } from '../domain/vocabulary.ts';

/** Everything that is configured, parsed and checked once; passed to whoever needs a part of it. */
export interface Config {
  readonly gateway: GatewayConfig;
  readonly database: DatabaseConfig;
  readonly auth: AuthConfig;
  readonly apiKeyPriority: PrioritySettings;
  readonly scheduler: SchedulerConfig;
  readonly providers: readonly ProviderConfig[];
  readonly pools: readonly PoolConfig[];
  readonly log: LogConfig;
}

export interface GatewayConfig {
  readonly edition: Edition;
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  readonly dataDir: string;
  readonly shutdownGraceMs: number;
  readonly maxBodyBytes: number;
}

export interface DatabaseConfig {
  /** postgres://…; null in Team means the embedded PostgreSQL under `dataDir`. */
  readonly url: string | null;
  /** Where LISTEN connects; null means `url`. */
  readonly listenUrl: string | null;
}

export interface AuthConfig {
  readonly disabled: boolean;
  readonly adminEmail: string;
  readonly adminKey: string | null;
  readonly cacheTtlMs: number;
  readonly staleMaxMs: number;
}

/** What `[api_key_priority]` says; rows of `api_key_priority_config` win over it at run time. */
export interface PrioritySettings {
  readonly enabled: Setting<boolean>;
  readonly default_priority: Setting<number>;
  readonly cache_ttl_sec: Setting<number>;
  readonly x_priority: Setting<XPriorityPolicy>;
}

export interface SchedulerConfig {
  readonly policy: Policy;
  /** Ten positive numbers, P0…P9. */
  readonly weights: readonly number[];
  /** Per pool and level. */
  readonly maxQueueDepth: number;
  readonly queueTimeoutMs: number;
  /** Bytes of request bodies that may wait in one pool. */
  readonly maxQueuedBytes: number;
}

export interface PoolConfig {
  readonly name: string;
  readonly seats: number;
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
}

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
}
