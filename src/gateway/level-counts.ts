import { DrainRate } from './drain-rate.ts';

/** What happened in one level of a pool since the start. */
export class LevelCounts {
  dispatched = 0;
  rejected = 0;
  timedOut = 0;
  cancelled = 0;
  readonly drain = new DrainRate();
}
