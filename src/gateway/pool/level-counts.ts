import type { LevelStats, WaitPercentiles } from '../../domain/shown/stats.ts';
import { allLevels, type Level } from '../../domain/vocabulary.ts';
import { DrainRate } from './drain-rate.ts';
import type { Refusal } from './refusal.ts';

/** The events of one level of a pool since the start. */
export class LevelCounts {
  dispatched = 0;
  rejected = 0;
  timedOut = 0;
  cancelled = 0;
  readonly drain = new DrainRate();
  readonly #level: Level;

  constructor(level: Level) {
    this.#level = level;
  }

  /** Counts the end of a request without a seat. */
  refused({ code }: Refusal): void {
    if (code === 'client_left') this.cancelled++;
    else if (code === 'timed_out' || code === 'tenant_timed_out' || code === 'closed_timed_out') this.timedOut++;
    else this.rejected++;
  }

  /** Records what waits in the level. Places that stand aside do not show how fast the others are served. */
  look({ waiting, aside }: { waiting: number; aside: number }, now: number): void {
    if (waiting > aside) this.drain.begin(now);
    else this.drain.end(now);
  }

  stats({ waiting, running }: { waiting: number; running: number }, wait_ms: WaitPercentiles): LevelStats {
    const { dispatched, rejected, timedOut, cancelled } = this;
    return { level: this.#level, waiting, running, dispatched, rejected, timed_out: timedOut, cancelled, wait_ms };
  }
}

export class PoolCounts {
  readonly #levels: readonly LevelCounts[] = allLevels.map(level => new LevelCounts(level));

  of(level: Level): LevelCounts {
    const counts = this.#levels[level];
    if (counts === undefined) throw new Error(`no such level: ${level}`);
    return counts;
  }
}
