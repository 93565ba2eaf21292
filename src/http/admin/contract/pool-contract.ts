/** What is told of pools: their settings and their lanes. */
import { type Static, type TSchema, Type } from 'typebox';
import { type PoolKey, poolKeys } from '../../../config/keys.ts';
import { isPoolValue, type JsonSetting } from '../../../config/pools/pool-rules.ts';
import type { PoolStats } from '../../../domain/stats.ts';
import { levelCount, type XPriorityPolicy, xPriorityPolicies } from '../../../domain/vocabulary.ts';
import type { ShownPool } from '../../../pool-settings/pool-settings.ts';
import type { ExternalMayRaise, HeldBoost } from '../../../priority/priority.ts';
import { field, fields, mayRaise } from './contract.ts';

export type { ShownPool };

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const count = Type.Integer({ minimum: 0 });
const name = Type.String();

const keys = Object.keys(poolKeys) as PoolKey[];
const ofEachKey = <T extends TSchema>(schema: (key: PoolKey) => T): Record<PoolKey, T> =>
  Object.fromEntries(keys.map(key => [key, schema(key)])) as Record<PoolKey, T>;

const ten = Type.Array(Type.Number(), { minItems: levelCount, maxItems: levelCount });
const value = (key: PoolKey) => ({
  ...nullable(Type.Union([Type.String(), Type.Number(), Type.Boolean(), ten])),
  description: poolKeys[key].allowed,
});
/** `schema` says what JSON it takes, the rules of the file's key what is allowed. */
const poolField = <T extends TSchema>(key: PoolKey, schema: T) =>
  Type.Optional(
    field(
      Type.Union([Type.Refine(schema, value => isPoolValue(key, value as JsonSetting)), Type.Null()]),
      `${poolKeys[key].allowed}, or null`,
    ),
  );
const numberOrTen = Type.Union([Type.Number(), ten]);
/** Null removes the row, so that environment, file or default hold again. */
export const poolPatch = fields({
  policy: poolField('policy', Type.String()),
  share_by: poolField('share_by', Type.String()),
  weights: poolField('weights', ten),
  reserved: poolField('reserved', ten),
  cap: poolField('cap', ten),
  requests_per_sec: poolField('requests_per_sec', Type.Number()),
  request_burst: poolField('request_burst', Type.Number()),
  tokens_per_sec: poolField('tokens_per_sec', Type.Number()),
  token_burst: poolField('token_burst', Type.Number()),
  max_tokens_in_flight: poolField('max_tokens_in_flight', Type.Number()),
  aimd: poolField('aimd', Type.Boolean()),
  queue_drain_sec: poolField('queue_drain_sec', Type.Number()),
  queue_timeout_sec: poolField('queue_timeout_sec', numberOrTen),
  max_queue_depth: poolField('max_queue_depth', numberOrTen),
  max_queue_depth_pool: poolField('max_queue_depth_pool', Type.Number()),
  max_queued_mb: poolField('max_queued_mb', Type.Number()),
} satisfies Record<PoolKey, TSchema>);

export type PoolPatch = Static<typeof poolPatch>;

const source = Type.Enum(['schedule', 'database', 'environment', 'file', 'default']);

export const pool = Type.Unsafe<ShownPool>(
  fields({
    name,
    seats: count,
    ...ofEachKey(value),
    source: fields(ofEachKey(() => source)),
    fault: nullable(Type.String()),
  }),
);
export const poolList = Type.Unsafe<{ readonly pools: readonly ShownPool[] }>(fields({ pools: Type.Array(pool) }));

const waited = nullable(Type.Number({ minimum: 0 }));
const levelStats = fields({
  level: Type.Integer({ minimum: 0, maximum: levelCount - 1 }),
  waiting: count,
  running: count,
  dispatched: count,
  rejected: count,
  timed_out: count,
  cancelled: count,
  wait_ms: fields({ p50: waited, p95: waited, p99: waited }),
});
const poolStats = fields({
  name,
  seats: count,
  in_use: count,
  levels: Type.Array(levelStats, { minItems: levelCount, maxItems: levelCount }),
});
export const heldBoost = fields({
  mapping_id: Type.Integer(),
  tenant_id: nullable(Type.String()),
  own_priority: Type.Integer(),
  priority: Type.Integer(),
  until: Type.String({ format: 'date-time' }),
});
/** `raised`: requests that took a better level than their own, here, since the start; those of most first. */
export const chosenLevels = Type.Unsafe<ChosenLevels>(
  fields({
    policy: Type.Enum([...xPriorityPolicies]),
    external_may_raise: mayRaise,
    raised: Type.Array(fields({ flow_id: Type.String(), tenant_name: nullable(Type.String()), requests: count })),
    raised_by_others: count,
  }),
);
export interface ChosenLevels {
  readonly policy: XPriorityPolicy;
  readonly external_may_raise: ExternalMayRaise | null;
  readonly raised: readonly {
    readonly flow_id: string;
    readonly tenant_name: string | null;
    readonly requests: number;
  }[];
  readonly raised_by_others: number;
}
export const schedulerStats = Type.Unsafe<{
  readonly pools: readonly PoolStats[];
  readonly boosts: readonly HeldBoost[];
  readonly x_priority: ChosenLevels;
}>(fields({ pools: Type.Array(poolStats), boosts: Type.Array(heldBoost), x_priority: chosenLevels }));
