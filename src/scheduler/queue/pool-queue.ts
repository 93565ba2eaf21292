/**
 * Everything that waits in one pool: ten levels, the deadlines over all of them, and the requests that stand aside for
 * their tenant's limits, for what the upstream has closed or for a seat at an endpoint. It decides which requests may wait and for how long;
 * scheduler.ts decides which one is next.
 *
 * Invariant: a place that entered leaves exactly once, by take, cancel, takeExpired or takeEvicted.
 */
import { allLevels, type Level } from '../../domain/vocabulary.ts';
import type { Capacity } from '../capacity/capacity.ts';
import { Closures } from '../closures/closures.ts';
import type { Target } from '../closures/targets.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { Endpoints } from '../endpoints/endpoints.ts';
import type { Flow, Place } from '../flows/flow.ts';
import { IndexedHeap } from '../flows/heap.ts';
import { VirtualTime } from '../flows/virtual-time.ts';
import type { SchedulerSettings, Tenants } from '../rules.ts';
import { LevelQueue } from './level-queue.ts';
import { hasRoom, makeRoom } from './overflow.ts';
import { Parking } from './parking.ts';

interface PoolQueueOptions<Holder> {
  readonly capacity: Capacity;
  /** Called after any change of what waits, is parked or runs in the level. */
  readonly changed: (queue: LevelQueue<Holder>) => void;
}

const nobody: readonly never[] = [];

export class PoolQueue<Holder> {
  bytes = 0;
  readonly tenants: Parking<Holder>;
  readonly closures: Closures<Holder>;
  readonly endpoints: Endpoints<Target<Holder>>;
  readonly levels: readonly LevelQueue<Holder>[];
  /** The time of the levels whose tenants share the pool. */
  readonly #sharedTime = new VirtualTime(true);
  readonly #changed: (queue: LevelQueue<Holder>) => void;
  readonly #deadlines = new IndexedHeap<Place<Holder>>();
  #arrivals = 0;
  /** Removed because their deadline was over, until takeExpired() returns them. */
  #overdue: Place<Holder>[] = [];
  /** Evicted by others, until takeEvicted() returns them. */
  #evicted: Place<Holder>[] = [];

  constructor({ capacity, changed }: PoolQueueOptions<Holder>) {
    this.#changed = changed;
    this.levels = allLevels.map(level => new LevelQueue<Holder>(level, flowId => this.tenants.find(flowId)));
    const flowReview = (flow: Flow<Holder>) => this.level(flow.level).review(flow);
    const levelChanged = (flow: Flow<Holder>) => changed(this.level(flow.level));
    this.tenants = new Parking<Holder>({ review: flowReview, changed: levelChanged });
    this.endpoints = new Endpoints<Target<Holder>>({
      capacity,
      changed: ({ watchers }) => this.closures.review(watchers),
      selecting: () => this.closures.passBy(),
      resized: () => this.levels.forEach(changed),
    });
    this.closures = new Closures<Holder>({
      endpoints: this.endpoints,
      flows: () => this.#flows(),
      standAside: (flow, place, target) => this.level(flow.level).standAside(flow, place, target),
      changed: flow => {
        flowReview(flow);
        levelChanged(flow);
      },
    });
  }

  get waiting(): number {
    return this.#deadlines.size;
  }

  level(level: number): LevelQueue<Holder> {
    const queue = this.levels[level];
    if (queue === undefined) throw new Error(`no such level: ${level}`);
    return queue;
  }

  /** Returns the number of places that wait in this level and the better ones. */
  waitingAhead(level: Level): number {
    if (this.waiting === 0) return 0;
    let ahead = 0;
    for (let better = 0; better <= level; better++) ahead += this.levels[better]?.waiting ?? 0;
    return ahead;
  }

  /** Advances the queue to this moment: removes overdue places, brings back those that stood aside until now. */
  advance(now: number): void {
    this.#takeOverdue(now, 'before');
    this.tenants.wake(now);
    this.closures.wake(now);
  }

  /** The endpoint to start it at; null: it needs none; undefined: none that it may go to has a free seat. */
  choose(place: Place<Holder>): Endpoint | null | undefined {
    return this.endpoints.choose(place, this.closures.shutTo(place));
  }

  /** Whether it may start as far as endpoints go. */
  hasRoomFor(place: Place<Holder>): boolean {
    return this.endpoints.hasRoomFor(place, this.closures.shutTo(place));
  }

  /** Evicts the places that must leave so that this place can wait; returns the limit it meets if it cannot. */
  makeRoom(place: Place<Holder>, settings: SchedulerSettings): 'tenant_full' | 'level_full' | 'pool_full' | null {
    const tenant = this.tenants.find(place.flowId);
    if (tenant !== null && !tenant.hasRoom) return 'tenant_full';
    if (hasRoom(place, this.level(place.level), settings, this)) return null;
    const evict = (victim: Place<Holder>): void => {
      this.cancel(victim);
      this.#evicted.push(victim);
    };
    return makeRoom({ place, levels: this.levels, settings, queued: this, evict });
  }

  /** `ageMs`: its time in the queue of another scheduler. */
  enter(place: Place<Holder>, now: number, ageMs = 0): void {
    place.deadline = now - ageMs + place.timeoutMs;
    this.endpoints.met(place);
    this.#deadlines.push(place, place.deadline, ++this.#arrivals);
    const queue = this.level(place.level);
    queue.enqueue(place, this.closures.targetOf(place));
    this.#waits(queue, place);
  }

  /** Queues a place again that had a seat: before all others of its flow, until the same deadline. */
  putBack(place: Place<Holder>): void {
    this.#deadlines.push(place, place.deadline, -++this.#arrivals);
    const queue = this.level(place.level);
    queue.putBack(place, this.closures.targetOf(place));
    this.#waits(queue, place);
  }

  /** Removes the place whose turn it is in the level, and charges its flow; the caller updates the level. */
  take(queue: LevelQueue<Holder>, place: Place<Holder>, isChosen: boolean, now: number): void {
    queue.dispatch(place, isChosen);
    this.#left(place);
    this.closures.started(place, now);
  }

  /** Removes a waiting place without a charge; returns false if it does not wait. */
  cancel(place: Place<Holder>): boolean {
    if (place.state !== 'waiting') return false;
    const queue = this.level(place.level);
    queue.remove(place);
    place.state = 'ended';
    this.#left(place);
    this.#changed(queue);
    return true;
  }

  /** Returns the places whose deadline has come, each of them once. */
  takeExpired(now: number): readonly Place<Holder>[] {
    this.#takeOverdue(now, 'at');
    return this.#overdue.length === 0 ? nobody : this.#overdue.splice(0);
  }

  /** Returns the places evicted since the last call, each of them once. */
  takeEvicted(): readonly Place<Holder>[] {
    return this.#evicted.length === 0 ? nobody : this.#evicted.splice(0);
  }

  /** The time at which a place is overdue or comes back by the clock; undefined if nothing waits. */
  nextWake(): number | undefined {
    const overdue = this.#overdue[0];
    if (overdue !== undefined) return overdue.deadline;
    const first = this.#deadlines.peek();
    return first === undefined
      ? undefined
      : Math.min(first.deadline, this.tenants.nextWake(), this.closures.nextWake());
  }

  /** Sets the weight of each level by which its tenants share the pool; null: they share what the level is given. */
  share(weightOf: (level: Level) => number | null): void {
    for (const { id, fair } of this.levels) {
      const weight = weightOf(id);
      fair.goBy(weight === null ? null : this.#sharedTime, weight ?? 1);
    }
  }

  configure(tenants: Tenants, now: number): void {
    this.tenants.configure(tenants, [...this.#flows()], now);
    for (const queue of this.levels) this.#changed(queue);
  }

  *#flows(): Iterable<Flow<Holder>> {
    for (const queue of this.levels) yield* queue.knownFlows();
  }

  #waits(queue: LevelQueue<Holder>, place: Place<Holder>): void {
    place.state = 'waiting';
    this.bytes += place.bodyBytes;
    const tenant = place.flow?.tenant;
    if (tenant) this.tenants.queued(tenant);
    this.#changed(queue);
  }

  #left(place: Place<Holder>): void {
    this.#deadlines.remove(place);
    this.bytes -= place.bodyBytes;
    const tenant = place.flow?.tenant;
    if (tenant) this.tenants.left(tenant);
  }

  /** A deadline that is exactly now is not over: a place that waited no longer than allowed may still get the seat. */
  #takeOverdue(now: number, which: 'before' | 'at'): void {
    for (let place = this.#deadlines.peek(); place !== undefined; place = this.#deadlines.peek()) {
      if (place.deadline > now || (place.deadline === now && which === 'before')) return;
      place.isHeldByTenant = place.flow?.isParked === true;
      this.cancel(place);
      this.#overdue.push(place);
    }
  }
}
