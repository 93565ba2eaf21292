/** What is told of pools: their settings and their lanes. */
import { type TSchema, Type } from 'typebox';
import { type PoolKey, poolKeys } from '../../config/keys.ts';
import type { PoolStats } from '../../domain/stats.ts';
import { levelCount, type XPriorityPolicy, xPriorityPolicies } from '../../domain/vocabulary.ts';
import type { ShownPool } from '../../pool-settings/pool-settings.ts';
import type { ExternalMayRaise, HeldBoost } from '../../priority/priority.ts';
import { mayRaise } from './contract.ts';

export type { ShownPool };

const object = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });
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
const source = Type.Enum(['schedule', 'database', 'environment', 'file', 'default']);

export const pool = Type.Unsafe<ShownPool>(
  object({
    name,
    seats: count,
    ...ofEachKey(value),
    source: object(ofEachKey(() => source)),
    fault: nullable(Type.String()),
  }),
);
export const poolList = Type.Unsafe<{ readonly pools: readonly ShownPool[] }>(object({ pools: Type.Array(pool) }));

const waited = nullable(Type.Number({ minimum: 0 }));
const levelStats = object({
  level: Type.Integer({ minimum: 0, maximum: levelCount - 1 }),
  waiting: count,
  running: count,
  dispatched: count,
  rejected: count,
  timed_out: count,
  cancelled: count,
  wait_ms: object({ p50: waited, p95: waited, p99: waited }),
});
const poolStats = object({
  name,
  seats: count,
  in_use: count,
  levels: Type.Array(levelStats, { minItems: levelCount, maxItems: levelCount }),
});
export const heldBoost = object({
  mapping_id: Type.Integer(),
  tenant_id: nullable(Type.String()),
  own_priority: Type.Integer(),
  priority: Type.Integer(),
  until: Type.String({ format: 'date-time' }),
});
/** `raised`: requests that took a better level than their own, here, since the start; those of most first. */
export const chosenLevels = Type.Unsafe<ChosenLevels>(
  object({
    policy: Type.Enum([...xPriorityPolicies]),
    external_may_raise: mayRaise,
    raised: Type.Array(object({ flow_id: Type.String(), tenant_name: nullable(Type.String()), requests: count })),
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
}>(object({ pools: Type.Array(poolStats), boosts: Type.Array(heldBoost), x_priority: chosenLevels }));
