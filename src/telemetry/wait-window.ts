import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Clock } from '../domain/clock.ts';
import type { WaitPercentiles } from '../domain/stats.ts';
import { type Level, levelCount } from '../domain/vocabulary.ts';

/*
 * Per level a ring of slices, each half a minute long, each a histogram of tenths of a millisecond:
 *
 *   slice number   … 41   42   43   44        (now / sliceMs)
 *   ring place        1    2    3    4 …      (number % slices)
 *
 * A slice of another round is emptied when its place comes round again, and until then its number
 * tells that it is too old. So nothing has to run in the background, and memory is bounded by
 * levels × slices histograms, made only where a request was granted. What is reported is never older
 * than five minutes, and complete for the last four and a half.
 */
const sliceMs = 30_000;
const slices = 10;
const unitsPerMs = 10;
const longestUnits = 24 * 3_600_000 * unitsPerMs;

interface Slice {
  number: number;
  readonly waits: RecordableHistogram;
}

// Histograms count from 1 on: a wait of 0 is recorded as 1.
const createWaits = () => createHistogram({ lowest: 1, highest: longestUnits, figures: 3 });
const toUnits = (waitMs: number) => Math.min(Math.max(Math.round(waitMs * unitsPerMs) + 1, 1), longestUnits);
const toMs = (units: number) => Number(((units - 1) / unitsPerMs).toPrecision(3));

/** How long the granted requests of the last five minutes waited, per level. Three figures are exact. */
export class WaitWindow {
  readonly #clock: Clock;
  readonly #rings: (Slice | undefined)[][] = Array.from({ length: levelCount }, () => []);
  readonly #merged = createWaits();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Every granted request, also one that did not wait: `waitMs` 0. */
  record(level: Level, waitMs: number): void {
    const number = Math.floor(this.#clock.now() / sliceMs);
    const slice = this.#rings[level]?.[number % slices];
    if (slice?.number === number) slice.waits.record(toUnits(waitMs));
    else this.#begin(level, number).record(toUnits(waitMs));
  }

  percentiles(level: Level): WaitPercentiles {
    const oldest = Math.floor(this.#clock.now() / sliceMs) - slices + 1;
    this.#merged.reset();
    for (const slice of this.#rings[level] ?? []) {
      if (slice !== undefined && slice.number >= oldest) this.#merged.add(slice.waits);
    }
    if (this.#merged.count === 0) return { p50: null, p95: null, p99: null };
    const at = (percent: number) => toMs(this.#merged.percentile(percent));
    return { p50: at(50), p95: at(95), p99: at(99) };
  }

  #begin(level: Level, number: number): RecordableHistogram {
    const ring = this.#rings[level] ?? [];
    const old = ring[number % slices];
    if (old === undefined) {
      const waits = createWaits();
      ring[number % slices] = { number, waits };
      return waits;
    }
    old.waits.reset();
    old.number = number;
    return old.waits;
  }
}
