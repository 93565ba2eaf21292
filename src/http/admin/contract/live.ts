/** The live lanes: the stream's events, single requests, and the providers behind. */
import { type Static, Type } from 'typebox';
import { count, field, fields, listOf, moment, nullable, oneOf, priority } from '../../../domain/shape.ts';
import { fleetSight } from '../../../domain/shown/fleet.ts';
import {
  heldBoost,
  livePool,
  point,
  presentRequest,
  providerClosures,
  providerHealth,
  shownEndpoint,
} from '../../../domain/shown/live.ts';
import { text } from './contract.ts';
import { chosenLevels } from './pool.ts';

export {
  heldBoost,
  type LiveLevel,
  type LivePool,
  liveLevel,
  livePool,
  type Point,
  type PresentRequest,
  point,
  presentRequest,
  type ShownEndpoint,
  shownEndpoint,
  type TenantShare,
  tenantShare,
} from '../../../domain/shown/live.ts';

const { Optional } = Type;

const databaseStates = ['ready', 'degraded', 'starting', 'stopping'] as const;

/** `event: lanes`, every second. */
export const lanesEvent = fields({
  at: moment,
  database: Type.Enum([...databaseStates]),
  /** The faults of the database; empty without faults. */
  database_reasons: listOf(Type.String()),
  pools: listOf(livePool),
  boosts: listOf(heldBoost),
  x_priority: chosenLevels,
  fleet: Optional(fleetSight),
});

/** `event: history`, when the stream begins, and again for a reader that was too slow for a point. */
export const historyEvent = fields({
  step_ms: count,
  pools: listOf(fields({ name: Type.String(), points: listOf(point) })),
});

/** `event: point`, whenever a step of the history has ended. */
export const pointEvent = fields({ pool: Type.String(), point });

export const waitingFilter = fields({
  pool: Optional(text(255)),
  level: Optional(priority),
  limit: Optional(field(Type.Integer({ minimum: 1, maximum: 500 }), 'a whole number from 1 to 500')),
});
export const waitingRequests = fields({
  requests: listOf(presentRequest),
  total: count,
  fleet: Optional(fleetSight),
});

const providerTypes = ['openai', 'anthropic', 'loopback'] as const;
export const provider = fields({
  name: Type.String(),
  /** `database`: something of it is stored there. */
  source: Type.Enum(['file', 'database']),
  /** Why it is not as its rows say, or may not be used; null: all is well. */
  fault: nullable(Type.String()),
  type: Type.Enum([...providerTypes]),
  /** As in the file, several with commas between, without user, password and query; null for the loopback. */
  base_url: nullable(Type.String()),
  pool: Type.String(),
  models: listOf(Type.String()),
  /** The seats of its pool. */
  max_concurrent: count,
  forward_priority: nullable(oneOf(['vllm', 'sglang', 'service_tier'])),
  /** `off`: no requests to the further paths of its API. */
  passthrough: oneOf(['on', 'off']),
  /** The proxy on the way to it, without credentials. */
  proxy: nullable(Type.String()),
  /** The names of the headers that every call to it carries. */
  headers: listOf(Type.String()),
  health: fields({ ...providerHealth.properties, ...providerClosures.properties }),
  /** Of this gateway; empty for the loopback. */
  endpoints: listOf(shownEndpoint),
});
export const providerList = fields({
  providers: listOf(provider),
  /** Whether keys can be stored: Team, with a master key. */
  stores_keys: Type.Boolean(),
  fleet: Optional(fleetSight),
});

export type LanesEvent = Static<typeof lanesEvent>;
export type HistoryEvent = Static<typeof historyEvent>;
export type PointEvent = Static<typeof pointEvent>;
export type WaitingFilter = Static<typeof waitingFilter>;
export type WaitingRequests = Static<typeof waitingRequests>;
export type ShownProvider = Static<typeof provider>;
export type ProviderList = Static<typeof providerList>;
