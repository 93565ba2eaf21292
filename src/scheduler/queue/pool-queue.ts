/**
 * All that waits in one pool: ten levels, the deadlines over all of them, and who stands aside for its
 * tenant's limits or for what the upstream has closed. It knows who may not wait or no longer; who is next is the scheduler's to say.
 *
 * Invariant: a place that entered leaves exactly once, by take, cancel, takeExpired or takeEvicted.
 */
import { allLevels, type Level } from '../../domain/vocabulary.ts';
import { Closures } from '../closures/closures.ts';
import type { Flow, Place } from '../flows/flow.ts';
import { IndexedHeap } from '../flows/heap.ts';
import { VirtualTime } from '../flows/virtual-time.ts';
import type { SchedulerSettings, Tenants } from '../rules.ts';
import { LevelQueue } from './level-queue.ts';
import { hasRoom, makeRoom } from './overflow.ts';
import { Parking } from './parking.ts';

interface PoolQueueOptions<Holder> {
  /** What waits, is parked or runs in the level has changed. */
  readonly changed: (queue: LevelQueue<Holder>) => void;
}

const nobody: readonly never[] = [];

export class PoolQueue<Holder> {
  bytes = 0;
  readonly tenants: Parking<Holder>;
  readonly closures: Closures<Holder>;
  readonly levels: readonly LevelQueue<Holder>[];
  /** Of the levels whose tenants share the pool. */
  readonly #sharedTime = new VirtualTime(true);
  readonly #changed: (queue: LevelQueue<Holder>) => void;
  readonly #deadlines = new IndexedHeap<Place<Holder>>();
  #arrivals = 0;
  /** Taken out because their deadline was over, until takeExpired() hands them out. */
  #overdue: Place<Holder>[] = [];
  /** Pushed out by others, until takeEvicted() hands them out. */
  #evicted: Place<Holder>[] = [];

  constructor({ changed }: PoolQueueOptions<Holder>) {
    this.#changed = changed;
    this.levels = allLevels.map(level => new LevelQueue<Holder>(level, flowId => this.tenants.find(flowId)));
    const flowReview = (flow: Flow<Holder>) => this.level(flow.level).review(flow);
    const levelChanged = (flow: Flow<Holder>) => changed(this.level(flow.level));
    this.tenants = new Parking<Holder>({ review: flowReview, changed: levelChanged });
    this.closures = new Closures<Holder>({
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

  /** Places that wait in this level and the better ones. */
  waitingAhead(level: Level): number {
    if (this.waiting === 0) return 0;
    let ahead = 0;
    for (let better = 0; better <= level; better++) ahead += this.levels[better]?.waiting ?? 0;
    return ahead;
  }

  /** Brings the queue up to this moment: who is overdue is out of it, who stood aside until now is back. */
  advance(now: number): void {
    this.#takeOverdue(now, 'before');
    this.tenants.wake(now);
    this.closures.wake(now);
  }

  /** Who has to go so that this place can wait goes; else says which limit is met. */
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

  enter(place: Place<Holder>, now: number): void {
    place.deadline = now + place.timeoutMs;
    this.#deadlines.push(place, place.deadline, ++this.#arrivals);
    const queue = this.level(place.level);
    queue.enqueue(place, this.closures.targetOf(place));
    this.#waits(queue, place);
  }

  /** Lets a place wait that had a seat: before all others of its flow, until the same deadline. */
  putBack(place: Place<Holder>): void {
    this.#deadlines.push(place, place.deadline, -++this.#arrivals);
    const queue = this.level(place.level);
    queue.putBack(place, this.closures.targetOf(place));
    this.#waits(queue, place);
  }

  /** Takes out the place whose turn it is in the level, and charges its flow; the caller sees to the level. */
  take(queue: LevelQueue<Holder>, place: Place<Holder>, isChosen: boolean, now: number): void {
    queue.dispatch(place, isChosen);
    this.#left(place);
    this.closures.started(place, now);
  }

  /** Takes out a waiting place, uncharged; false when it does not wait. */
  cancel(place: Place<Holder>): boolean {
    if (place.state !== 'waiting') return false;
    const queue = this.level(place.level);
    queue.remove(place);
    place.state = 'ended';
    this.#left(place);
    this.#changed(queue);
    return true;
  }

  /** Those whose deadline has come, each of them once. */
  takeExpired(now: number): readonly Place<Holder>[] {
    this.#takeOverdue(now, 'at');
    return this.#overdue.length === 0 ? nobody : this.#overdue.splice(0);
  }

  /** Those pushed out since the last call, each of them once. */
  takeEvicted(): readonly Place<Holder>[] {
    return this.#evicted.length === 0 ? nobody : this.#evicted.splice(0);
  }

  /** When somebody is overdue or comes back by the clock; undefined when nobody waits. */
  nextWake(): number | undefined {
    const overdue = this.#overdue[0];
    if (overdue !== undefined) return overdue.deadline;
    const first = this.#deadlines.peek();
    return first === undefined
      ? undefined
      : Math.min(first.deadline, this.tenants.nextWake(), this.closures.nextWake());
  }

  /** From now on the tenants of a level share the pool by that weight of it; null: they share what it is given. */
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

  /** A deadline that is just now is not over: who waits no longer than allowed may still have the seat. */
  #takeOverdue(now: number, which: 'before' | 'at'): void {
    for (let place = this.#deadlines.peek(); place !== undefined; place = this.#deadlines.peek()) {
      if (place.deadline > now || (place.deadline === now && which === 'before')) return;
      place.isHeldByTenant = place.flow?.isParked === true;
      this.cancel(place);
      this.#overdue.push(place);
    }
  }
}
