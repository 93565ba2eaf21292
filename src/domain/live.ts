import type { WaitPercentiles } from './stats.ts';
import type { Level, Policy, ShareBy } from './vocabulary.ts';

/** One level of a pool at this moment. */
export interface LiveLevel {
  readonly level: Level;
  readonly waiting: number;
  readonly running: number;
  /** Seats that are never lent, as they are in effect. */
  readonly reserved: number;
  /** The most seats that it may have; null: all. */
  readonly cap: number | null;
  /** Seats that it could take now, as far as seats go: its unused reserve and what is shared, within its cap. */
  readonly free: number;
  /** Over the last five minutes. */
  readonly wait_ms: WaitPercentiles;
  /** Over the last 10 to 20 seconds. */
  readonly granted_per_sec: number;
  /** Refused or timed out; over the last 60 to 70 seconds. */
  readonly refused_per_min: number;
}

/** What a tenant's flow got of its level's service in the last minute, against what it was entitled to. */
export interface TenantShare {
  readonly flow_id: string;
  readonly tenant_name: string | null;
  readonly level: Level;
  readonly weight: number;
  readonly waiting: number;
  readonly running: number;
  /** 0…1; those of a level are 1 together, 0 where nothing was served. */
  readonly served_share: number;
  /** 0…1; those of a level are 1 together. */
  readonly entitled_share: number;
  /**
   * Of the pool, if all that are listed wanted more than there is (domain/pool-share.ts): 0…1 of what the levels that
   * it is behind leave; null: its level is strict, and takes all that it asks for.
   */
  readonly pool_share: number | null;
  readonly behind: readonly Level[];
}

/** Of a pool; the others are only counted. */
export const mostTenantsShown = 50;

/** One pool at this moment. */
export interface LivePool {
  readonly name: string;
  readonly policy: Policy;
  readonly share_by: ShareBy;
  /** Those that may be in use: as configured, or as many as the upstream can take. */
  readonly seats: number;
  readonly in_use: number;
  readonly free: number;
  /** Until then nothing of the pool starts: its upstreams have closed too many models; null while it is open. */
  readonly closed_until: string | null;
  readonly granted_per_sec: number;
  readonly refused_per_min: number;
  /** Always ten, P0 first. */
  readonly levels: readonly LiveLevel[];
  /** Busiest first: by what they were served in the last minute and have waiting. */
  readonly tenants: readonly TenantShare[];
  /** How many of them are not in the list. */
  readonly tenants_left_out: number;
}

/** What one level did in a step of the history; percentiles are those of the requests granted in it. */
export interface PointLevel {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly granted: number;
  /** Refused or timed out. */
  readonly refused: number;
}

/** One step of a pool's history; `waiting` and `in_use` are those at its end. */
export interface Point {
  /** When the step ended. */
  readonly at: string;
  readonly granted: number;
  readonly refused: number;
  readonly waiting: number;
  readonly in_use: number;
  readonly levels: readonly PointLevel[];
}

/**
 * Why a request waits at this moment. The first that holds, in this order; docs/api/lanes.md says more.
 *
 *   upstream_closed     the upstream has said that it takes nothing of its model, or nothing at all, until a moment
 *   tenant_limit        its tenant's own seats or rates let nothing more start
 *   level_cap           its level has as many seats as it may have
 *   pool_rate           the pool's requests or tokens per second are used up
 *   seats_reserved      seats are free, and all of them are other levels'
 *   behind_own_flow     no seat is free, and earlier requests of its own tenant go first
 *   behind_own_level    … other tenants of its level have their turn first
 *   behind_other_level  … another level has its turn first: a better one, or one that is due by weight
 *   behind_other_tenants … other tenants have their turn first, of all levels whose tenants share the pool
 *   seats_busy          … and it has the next one
 *   tokens_in_flight    a seat is free, and whose turn it is does not fit into the tokens in flight
 */
export const waitReasons = [
  'upstream_closed',
  'tenant_limit',
  'level_cap',
  'pool_rate',
  'seats_reserved',
  'behind_own_flow',
  'behind_own_level',
  'behind_other_level',
  'behind_other_tenants',
  'seats_busy',
  'tokens_in_flight',
] as const;
export type WaitReason = (typeof waitReasons)[number];

/** Requests that go before another, as things are. */
export interface Ahead {
  /**
   * Waiting in better levels; by weight they go first more often, not always. Where tenants share the pool (share_by),
   * those whose turn is before.
   */
  readonly better_levels: number;
  /** Other tenants' in its own level, by turns. */
  readonly own_level: number;
  /** In worse levels, whose turn is before; 0 unless tenants share the pool. */
  readonly worse_levels: number;
  /** Earlier ones of its own tenant in its level. */
  readonly own_flow: number;
}

/** A request that is in a pool of this gateway now. */
export interface PresentRequest {
  readonly request_id: string;
  readonly state: 'waiting' | 'running';
  readonly pool: string;
  readonly level: Level;
  readonly flow_id: string;
  /** Up to now, or up to its seat. */
  readonly waited_ms: number;
  /** 1 + those ahead; null for one that runs, as are the fields below. */
  readonly position: number | null;
  readonly ahead: Ahead | null;
  readonly reason: { readonly code: WaitReason; readonly message: string } | null;
  /** About how long until it has a seat; null too where nothing tells. */
  readonly expected_wait_ms: number | null;
  readonly gives_up_in_ms: number | null;
}

/** How an upstream does, as the requests that were sent to it tell. */
export interface ProviderHealth {
  /** `failing`: the last request failed, or half of those of the last five minutes did; `unknown`: there were none. */
  readonly state: 'ok' | 'failing' | 'unknown';
  readonly last_success_at: string | null;
  readonly last_failure_at: string | null;
  readonly last_failure: string | null;
  /** Of the last five minutes. */
  readonly requests: number;
  readonly failures: number;
}

/** Of a provider; the others are only counted. */
export const mostClosedModelsShown = 50;

/** What an upstream without room has closed; a probe may open it sooner. */
export interface ProviderClosures {
  /** Until then nothing of the provider starts; null while it is open. */
  readonly closed_until: string | null;
  /** Those closed for longest first. */
  readonly closed_models: readonly { readonly model: string; readonly closed_until: string }[];
  readonly closed_models_left_out: number;
}
