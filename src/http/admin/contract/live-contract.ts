/** What is told of the lanes while they move: the stream's events, single requests, and the providers behind. */
import { type Static, type TSchema, Type } from 'typebox';
import {
  type LivePool,
  mostClosedModelsShown,
  mostTenantsShown,
  type Point,
  type PresentRequest,
  type ProviderClosures,
  type ProviderHealth,
  waitReasons,
} from '../../../domain/live.ts';
import { levelCount, policies, shareBys } from '../../../domain/vocabulary.ts';
import type { HeldBoost } from '../../../priority/priority.ts';
import { field, fields, oneOf, priority, text } from './contract.ts';
import { type ChosenLevels, chosenLevels, heldBoost } from './pool-contract.ts';

export type {
  Ahead,
  LiveLevel,
  LivePool,
  Point,
  PointLevel,
  PresentRequest,
  ProviderHealth,
  TenantShare,
  WaitReason,
} from '../../../domain/live.ts';

const { Optional } = Type;
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const count = Type.Integer({ minimum: 0 });
const amount = Type.Number({ minimum: 0 });
const share = Type.Number({ minimum: 0, maximum: 1 });
const moment = Type.String({ format: 'date-time' });
const level = Type.Integer({ minimum: 0, maximum: levelCount - 1 });
const tenOf = <T extends TSchema>(schema: T) => Type.Array(schema, { minItems: levelCount, maxItems: levelCount });

export const liveLevel = fields({
  level,
  waiting: count,
  running: count,
  reserved: count,
  cap: nullable(count),
  free: count,
  wait_ms: fields({ p50: nullable(amount), p95: nullable(amount), p99: nullable(amount) }),
  granted_per_sec: amount,
  refused_per_min: amount,
});
export const tenantShare = fields({
  flow_id: Type.String(),
  tenant_name: nullable(Type.String()),
  level,
  weight: amount,
  waiting: count,
  running: count,
  served_share: share,
  entitled_share: share,
  pool_share: nullable(share),
  behind: Type.Array(level),
});
export const livePool = Type.Unsafe<LivePool>(
  fields({
    name: Type.String(),
    policy: Type.Enum([...policies]),
    share_by: Type.Enum([...shareBys]),
    seats: count,
    in_use: count,
    free: count,
    closed_until: nullable(moment),
    granted_per_sec: amount,
    refused_per_min: amount,
    levels: tenOf(liveLevel),
    tenants: Type.Array(tenantShare, { maxItems: mostTenantsShown }),
    tenants_left_out: count,
  }),
);
export const databaseStates = ['ready', 'degraded', 'starting', 'stopping'] as const;

/** `event: lanes`, every second. */
export const lanesEvent = Type.Unsafe<LanesEvent>(
  fields({
    at: moment,
    database: Type.Enum([...databaseStates]),
    database_reasons: Type.Array(Type.String()),
    pools: Type.Array(livePool),
    boosts: Type.Array(heldBoost),
    x_priority: chosenLevels,
  }),
);
export interface LanesEvent {
  readonly at: string;
  readonly database: (typeof databaseStates)[number];
  /** What is wrong with it; none where all is well. */
  readonly database_reasons: readonly string[];
  readonly pools: readonly LivePool[];
  readonly boosts: readonly HeldBoost[];
  readonly x_priority: ChosenLevels;
}

export const point = Type.Unsafe<Point>(
  fields({
    at: moment,
    granted: count,
    refused: count,
    waiting: count,
    in_use: count,
    levels: tenOf(fields({ p50: nullable(amount), p95: nullable(amount), granted: count, refused: count })),
  }),
);

/** `event: history`, when the stream begins, and again to a reader that was too slow for a point. */
export const historyEvent = Type.Unsafe<HistoryEvent>(
  fields({
    step_ms: count,
    pools: Type.Array(fields({ name: Type.String(), points: Type.Array(point) })),
  }),
);
export interface HistoryEvent {
  readonly step_ms: number;
  readonly pools: readonly { readonly name: string; readonly points: readonly Point[] }[];
}

/** `event: point`, whenever a step of the history has ended. */
export const pointEvent = fields({ pool: Type.String(), point });
export type PointEvent = Static<typeof pointEvent>;

export const presentRequest = Type.Unsafe<PresentRequest>(
  fields({
    request_id: Type.String(),
    state: Type.Enum(['waiting', 'running']),
    pool: Type.String(),
    level,
    flow_id: Type.String(),
    waited_ms: amount,
    position: nullable(Type.Integer({ minimum: 1 })),
    ahead: nullable(fields({ better_levels: count, own_level: count, worse_levels: count, own_flow: count })),
    reason: nullable(fields({ code: Type.Enum([...waitReasons]), message: Type.String() })),
    expected_wait_ms: nullable(amount),
    gives_up_in_ms: nullable(amount),
  }),
);
export const waitingFilter = fields({
  pool: Optional(text(255)),
  level: Optional(priority),
  limit: Optional(field(Type.Integer({ minimum: 1, maximum: 500 }), 'a whole number from 1 to 500')),
});
export const waitingRequests = Type.Unsafe<WaitingRequests>(
  fields({ requests: Type.Array(presentRequest), total: count }),
);
export interface WaitingRequests {
  readonly requests: readonly PresentRequest[];
  readonly total: number;
}

export const providerTypes = ['openai', 'anthropic', 'loopback'] as const;
export const provider = Type.Unsafe<ShownProvider>(
  fields({
    name: Type.String(),
    type: Type.Enum([...providerTypes]),
    base_url: nullable(Type.String()),
    pool: Type.String(),
    models: Type.Array(Type.String()),
    max_concurrent: count,
    forward_priority: nullable(oneOf(['vllm', 'sglang', 'service_tier'])),
    proxy: nullable(Type.String()),
    headers: Type.Array(Type.String()),
    health: fields({
      state: Type.Enum(['ok', 'failing', 'unknown']),
      last_success_at: nullable(moment),
      last_failure_at: nullable(moment),
      last_failure: nullable(Type.String()),
      requests: count,
      failures: count,
      closed_until: nullable(moment),
      closed_models: Type.Array(fields({ model: Type.String(), closed_until: moment }), {
        maxItems: mostClosedModelsShown,
      }),
      closed_models_left_out: count,
    }),
  }),
);
export const providerList = Type.Unsafe<{ readonly providers: readonly ShownProvider[] }>(
  fields({ providers: Type.Array(provider) }),
);
export interface ShownProvider {
  readonly name: string;
  readonly type: (typeof providerTypes)[number];
  /** Without user, password and query; null for the loopback. */
  readonly base_url: string | null;
  readonly pool: string;
  readonly models: readonly string[];
  /** The seats of its pool. */
  readonly max_concurrent: number;
  readonly forward_priority: 'vllm' | 'sglang' | 'service_tier' | null;
  /** On the way to it, without credentials. */
  readonly proxy: string | null;
  /** Names of those that it is sent with every call. */
  readonly headers: readonly string[];
  readonly health: ProviderHealth & ProviderClosures;
}

export type WaitingFilter = Static<typeof waitingFilter>;
