/** The figures of the lanes, for `GET /admin/scheduler/stats` and the metrics. */
import { type Static, Type } from 'typebox';
import { count, fields, levelNumber, listOf, nullable, ofEachLevel } from '../shape.ts';

const waited = nullable(Type.Number({ minimum: 0 }));
/** Milliseconds over the last five minutes, over all granted requests; null without samples. */
export const waitPercentiles = fields({ p50: waited, p95: waited, p99: waited });
export type WaitPercentiles = Static<typeof waitPercentiles>;

/** `waiting` and `running` are current values; the other counts begin at the start of the gateway. */
const levelStats = fields({
  level: levelNumber,
  waiting: count,
  running: count,
  dispatched: count,
  rejected: count,
  timed_out: count,
  cancelled: count,
  wait_ms: waitPercentiles,
});
export type LevelStats = Static<typeof levelStats>;

export const poolStats = fields({
  name: Type.String(),
  seats: count,
  in_use: count,
  levels: listOf(levelStats, ofEachLevel),
});
export type PoolStats = Static<typeof poolStats>;
