import type { Clock } from '../domain/clock.ts';
import type { Point } from '../domain/shown/live.ts';
import { allLevels, type Level } from '../domain/vocabulary.ts';
import { type EndedStep, stepMs } from './wait-window.ts';

/** Ten minutes. */
const mostPoints = 60;
/** Refusals are rare, and counted over so many whole steps and the one underway. */
const refusalSteps = 6;
const perSecond = 1_000;
const perMinute = 60_000;

/** The load of a pool at the end of a step. */
interface Load {
  readonly waiting: number;
  readonly in_use: number;
  /** Refused or timed out since the start, by level. */
  readonly refused: readonly number[];
}

interface HistoryParts {
  readonly clock: Clock;
  readonly waits: { lastStep(): EndedStep; grantedNow(level: Level): number };
  readonly load: () => Load;
}

/** A step that has ended; steps are counted by the clock of the process. */
export interface Step {
  readonly number: number;
  readonly point: Point;
}

interface Kept extends Step {
  /** At the end of the step. */
  readonly refused: readonly number[];
}

/** The last ten minutes of a pool, a point for every step; kept from the start, and bounded. */
export class PoolHistory {
  readonly #parts: HistoryParts;
  #startedAt: number;
  readonly #kept: Kept[] = [];

  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** Forgets all steps. */
  beginAnew(): void {
    this.#startedAt = this.#parts.clock.now();
    this.#kept.length = 0;
  }

  /** Must be called when a step is over; returns false if it is not yet. A step without a call is missing. */
  sample(): boolean {
    const { waits, load } = this.#parts;
    const { number, levels } = waits.lastStep();
    const last = this.#kept.at(-1);
    const isKnown = last !== undefined && last.number >= number;
    if (isKnown || (number + 1) * stepMs <= this.#startedAt) return false;
    const { waiting, in_use, refused } = load();
    const before = last?.refused ?? [];
    const points = levels.map((waited, level) => ({
      ...waited,
      refused: Math.max((refused[level] ?? 0) - (before[level] ?? 0), 0),
    }));
    const sum = (of: (level: (typeof points)[number]) => number) => points.reduce((total, one) => total + of(one), 0);
    const point: Point = {
      at: this.#dateOf((number + 1) * stepMs),
      granted: sum(level => level.granted),
      refused: sum(level => level.refused),
      waiting,
      in_use,
      levels: points,
    };
    this.#kept.push({ number, point, refused });
    if (this.#kept.length > mostPoints) this.#kept.shift();
    return true;
  }

  /** Oldest first; those of steps after `number`, or all. */
  points(after = Number.NEGATIVE_INFINITY): readonly Point[] {
    return this.steps(after).map(({ point }) => point);
  }

  steps(after = Number.NEGATIVE_INFINITY): readonly Step[] {
    return this.#kept.filter(({ number }) => number > after).map(({ number, point }) => ({ number, point }));
  }

  /** The number of the newest step; -Infinity before the first. */
  get newest(): number {
    return this.#kept.at(-1)?.number ?? Number.NEGATIVE_INFINITY;
  }

  /** Returns the recent grants and refusals, by level. */
  rates(): { granted_per_sec: number; refused_per_min: number }[] {
    const { clock, waits, load } = this.#parts;
    const now = clock.now();
    const last = waits.lastStep();
    const grantedMs = this.#elapsed(last.number * stepMs, now, stepMs);
    const base = this.#kept.findLast(({ number }) => number < last.number - refusalSteps + 1);
    const refusedMs = this.#elapsed(((base?.number ?? Number.NEGATIVE_INFINITY) + 1) * stepMs, now, perMinute);
    const { refused } = load();
    return allLevels.map(level => {
      const granted = (last.levels[level]?.granted ?? 0) + waits.grantedNow(level);
      const refusals = Math.max((refused[level] ?? 0) - (base?.refused[level] ?? 0), 0);
      return {
        granted_per_sec: rounded((granted * perSecond) / grantedMs),
        refused_per_min: rounded((refusals * perMinute) / refusedMs),
      };
    });
  }

  /** Since that moment or the start; what happened within less than `leastMs` is no rate yet. */
  #elapsed(since: number, now: number, leastMs: number): number {
    return Math.max(now - Math.max(since, this.#startedAt), leastMs);
  }

  #dateOf(time: number): string {
    const { clock } = this.#parts;
    return new Date(clock.date().getTime() + time - clock.now()).toISOString();
  }
}

/** The precision that readers need. */
const rounded = (value: number): number => Number(value.toFixed(2));

/** Calls `sample` at the end of every step, until the signal. */
export function atEveryStep(clock: Clock, signal: AbortSignal, sample: () => void): void {
  const wait = (): void => {
    const cancel = clock.after(stepMs - (clock.now() % stepMs), () => {
      signal.removeEventListener('abort', cancel);
      sample();
      wait();
    });
    signal.addEventListener('abort', cancel, { once: true });
  };
  if (!signal.aborted) wait();
}
