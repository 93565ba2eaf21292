import type { Level } from './vocabulary.ts';

/** Milliseconds over the last five minutes, every granted request counted; null without samples. */
export interface WaitPercentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** `waiting` and `running` are now; the other counts are since the start. */
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

/** One pool as `GET /admin/scheduler/stats` shows it. Always ten levels, P0 first. */
export interface PoolStats {
  readonly name: string;
  readonly seats: number;
  readonly in_use: number;
  readonly levels: readonly LevelStats[];
}
