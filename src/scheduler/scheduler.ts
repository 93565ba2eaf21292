/**
 * Who is next in one pool. Pure and synchronous: the time is an argument, nothing is awaited, nobody
 * is called back; whoever calls it (gateway/dispatcher.ts) turns decisions into promises and timers.
 *
 *   level tier     which level         level-tier.ts (strict order, or counters by weight)
 *   tenant tier    which flow in it    level-queue.ts (least charged first)
 *   flow           which request       flow.ts (first in, first out)
 *
 * Invariants: seats in use never exceed the seats; every place that was queued leaves exactly once, by
 * next, expire, cancel or removeAll; a place whose deadline is over is never given a seat.
 */
import { allLevels, type Level, type Policy } from '../domain/vocabulary.ts';
import { type Place, soundCost } from './flow.ts';
import { IndexedHeap } from './heap.ts';
import { LevelQueue } from './level-queue.ts';
import { LevelTier } from './level-tier.ts';

export { Place } from './flow.ts';

export interface SchedulerOptions {
  readonly policy: Policy;
  /** Ten positive numbers, P0…P9. */
  readonly weights: readonly number[];
  readonly seats: number;
  /** Places that may wait in one level. */
  readonly maxQueueDepth: number;
  /** Bytes that may wait in all levels together. */
  readonly maxQueuedBytes: number;
}

/** `level_full`: its level holds `maxQueueDepth`; `pool_full`: the pool holds `maxQueuedBytes`. */
export type Admission = 'queued' | 'level_full' | 'pool_full';

const nobody: readonly never[] = [];

export class Scheduler<Holder> {
  readonly #options: SchedulerOptions;
  readonly #tier: LevelTier;
  readonly #levels: readonly LevelQueue<Holder>[] = allLevels.map(() => new LevelQueue<Holder>());
  readonly #deadlines = new IndexedHeap<Place<Holder>>();
  /** Taken out of their queues because their deadline was over; expire() hands them out. */
  #overdue: Place<Holder>[] = [];
  /** Bit n: level n has something waiting. */
  #mask = 0;
  #inUse = 0;
  #queuedBytes = 0;
  #ignoredFinishes = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#tier = new LevelTier(options.policy, options.weights);
  }

  get seats(): number {
    return this.#options.seats;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** Places that wait, in all levels. */
  get waiting(): number {
    return this.#deadlines.size;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Calls of finish() for a place that held no seat: faults of the caller that did no harm. */
  get ignoredFinishes(): number {
    return this.#ignoredFinishes;
  }

  /** The counts of one level; `flows` are the tenants remembered in it. */
  level(level: Level): Pick<LevelQueue<Holder>, 'waiting' | 'running' | 'waitingCost' | 'flows'> {
    return this.#queue(level);
  }

  /** Places that wait in this level and the better ones. */
  waitingAhead(level: Level): number {
    if (this.waiting === 0) return 0;
    let ahead = 0;
    for (let better = 0; better <= level; better++) ahead += this.#levels[better]?.waiting ?? 0;
    return ahead;
  }

  /** The limits bind who has to wait; with a free seat and an empty queue nobody has to. */
  enqueue(place: Place<Holder>, now: number): Admission {
    if (place.state !== 'new') throw new Error('a place is queued once');
    this.#takeOverdue(now, 'before');
    const queue = this.#queue(place.level);
    if (this.#inUse >= this.seats || this.waiting > 0) {
      if (queue.waiting >= this.#options.maxQueueDepth) return 'level_full';
      if (this.#queuedBytes + place.bodyBytes > this.#options.maxQueuedBytes) return 'pool_full';
    }
    if (queue.waiting === 0) {
      this.#mask |= 1 << place.level;
      this.#tier.wake(place.level);
    }
    queue.enqueue(place);
    place.deadline = now + place.timeoutMs;
    this.#deadlines.push(place, place.deadline);
    this.#queuedBytes += place.bodyBytes;
    place.state = 'waiting';
    return 'queued';
  }

  /** Gives the next place a seat; undefined when no seat is free or nobody waits. */
  next(now: number): Place<Holder> | undefined {
    this.#takeOverdue(now, 'before');
    if (this.#inUse >= this.seats || this.#mask === 0) return undefined;
    const place = this.#levels[this.#tier.pick(this.#mask)]?.dispatch();
    if (place === undefined) return undefined;
    this.#tier.charge(place.level, place.cost);
    this.#forgetWaiting(place);
    this.#inUse++;
    place.state = 'running';
    return place;
  }

  /** Frees the seat of a place; its charge becomes `actualCost`. A second call changes nothing. */
  finish(place: Place<Holder>, actualCost: number): boolean {
    if (place.state !== 'running') {
      this.#ignoredFinishes++;
      return false;
    }
    const correction = soundCost(actualCost) - place.cost;
    this.#tier.correct(place.level, correction);
    this.#queue(place.level).finish(place, correction);
    this.#inUse--;
    place.state = 'ended';
    return true;
  }

  /** Takes a waiting place out of its queue, uncharged; false when it does not wait. */
  cancel(place: Place<Holder>): boolean {
    if (place.state !== 'waiting') return false;
    this.#queue(place.level).remove(place);
    this.#forgetWaiting(place);
    place.state = 'ended';
    return true;
  }

  /** The places whose deadline has come, each of them once. */
  expire(now: number): readonly Place<Holder>[] {
    this.#takeOverdue(now, 'at');
    return this.#overdue.length === 0 ? nobody : this.#overdue.splice(0);
  }

  /** When expire() will next have something; undefined when nobody waits. */
  nextDeadline(): number | undefined {
    return this.#overdue[0]?.deadline ?? this.#deadlines.peek()?.deadline;
  }

  /** Empties the queue. */
  removeAll(): readonly Place<Holder>[] {
    return this.expire(Number.POSITIVE_INFINITY);
  }

  /** A deadline that is just now is not over: who waits no longer than allowed may still have the seat. */
  #takeOverdue(now: number, which: 'before' | 'at'): void {
    for (let place = this.#deadlines.peek(); place !== undefined; place = this.#deadlines.peek()) {
      if (place.deadline > now || (place.deadline === now && which === 'before')) return;
      this.cancel(place);
      this.#overdue.push(place);
    }
  }

  #forgetWaiting(place: Place<Holder>): void {
    this.#deadlines.remove(place);
    this.#queuedBytes -= place.bodyBytes;
    if (this.#queue(place.level).waiting === 0) this.#mask &= ~(1 << place.level);
  }

  #queue(level: Level): LevelQueue<Holder> {
    const queue = this.#levels[level];
    if (queue === undefined) throw new Error(`no such level: ${level}`);
    return queue;
  }
}
