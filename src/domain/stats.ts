import type { Level } from './vocabulary.ts';

/** Milliseconds over the last five minutes, over all granted requests; null without samples. */
export interface WaitPercentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** `waiting` and `running` are current values; the other counts begin at the start of the gateway. */
export interface LevelStats {
  readonly level: Level;
  readonly waiting: number;
  readonly running: number;
  readonly dispatched: number;
  readonly rejected: number;
  readonly timed_out: number;
  readonly cancelled: number;
  readonly wait_ms: WaitPercentiles;
}

/** One pool as `GET /admin/scheduler/stats` returns it. Always ten levels, P0 first. */
export interface PoolStats {
  readonly name: string;
  readonly seats: number;
  readonly in_use: number;
  readonly levels: readonly LevelStats[];
}
