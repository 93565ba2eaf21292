import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Clock } from '../domain/clock.ts';
import type { WaitPercentiles } from '../domain/shown/stats.ts';
import { allLevels, type Level, levelCount } from '../domain/vocabulary.ts';

/*
 * A granted request is recorded once, in the histogram (of tenths of a millisecond) of the current step.
 * A step takes ten seconds; when it is over it is summed up for the history, and added to its slice, of
 * which each level has a ring:
 *
 *   step number    … 123 124 125 126 127 128 129 …     (now / stepMs)
 *   slice number   …  41  41  42  42  42  43  43 …     (step / stepsPerSlice)
 *   ring place         1   1   2   2   2   3   3 …     (slice % slices)
 *
 * A slice of another round is emptied when its place comes round again, and until then its number
 * shows that it is too old. So nothing has to run in the background, and memory is bounded by
 * levels × (slices + 1) histograms, created only where a request was granted. Reported waits are never
 * older than five minutes, and complete for the last four and a half.
 */
export const stepMs = 10_000;
const stepsPerSlice = 3;
const slices = 10;
const unitsPerMs = 10;
const longestUnits = 24 * 3_600_000 * unitsPerMs;

interface Slice {
  number: number;
  readonly waits: RecordableHistogram;
}

/** The grants of one step, by level. */
export interface EndedStep {
  /** It ended at (number + 1) · stepMs. */
  readonly number: number;
  readonly levels: readonly StepWaits[];
}
interface StepWaits {
  readonly granted: number;
  /** Milliseconds; null without samples. */
  readonly p50: number | null;
  readonly p95: number | null;
}

const noWaits: StepWaits = { granted: 0, p50: null, p95: null };
// Histograms count from 1 on: a wait of 0 is recorded as 1.
const createWaits = () => createHistogram({ lowest: 1, highest: longestUnits, figures: 3 });
const toUnits = (waitMs: number) => Math.min(Math.max(Math.round(waitMs * unitsPerMs) + 1, 1), longestUnits);
const toMs = (units: number) => Number(((units - 1) / unitsPerMs).toPrecision(3));

/** The waits of granted requests, by level: in the last five minutes, and step by step. Three figures are exact. */
export class WaitWindow {
  readonly #clock: Clock;
  readonly #underway: (RecordableHistogram | undefined)[] = [];
  /** The step underway, or an earlier one that nothing has come after. */
  #step: number;
  #ended: EndedStep | null = null;
  readonly #rings: (Slice | undefined)[][] = Array.from({ length: levelCount }, () => []);
  readonly #merged = createWaits();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#step = this.#stepNow();
  }

  /** Every granted request, also one that did not wait: `waitMs` 0. */
  record(level: Level, waitMs: number): void {
    this.#advance();
    let waits = this.#underway[level];
    if (waits === undefined) {
      waits = createWaits();
      this.#underway[level] = waits;
    }
    waits.record(toUnits(waitMs));
  }

  percentiles(level: Level): WaitPercentiles {
    this.#advance();
    const oldest = Math.floor(this.#step / stepsPerSlice) - slices + 1;
    this.#merged.reset();
    for (const slice of this.#rings[level] ?? []) {
      if (slice !== undefined && slice.number >= oldest) this.#merged.add(slice.waits);
    }
    const underway = this.#underway[level];
    if (underway !== undefined && underway.count > 0) this.#merged.add(underway);
    if (this.#merged.count === 0) return { p50: null, p95: null, p99: null };
    const at = (percent: number) => toMs(this.#merged.percentile(percent));
    return { p50: at(50), p95: at(95), p99: at(99) };
  }

  /** Requests granted in the step underway. */
  grantedNow(level: Level): number {
    this.#advance();
    return this.#underway[level]?.count ?? 0;
  }

  /** The step before the one underway. */
  lastStep(): EndedStep {
    this.#advance();
    const number = this.#step - 1;
    return this.#ended?.number === number ? this.#ended : { number, levels: allLevels.map(() => noWaits) };
  }

  #stepNow(): number {
    return Math.floor(this.#clock.now() / stepMs);
  }

  #advance(): void {
    const step = this.#stepNow();
    if (step === this.#step) return;
    this.#ended = { number: this.#step, levels: allLevels.map(level => this.#end(level)) };
    this.#step = step;
  }

  #end(level: Level): StepWaits {
    const waits = this.#underway[level];
    if (waits === undefined || waits.count === 0) return noWaits;
    const summary = { granted: waits.count, p50: toMs(waits.percentile(50)), p95: toMs(waits.percentile(95)) };
    this.#slice(level, Math.floor(this.#step / stepsPerSlice)).add(waits);
    waits.reset();
    return summary;
  }

  #slice(level: Level, number: number): RecordableHistogram {
    const ring = this.#rings[level] ?? [];
    const old = ring[number % slices];
    if (old === undefined) {
      const waits = createWaits();
      ring[number % slices] = { number, waits };
      return waits;
    }
    if (old.number !== number) old.waits.reset();
    old.number = number;
    return old.waits;
  }
}
