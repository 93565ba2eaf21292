/** The data of pools: their settings and their lanes. */
import { type Static, type TSchema, Type } from 'typebox';
import { type PoolKey, poolKeys } from '../../../config/keys.ts';
import { isPoolValue, type JsonSetting } from '../../../config/pools/pool-rules.ts';
import { count, field, fields, listOf, nullable, tenNumbers } from '../../../domain/shape.ts';
import { fleetSight } from '../../../domain/shown/fleet.ts';
import { heldBoost } from '../../../domain/shown/live.ts';
import { poolStats } from '../../../domain/shown/stats.ts';
import { xPriorityPolicies } from '../../../domain/vocabulary.ts';
import { pool } from '../../../pool-settings/pool-settings.ts';
import { mayRaise } from './contract.ts';

export { pool, type ShownPool } from '../../../pool-settings/pool-settings.ts';

/** `schema` describes the JSON value; the rules of the file's key describe the allowed values. */
const poolField = <T extends TSchema>(key: PoolKey, schema: T) =>
  Type.Optional(
    field(
      nullable(Type.Refine(schema, value => isPoolValue(key, value as JsonSetting))),
      `${poolKeys[key].allowed}, or null`,
    ),
  );
const numberOrTen = Type.Union([Type.Number(), tenNumbers]);
/** Null removes the row, so that environment, file or default apply again. */
export const poolPatch = fields({
  policy: poolField('policy', Type.String()),
  share_by: poolField('share_by', Type.String()),
  weights: poolField('weights', tenNumbers),
  reserved: poolField('reserved', tenNumbers),
  cap: poolField('cap', tenNumbers),
  max_concurrent: poolField('max_concurrent', Type.Number()),
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

export const poolList = fields({ pools: listOf(pool) });

/** `raised`: the requests that took a better level than their own, here, since the start; the highest first. */
export const chosenLevels = fields({
  policy: Type.Enum([...xPriorityPolicies]),
  external_may_raise: mayRaise,
  raised: listOf(fields({ flow_id: Type.String(), tenant_name: nullable(Type.String()), requests: count })),
  raised_by_others: count,
});
export type ChosenLevels = Static<typeof chosenLevels>;
export const schedulerStats = fields({
  pools: listOf(poolStats),
  boosts: listOf(heldBoost),
  x_priority: chosenLevels,
  fleet: Type.Optional(fleetSight),
});
export type SchedulerStats = Static<typeof schedulerStats>;
