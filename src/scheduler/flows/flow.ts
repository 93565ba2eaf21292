import { Ring } from '../../domain/structures/ring.ts';
import type { Spent } from '../../domain/usage.ts';
import type { Level } from '../../domain/vocabulary.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { HeapItem } from './heap.ts';
import { insertBefore, type Linked, type LinkedList, unlink } from './linked-list.ts';
import type { Service } from './service.ts';
import type { SideQueues, Waiter } from './side-queues.ts';
import type { Tenant } from './tenant.ts';

/** Counters stay exact far beyond this; the bound keeps one absurd usage report from locking a tenant out for ever. */
const maxAmount = 1e9;
/** Limits a cost or a number of tokens to the range of the counters: never negative, never NaN. */
export const soundAmount = (amount: number): number => (amount >= 0 ? Math.min(amount, maxAmount) : 0);

const nowhere: readonly string[] = [];

/** The target of a request: names that are only compared. */
export interface TargetName {
  readonly provider: string;
  readonly model: string;
}

/** `cost` and `tokens` are estimates; they are charged when the seat is given. */
export interface Demand extends Spent, TargetName {
  readonly flowId: string;
  readonly level: Level;
  readonly bodyBytes: number;
}

/**
 * One request as the scheduler sees it: in the queue of its flow, or on a seat. The scheduler owns all fields below
 * `avoid`.
 */
export class Place<Holder> implements Spent, Linked<Place<Holder>>, Waiter<Place<Holder>> {
  /** The caller's object for the place; returned with it, never read. */
  readonly holder: Holder;
  readonly flowId: string;
  readonly level: Level;
  readonly target: TargetName;
  readonly cost: number;
  readonly tokens: number;
  readonly bodyBytes: number;
  /** The longest wait for a seat. */
  readonly timeoutMs: number;
  /** The IDs of endpoints that it is given only if no others are up; not to be changed while it waits. */
  avoid: readonly string[] = nowhere;
  /** Where it has its seat, or had it last. */
  endpoint: Endpoint | null = null;
  /** After this moment the place is not given a seat. */
  deadline = Number.POSITIVE_INFINITY;
  state: 'new' | 'waiting' | 'running' | 'ended' = 'new';
  /** The charge so far while it runs, and the weights that the charge is divided by. */
  charged = 0;
  chargedTokens = 0;
  flowWeight = 1;
  levelWeight = 1;
  /** Its own tenant's limits kept it from a seat when its time was over. */
  isHeldByTenant = false;
  flow: Flow<Holder> | null = null;
  previous: Place<Holder> | null = null;
  next: Place<Holder> | null = null;
  side: Waiter<Place<Holder>>['side'] = null;
  // Its position in the heap of deadlines. The earliest place has the least turn; a place that is put back gets one
  // below all others.
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

export type Readiness = 'ready' | 'full' | 'none';

/** One tenant's queue within a level: first in, first out, except for places that stand aside. */
export class Flow<Holder> implements LinkedList<Place<Holder>> {
  readonly id: string;
  readonly level: Level;
  /** Null for a flow whose tenant has no limits or weight of its own. */
  tenant: Tenant<Flow<Holder>> | null = null;
  /** Its place among the flows of its tenant that have something waiting. */
  readonly amongBacklogged = new Ring<Flow<Holder>>(this);
  weight = 1;
  /** The cost charged so far, divided by weight, in the virtual time of its level. */
  counter: number;
  running = 0;
  waiting = 0;
  waitingCost = 0;
  head: Place<Holder> | null = null;
  tail: Place<Holder> | null = null;
  /** The places that stand aside; null if there are none. */
  sides: SideQueues<Place<Holder>> | null = null;
  /** Its counter is kept less the time of its level: it waits for a seat at an endpoint (fair-flows.ts). */
  isRelative = false;
  /** Orders flows with equal counters: the flow that has waited for longest goes first. */
  activation = 0;
  /** Orders flows by the time of their last new place. */
  appended = 0;
  /** Its item in the heap of the longest queues, while that heap exists. */
  lane: (HeapItem & { readonly flow: Flow<Holder> }) | null = null;
  /** The service of the flow, for inspection. */
  service: Service;
  // Its position in one of the heaps of its level.
  slot = -1;
  key = 0;
  turn = 0;

  constructor(id: string, level: Level, counter: number, service: Service) {
    this.id = id;
    this.level = level;
    this.counter = counter;
    this.service = service;
  }

  /** Whether its tenant may start nothing. */
  get isParked(): boolean {
    return this.tenant?.isParked === true;
  }

  /** Whether it may start something, but for the seats; `full`: not before a seat is free at an endpoint. */
  get readiness(): Readiness {
    if (this.isParked || this.head === null) return 'none';
    if (this.first !== null) return 'ready';
    return this.sides?.hasFull === true ? 'full' : 'none';
  }

  /** Returns the place to start next, as far as the upstream and its endpoints allow; null if none may start. */
  get first(): Place<Holder> | null {
    return this.sides === null ? this.head : this.sides.first;
  }

  append(place: Place<Holder>): void {
    this.#insert(place, null);
    this.sides?.appended(place);
  }

  /** Puts the place before all others. */
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
