/**
 * How the levels share the seats. Strict levels go in order of their number. Weighted levels (all in
 * wfq, P1…P9 in hybrid) go by a counter of what they were charged, divided by their weight: the same
 * start-time fair queueing that level-queue.ts uses between tenants, so that levels which always have
 * something waiting are given cost in proportion to their weights.
 */
import { type Level, levelCount, type Policy } from '../domain/vocabulary.ts';
import { renormaliseAbove } from './level-queue.ts';

const allMask = (1 << levelCount) - 1;
/** Which levels take part by weight, as bits. */
const weightedMasks: Record<Policy, number> = { strict: 0, wfq: allMask, hybrid: allMask & ~1 };

export class LevelTier {
  readonly #weights: Float64Array;
  readonly #counters = new Float64Array(levelCount);
  readonly #weighted: number;
  #virtualTime = 0;

  constructor(policy: Policy, weights: readonly number[]) {
    if (weights.length !== levelCount || !weights.every(weight => weight > 0 && Number.isFinite(weight)))
      throw new Error(`weights must be ${levelCount} positive numbers`);
    this.#weights = Float64Array.from(weights);
    this.#weighted = weightedMasks[policy];
  }

  /** Whose turn it is among the levels of a non-empty mask. */
  pick(mask: number): number {
    const strict = mask & ~this.#weighted;
    if (strict !== 0) return 31 - Math.clz32(strict & -strict);
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (let rest = mask; rest !== 0; rest &= rest - 1) {
      const level = 31 - Math.clz32(rest & -rest);
      const counter = this.#counters[level] ?? 0;
      if (counter < least) {
        best = level;
        least = counter;
      }
    }
    return best;
  }

  /** A level that had nothing waiting has now: the time it was idle is not saved up. */
  wake(level: Level): void {
    this.#counters[level] = Math.max(this.#counters[level] ?? 0, this.#virtualTime);
  }

  /** A place of the level gets a seat. */
  charge(level: Level, cost: number): void {
    if ((this.#weighted & (1 << level)) === 0) return;
    this.#virtualTime = Math.max(this.#virtualTime, this.#counters[level] ?? 0);
    this.correct(level, cost);
    if (this.#virtualTime > renormaliseAbove) this.#renormalise();
  }

  /** What a place was charged is raised or lowered. */
  correct(level: Level, difference: number): void {
    if ((this.#weighted & (1 << level)) === 0) return;
    this.#counters[level] = (this.#counters[level] ?? 0) + difference / (this.#weights[level] ?? 1);
  }

  #renormalise(): void {
    for (let level = 0; level < levelCount; level++)
      this.#counters[level] = (this.#counters[level] ?? 0) - this.#virtualTime;
    this.#virtualTime = 0;
  }
}
