import type { Policy, ShareBy } from '../domain/vocabulary.ts';

/** How one pool shares its seats; config/config.ts has the same fields. Lists have ten entries, P0 … P9. */
export interface SchedulerSettings {
  readonly seats: number;
  readonly policy: Policy;
  /** Who shares what the levels get by weight: the levels, or all tenants of these levels together. */
  readonly shareBy: ShareBy;
  /** Positive numbers. */
  readonly weights: readonly number[];
  /** Seats that are never lent. */
  readonly reserved: readonly number[];
  /** The most seats of a level; Infinity: all. */
  readonly cap: readonly number[];
  readonly requestsPerSec: number | null;
  readonly requestBurst: number | null;
  readonly tokensPerSec: number | null;
  readonly tokenBurst: number | null;
  /** Estimated tokens of the requests that hold seats. */
  readonly maxTokensInFlight: number | null;
  /** The seats follow what the upstream takes and turns away. */
  readonly aimd: boolean;
  /** Places that may wait in each level … */
  readonly maxQueueDepth: readonly number[];
  /** … in all of them together … */
  readonly maxQueueDepthPool: number;
  /** … and the bytes of their bodies. */
  readonly maxQueuedBytes: number;
}

/** What holds for one flow id over all levels. */
export interface TenantRules {
  /** Its share among the flows that it shares with (shareBy); the others have 1. */
  readonly weight: number;
  readonly maxConcurrent: number | null;
  readonly requestsPerSec: number | null;
  readonly tokensPerSec: number | null;
  readonly maxQueueDepth: number | null;
}

/** By flow id. */
export type Tenants = ReadonlyMap<string, TenantRules>;
