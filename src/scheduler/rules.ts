import type { Policy, ShareBy } from '../domain/vocabulary.ts';

/** How one pool shares its seats; config/config.ts has the same fields. Lists have ten entries, P0 … P9. */
export interface SchedulerSettings {
  readonly seats: number;
  readonly policy: Policy;
  /** Whether the levels share by weight, or all tenants of these levels together. */
  readonly shareBy: ShareBy;
  /** Greater than 0. */
  readonly weights: readonly number[];
  /** Seats that are never lent to other levels. */
  readonly reserved: readonly number[];
  /** The most seats of a level; Infinity: all. */
  readonly cap: readonly number[];
  readonly requestsPerSec: number | null;
  readonly requestBurst: number | null;
  readonly tokensPerSec: number | null;
  readonly tokenBurst: number | null;
  /** The limit of the estimated tokens of requests that hold seats; null: none. */
  readonly maxTokensInFlight: number | null;
  /** Whether the number of seats follows what the upstream takes and turns away. */
  readonly aimd: boolean;
  /** The most places that may wait in each level … */
  readonly maxQueueDepth: readonly number[];
  /** … in all of them together … */
  readonly maxQueueDepthPool: number;
  /** … and the bytes of their bodies. */
  readonly maxQueuedBytes: number;
}

/** The rules for one flow ID over all levels. */
export interface TenantRules {
  /** Its share among the flows that it shares with (shareBy); other flows have weight 1. */
  readonly weight: number;
  readonly maxConcurrent: number | null;
  readonly requestsPerSec: number | null;
  readonly tokensPerSec: number | null;
  readonly maxQueueDepth: number | null;
}

/** The rules by flow ID. */
export type Tenants = ReadonlyMap<string, TenantRules>;
