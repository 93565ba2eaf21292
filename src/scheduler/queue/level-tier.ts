/**
 * Shares the seats among the levels. Strict levels go in order of their number. Weighted levels (all in wfq, P1…P9 in
 * hybrid) go
 *
 *   by level    by a counter of what they were charged, divided by their weight: the same start-time fair queueing
 *               that fair-flows.ts uses between tenants, so that levels which always have something waiting are
 *               given cost in proportion to their weights
 *   by tenant   as their flows do, which all go by one time: the one with the least counter is next, of equal ones
 *               the one that has had something waiting for longest
 */
import { allLevels, type Level, levelCount, type Policy } from '../../domain/vocabulary.ts';
import { renormaliseAbove } from '../flows/virtual-time.ts';
import type { SchedulerSettings } from '../rules.ts';
import type { LevelQueue } from './level-queue.ts';

const allMask = (1 << levelCount) - 1;
/** The levels that take part by weight, as bits. */
const weightedMasks: Record<Policy, number> = { strict: 0, wfq: allMask, hybrid: allMask & ~1 };

export class LevelTier<Holder> {
  readonly #queues: readonly LevelQueue<Holder>[];
  readonly #weights = new Float64Array(levelCount);
  readonly #counters = new Float64Array(levelCount);
  #weighted = 0;
  /** The levels that are ordered by their counters. */
  #counted = 0;
  #virtualTime = 0;
  /** Bit n: level n is below its cap and has something waiting that neither its tenant nor the upstream keeps waiting. */
  #ready = 0;
  /** Bit n: … and all of that waits for seats at endpoints. Its counter is kept less the virtual time. */
  #full = 0;

  constructor(queues: readonly LevelQueue<Holder>[]) {
    this.#queues = queues;
  }

  /**
   * A level that begins to take part by weight starts level with the others, or with its last charge if that is higher.
   */
  configure({ policy, shareBy, weights }: Pick<SchedulerSettings, 'policy' | 'shareBy' | 'weights'>): void {
    if (weights.length !== levelCount || !weights.every(weight => weight > 0 && Number.isFinite(weight)))
      throw new Error(`weights must be ${levelCount} positive numbers`);
    this.#weights.set(weights);
    const before = this.#counted;
    this.#weighted = weightedMasks[policy];
    this.#counted = shareBy === 'level' ? this.#weighted : 0;
    for (const level of allLevels) if ((this.#counted & ~before & (1 << level)) !== 0) this.#lift(level);
  }

  /** The levels that may start something if there is a seat for them, as bits. */
  get ready(): number {
    return this.#ready;
  }

  /** Returns the level whose turn it is, of a non-empty mask. */
  pick(mask: number): number {
    const strict = mask & ~this.#weighted;
    if (strict !== 0) return 31 - Math.clz32(strict & -strict);
    return this.#counted === 0 ? this.#pickByTenant(mask) : this.#pickByLevel(mask);
  }

  /** Returns the weight by which the tenants of a level share the pool; null: they share what their level is given. */
  tenantsWeight(level: number): number | null {
    return (this.#weighted & ~this.#counted & (1 << level)) === 0 ? null : (this.#weights[level] ?? 1);
  }

  /**
   * Must be called after any change of what waits, is parked or runs in the level. Its idle time is not saved up; while it
   * waits for endpoints only, it keeps its distance from the time, as flows do (fair-flows.ts).
   */
  review(queue: LevelQueue<Holder>, isBelowCap: boolean): void {
    const { id, fair } = queue;
    const bit = 1 << id;
    fair.hold(!isBelowCap);
    const wasReady = (this.#ready & bit) !== 0;
    const wasFull = this.#isRelative(id);
    const isReady = isBelowCap && fair.ready > 0;
    const isFull = isBelowCap && !isReady && fair.full > 0;
    if (isReady === wasReady && isFull === wasFull) return;
    this.#ready = isReady ? this.#ready | bit : this.#ready & ~bit;
    this.#full = isFull ? this.#full | bit : this.#full & ~bit;
    if (wasFull) this.correct(id, this.#virtualTime);
    else if (!wasReady) this.#counters[id] = Math.max(this.#counters[id] ?? 0, this.#virtualTime);
    if (isFull) this.correct(id, -this.#virtualTime);
  }

  /** Returns the divisor of this level's charges; Infinity if nothing is counted. */
  weightOf(level: Level): number {
    return (this.#counted & (1 << level)) === 0 ? Number.POSITIVE_INFINITY : (this.#weights[level] ?? 1);
  }

  /**
   * Called when a place of the level gets a seat. Time moves only if the level was picked by its counter: a start on
   * its reserve, whatever its counter, must not make the waiting levels look late.
   */
  charge(level: Level, amount: number, isByCounter: boolean): void {
    if ((this.#counted & (1 << level)) === 0) return;
    if (isByCounter) this.#virtualTime = Math.max(this.#virtualTime, this.#counters[level] ?? 0);
    this.correct(level, amount);
    if (this.#virtualTime > renormaliseAbove) this.#renormalise();
  }

  /** Raises or lowers the weighted charge of a place. */
  correct(level: Level, difference: number): void {
    this.#counters[level] = (this.#counters[level] ?? 0) + difference;
  }

  #pickByLevel(mask: number): number {
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

  #pickByTenant(mask: number): number {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    let since = 0;
    for (let rest = mask; rest !== 0; rest &= rest - 1) {
      const level = 31 - Math.clz32(rest & -rest);
      const fair = this.#queues[level]?.fair;
      const flow = fair?.peek();
      if (fair === undefined || flow === undefined) continue;
      const counter = flow.counter + fair.shift;
      if (counter < least || (counter === least && flow.activation < since)) {
        best = level;
        least = counter;
        since = flow.activation;
      }
    }
    return best;
  }

  #renormalise(): void {
    for (const level of allLevels) if (!this.#isRelative(level)) this.correct(level, -this.#virtualTime);
    this.#virtualTime = 0;
  }

  #lift(level: Level): void {
    const now = this.#isRelative(level) ? 0 : this.#virtualTime;
    this.#counters[level] = Math.max(this.#counters[level] ?? 0, now);
  }

  #isRelative(level: Level): boolean {
    return (this.#full & (1 << level)) !== 0;
  }
}
