import type { Level } from '../domain/vocabulary.ts';

/** Counters stay exact far beyond this; it keeps one absurd usage report from locking a tenant out for ever. */
const maxCost = 1e9;
/** A cost as the counters can bear it: never negative, never NaN. */
export const soundCost = (cost: number): number => (cost >= 0 ? Math.min(cost, maxCost) : 0);

export interface Demand {
  readonly flowId: string;
  readonly level: Level;
  /** Estimated cost (domain/usage.ts), charged when the seat is given. */
  readonly cost: number;
  readonly bodyBytes: number;
}

/**
 * One request as the scheduler sees it: in the queue of its flow, or on a seat.
 * Everything below `timeoutMs` is the scheduler's.
 */
export class Place<Holder> {
  /** Whom the place is for; handed back with it, never looked at. */
  readonly holder: Holder;
  readonly flowId: string;
  readonly level: Level;
  readonly cost: number;
  readonly bodyBytes: number;
  /** How long it may wait for a seat. */
  readonly timeoutMs: number;
  /** After this moment it is no longer given a seat. */
  deadline = Number.POSITIVE_INFINITY;
  state: 'new' | 'waiting' | 'running' | 'ended' = 'new';
  flow: Flow<Holder> | null = null;
  previous: Place<Holder> | null = null;
  next: Place<Holder> | null = null;
  // Its item in the heap of deadlines.
  slot = -1;
  key = 0;
  turn = 0;

  constructor(holder: Holder, demand: Demand, timeoutMs: number) {
    this.holder = holder;
    this.flowId = demand.flowId;
    this.level = demand.level;
    this.cost = soundCost(demand.cost);
    this.bodyBytes = demand.bodyBytes;
    this.timeoutMs = timeoutMs;
  }
}

/** One tenant's queue within a level: first in, first out; leaving from the middle is O(1). */
export class Flow<Holder> {
  readonly id: string;
  /** Cost charged so far, in the virtual time of its level. */
  counter: number;
  running = 0;
  head: Place<Holder> | null = null;
  #tail: Place<Holder> | null = null;
  // Its item in one of the heaps of its level.
  slot = -1;
  key = 0;
  turn = 0;

  constructor(id: string, counter: number) {
    this.id = id;
    this.counter = counter;
  }

  append(place: Place<Holder>): void {
    place.flow = this;
    place.previous = this.#tail;
    if (this.#tail === null) this.head = place;
    else this.#tail.next = place;
    this.#tail = place;
  }

  unlink(place: Place<Holder>): void {
    if (place.previous === null) this.head = place.next;
    else place.previous.next = place.next;
    if (place.next === null) this.#tail = place.previous;
    else place.next.previous = place.previous;
    place.previous = null;
    place.next = null;
  }
}
