import { Ring } from '../../domain/ring.ts';
import type { Spent } from '../../domain/usage.ts';
import type { Level } from '../../domain/vocabulary.ts';
import type { HeapItem } from './heap.ts';
import { insertBefore, type Linked, type LinkedList, unlink } from './linked-list.ts';
import type { Service } from './service.ts';
import type { SideQueues, Waiter } from './side-queues.ts';
import type { Tenant } from './tenant.ts';

/** Counters stay exact far beyond this; it keeps one absurd usage report from locking a tenant out for ever. */
const maxAmount = 1e9;
/** A cost, or tokens, as the counters can bear them: never negative, never NaN. */
export const soundAmount = (amount: number): number => (amount >= 0 ? Math.min(amount, maxAmount) : 0);

/** Where a request goes to: names that are compared and nothing else. */
export interface TargetName {
  readonly provider: string;
  readonly model: string;
}

/** `cost` and `tokens` are estimates, charged when the seat is given. */
export interface Demand extends Spent, TargetName {
  readonly flowId: string;
  readonly level: Level;
  readonly bodyBytes: number;
}

/**
 * One request as the scheduler sees it: in the queue of its flow, or on a seat.
 * Everything below `timeoutMs` is the scheduler's.
 */
export class Place<Holder> implements Spent, Linked<Place<Holder>>, Waiter<Place<Holder>> {
  /** Whom the place is for; handed back with it, never looked at. */
  readonly holder: Holder;
  readonly flowId: string;
  readonly level: Level;
  readonly target: TargetName;
  readonly cost: number;
  readonly tokens: number;
  readonly bodyBytes: number;
  /** How long it may wait for a seat. */
  readonly timeoutMs: number;
  /** After this moment it is no longer given a seat. */
  deadline = Number.POSITIVE_INFINITY;
  state: 'new' | 'waiting' | 'running' | 'ended' = 'new';
  /** What it is charged while it runs, and the weights that its charge is divided by. */
  charged = 0;
  chargedTokens = 0;
  flowWeight = 1;
  levelWeight = 1;
  /** When its time was over, its own tenant's limits kept it from a seat. */
  isHeldByTenant = false;
  flow: Flow<Holder> | null = null;
  previous: Place<Holder> | null = null;
  next: Place<Holder> | null = null;
  side: Waiter<Place<Holder>>['side'] = null;
  // Its item in the heap of deadlines. Who came first has the least turn; who is put back one below all others.
  slot = -1;
  key = 0;
  turn = 0;

  constructor(holder: Holder, demand: Demand, timeoutMs: number) {
    this.holder = holder;
    this.flowId = demand.flowId;
    this.level = demand.level;
    this.target = demand;
    this.cost = soundAmount(demand.cost);
    this.tokens = soundAmount(demand.tokens);
    this.bodyBytes = demand.bodyBytes;
    this.timeoutMs = timeoutMs;
  }
}

/** One tenant's queue within a level: first in, first out, but for those that stand aside. */
export class Flow<Holder> implements LinkedList<Place<Holder>> {
  readonly id: string;
  readonly level: Level;
  /** Null for one without limits or weight of its own. */
  tenant: Tenant<Flow<Holder>> | null = null;
  /** Its place among the flows of its tenant that have something waiting. */
  readonly amongBacklogged = new Ring<Flow<Holder>>(this);
  weight = 1;
  /** Cost charged so far, by weight, in the virtual time of its level. */
  counter: number;
  running = 0;
  waiting = 0;
  waitingCost = 0;
  head: Place<Holder> | null = null;
  tail: Place<Holder> | null = null;
  /** Those that stand aside; null: nobody does. */
  sides: SideQueues<Place<Holder>> | null = null;
  /** Says which flow has had something waiting for longest: of equal counters, its turn is first. */
  activation = 0;
  /** Says which flow was given something to wait for last. */
  appended = 0;
  /** Its item in the heap of the longest queues, while there is one. */
  lane: (HeapItem & { readonly flow: Flow<Holder> }) | null = null;
  /** What it is served, for whoever looks on. */
  service: Service;
  // Its item in one of the heaps of its level.
  slot = -1;
  key = 0;
  turn = 0;

  constructor(id: string, level: Level, counter: number, service: Service) {
    this.id = id;
    this.level = level;
    this.counter = counter;
    this.service = service;
  }

  /** Its tenant may start nothing. */
  get isParked(): boolean {
    return this.tenant?.isParked === true;
  }

  /** Which is to start next, as far as the upstream goes; null: none may. */
  get first(): Place<Holder> | null {
    return this.sides === null ? this.head : this.sides.first;
  }

  append(place: Place<Holder>): void {
    this.#insert(place, null);
    this.sides?.appended(place);
  }

  /** Puts it before all others. */
  prepend(place: Place<Holder>): void {
    this.#insert(place, this.head);
    this.sides?.prepended(place);
  }

  unlink(place: Place<Holder>): void {
    if (this.sides !== null) {
      this.sides.leave(place);
      if (this.sides.isEmpty) this.sides = null;
    }
    unlink(this, place);
    this.waiting--;
    this.waitingCost = this.waiting === 0 ? 0 : this.waitingCost - place.cost;
  }

  #insert(place: Place<Holder>, next: Place<Holder> | null): void {
    place.flow = this;
    insertBefore(this, place, next);
    this.waiting++;
    this.waitingCost += place.cost;
  }
}
