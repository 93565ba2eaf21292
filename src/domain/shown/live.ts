/** The present state of the lanes, of single requests and of upstreams. */
import { type Static, Type } from 'typebox';
import { count, fields, levelNumber, listOf, moment, nullable, ofEachLevel } from '../shape.ts';
import { policies, shareBys } from '../vocabulary.ts';
import { waitPercentiles } from './stats.ts';

const amount = Type.Number({ minimum: 0 });
const share = Type.Number({ minimum: 0, maximum: 1 });

/** One level of a pool at this moment. */
export const liveLevel = fields({
  level: levelNumber,
  waiting: count,
  running: count,
  /** Seats that are never lent to other levels, as in effect. */
  reserved: count,
  /** The most seats of the level; null: all. */
  cap: nullable(count),
  /** The seats that it could take now: its unused reserve and the shared ones, within its cap. */
  free: count,
  /** Over the last five minutes. */
  wait_ms: waitPercentiles,
  /** Over the last 10 to 20 seconds. */
  granted_per_sec: amount,
  /** Refused or timed out; over the last 60 to 70 seconds. */
  refused_per_min: amount,
});
export type LiveLevel = Static<typeof liveLevel>;

/** A tenant's share of its level's service in the last minute, against its entitlement. */
export const tenantShare = fields({
  flow_id: Type.String(),
  tenant_name: nullable(Type.String()),
  level: levelNumber,
  weight: amount,
  waiting: count,
  running: count,
  /** The shares of a level add up to 1, or are all 0 if nothing was served. */
  served_share: share,
  /** The shares of a level add up to 1. */
  entitled_share: share,
  /**
   * The share of the pool if all listed tenants wanted more than there is (domain/shown/pool-share.ts): 0…1 of what the
   * levels before it leave; null: its level is strict and takes everything it asks for.
   */
  pool_share: nullable(share),
  behind: listOf(levelNumber),
});
export type TenantShare = Static<typeof tenantShare>;

/** An endpoint of a provider, as the seats of a pool are granted. */
const liveEndpoint = fields({
  provider: Type.String(),
  /** Its origin. */
  id: Type.String(),
  /** 0: it takes no requests, as it is down or drained; what still runs there is not in use of the pool. */
  seats: count,
  in_use: count,
});

/** The most endpoints listed of a pool. */
export const mostEndpointsShown = 200;
/** The most tenants listed of a pool; the others are only counted. */
export const mostTenantsShown = 50;

/** One pool at this moment. */
export const livePool = fields({
  name: Type.String(),
  policy: Type.Enum([...policies]),
  share_by: Type.Enum([...shareBys]),
  /** The seats that may be in use: as configured, or fewer if the upstream takes less. */
  seats: count,
  in_use: count,
  free: count,
  /**
   * Nothing of the pool starts until then, because its upstreams have closed too many models; null while it is open.
   */
  closed_until: nullable(moment),
  granted_per_sec: amount,
  refused_per_min: amount,
  levels: listOf(liveLevel, ofEachLevel),
  /** Missing: its providers have none, or an older gateway of the fleet grants its seats. */
  endpoints: Type.Optional(listOf(liveEndpoint, { maxItems: mostEndpointsShown })),
  /** Busiest first: by the cost served in the last minute plus the waiting cost. */
  tenants: listOf(tenantShare, { maxItems: mostTenantsShown }),
  /** The number of tenants that are not listed. */
  tenants_left_out: count,
});
export type LivePool = Static<typeof livePool>;

/** A boost of a mapping that is in effect. */
export const heldBoost = fields({
  mapping_id: Type.Integer(),
  tenant_id: nullable(Type.String()),
  /** The priority of the mapping's own row. */
  own_priority: Type.Integer(),
  priority: Type.Integer(),
  until: moment,
});
export type HeldBoost = Static<typeof heldBoost>;

/** The events of one level in a step of the history; percentiles are those of the requests granted in it. */
const pointLevel = fields({
  p50: nullable(amount),
  p95: nullable(amount),
  granted: count,
  /** Refused or timed out. */
  refused: count,
});

/** One step of a pool's history; `waiting` and `in_use` are the values at its end. */
export const point = fields({
  /** The end of the step. */
  at: moment,
  granted: count,
  refused: count,
  waiting: count,
  in_use: count,
  levels: listOf(pointLevel, ofEachLevel),
});
export type Point = Static<typeof point>;

/**
 * Why a request waits at this moment: the first reason that holds, in this order; docs/api/lanes.md has more.
 *
 *   upstream_closed     the upstream takes nothing of its model, or nothing at all, until a moment it has named
 *   tenant_limit        its tenant's own seats or rates let nothing more start
 *   level_cap           its level has as many seats as it may have
 *   pool_rate           the pool's requests or tokens per second are used up
 *   endpoints_busy      seats are free, but none at an endpoint that it may go to, or none of these takes requests
 *   seats_reserved      seats are free, and all of them are other levels'
 *   behind_own_flow     no seat is free, and earlier requests of its own tenant go first
 *   behind_own_level    … other tenants of its level have their turn first
 *   behind_other_level  … another level has its turn first: a better one, or one that is due by weight
 *   behind_other_tenants … other tenants have their turn first, of all levels whose tenants share the pool
 *   seats_busy          … and it has the next one
 *   tokens_in_flight    a seat is free, but the next request does not fit into the tokens in flight
 */
const waitReasons = [
  'upstream_closed',
  'tenant_limit',
  'level_cap',
  'pool_rate',
  'endpoints_busy',
  'seats_reserved',
  'behind_own_flow',
  'behind_own_level',
  'behind_other_level',
  'behind_other_tenants',
  'seats_busy',
  'tokens_in_flight',
] as const;
export type WaitReason = (typeof waitReasons)[number];

/** Requests that go before another, at present. */
const ahead = fields({
  /**
   * Waiting in better levels; by weight they go first more often, not always. Where tenants share the pool (share_by),
   * those whose turn is earlier.
   */
  better_levels: count,
  /** Requests of other tenants in its own level, by turns. */
  own_level: count,
  /** Requests in worse levels whose turn is earlier; 0 unless tenants share the pool. */
  worse_levels: count,
  /** Earlier requests of its own tenant in its level. */
  own_flow: count,
});
export type Ahead = Static<typeof ahead>;

/** A request that is in a pool now; in a fleet, in the pool of all gateways. */
export const presentRequest = fields({
  request_id: Type.String(),
  state: Type.Enum(['waiting', 'running']),
  pool: Type.String(),
  level: levelNumber,
  flow_id: Type.String(),
  /** Until now, or until its seat. */
  waited_ms: amount,
  /** 1 + the requests ahead; null for a running request, like the fields below. */
  position: nullable(Type.Integer({ minimum: 1 })),
  ahead: nullable(ahead),
  reason: nullable(fields({ code: Type.Enum([...waitReasons]), message: Type.String() })),
  /** The estimated time until it has a seat; null also if it cannot be estimated. */
  expected_wait_ms: nullable(amount),
  gives_up_in_ms: nullable(amount),
  /** In a fleet, the name of the gateway that it came to, which carries it. */
  gateway: Type.Optional(Type.String()),
});
export type PresentRequest = Static<typeof presentRequest>;

/** The state of an upstream, judged by the requests sent to it. */
export const providerHealth = fields({
  /** `failing`: the last request failed, or half of those of the last five minutes; `unknown`: there were none. */
  state: Type.Enum(['ok', 'failing', 'unknown']),
  last_success_at: nullable(moment),
  last_failure_at: nullable(moment),
  last_failure: nullable(Type.String()),
  /** Of the last five minutes. */
  requests: count,
  failures: count,
});
export type ProviderHealth = Static<typeof providerHealth>;

/** One URL of a provider, or one address of its name, as this gateway finds it. */
export const shownEndpoint = fields({
  /** Its origin; of a name that has several addresses, with the address. */
  id: Type.String(),
  /** `down`: its last requests failed, `probing`: it is asked whether it is back, `drained`: by hand. */
  state: Type.Enum(['up', 'probing', 'down', 'drained']),
  since: moment,
  why: nullable(Type.String()),
  /** Those that it may have now; fewer while it comes up, 0 while it is not up. */
  seats: count,
  /** Null: not known. */
  in_use: nullable(count),
  /** Calls that failed before an answer began, since the start. */
  failures: count,
  /** Of its last calls within five minutes. */
  first_byte_ms: fields({ p50: nullable(amount), p95: nullable(amount) }),
});
export type ShownEndpoint = Static<typeof shownEndpoint>;

/** The most closed models listed of a provider; the others are only counted. */
export const mostClosedModelsShown = 50;

/** The closures of an upstream without room; a probe may end them earlier. */
export const providerClosures = fields({
  /** Nothing of the provider starts until then; null while it is open. */
  closed_until: nullable(moment),
  /** The longest closures first. */
  closed_models: listOf(
    fields({
      model: Type.String(),
      closed_until: moment,
      /** Absent: it is closed at all endpoints of the provider. */
      endpoint: Type.Optional(Type.String()),
    }),
    { maxItems: mostClosedModelsShown },
  ),
  closed_models_left_out: count,
});
export type ProviderClosures = Static<typeof providerClosures>;
