/**
 * The tenants of one level take turns by their charges: start-time fair queueing, with the
 * cost of a request, divided by its weight, as its length (scheduling the flow with the least
 * counter, as VTC does, OSDI '24).
 *
 *   a flow gets something to wait for   counter := max(counter, virtual time)   idle time is not saved up
 *   it is given a seat from elsewhere   the same, unless something of it may start (takeover.ts)
 *   its head gets a seat                virtual time := max(virtual time, counter); counter += estimate/weight
 *   it has used more, or ends           counter += (actual − charged so far)/weight
 *
 * Two flows that both have something waiting thus never differ by more than one request's charge
 * plus the estimation errors of the requests in flight.
 *
 * The weight is the tenant's. Where tenants share the pool (rules.ts, shareBy), it is the tenant's times the
 * level's, the time is that of all these levels (virtual-time.ts), and the least counter of all of them is next
 * (level-tier.ts). While a level is held at its cap that time goes on; its flows then catch up as one: in their order
 * and at their distances, the first of them level with the time. So that this costs the same however many they are,
 * counters of flows that wait are kept less a `shift` of the level.
 *
 * A flow is in one of six states:
 *   waiting                             in #backlogged, by counter
 *   waiting for a seat at an endpoint   in no heap, with its counter less the time: such flows come back at the same
 *                                       distance from it, so they save up nothing and keep their order
 *   waiting, but nothing may start      in no heap: its tenant is parked, or the upstream has closed all its
 *                                       targets; the first rule holds when it comes back
 *   running only                        in no heap
 *   neither, counter above virtual time in #indebted, by counter: it comes back with its debt
 *   neither, counter reached            forgotten; the first rule would give it that counter anyway
 *                                      (a few are kept when all fall idle, so that they need not be created again)
 */
import type { Flow, Place, Readiness } from './flow.ts';
import { IndexedHeap } from './heap.ts';
import { renormaliseAbove, VirtualTime } from './virtual-time.ts';

/**
 * The most flows per level that are remembered with a debt and nothing to do. Beyond it the smallest debt is forgiven,
 * which is at most the charge of that flow's last requests.
 */
const maxIndebtedFlows = 4096;
/** The most flows that an idle level keeps for their return; all of them start there with equal counters. */
const maxRestingFlows = 256;

interface FairFlowsOptions<Holder> {
  readonly create: (id: string, counter: number) => Flow<Holder>;
  /** Whether nothing waits or runs in the level. */
  readonly isIdle: () => boolean;
}

export class FairFlows<Holder> {
  readonly #options: FairFlowsOptions<Holder>;
  /** The time of a level whose tenants share its weight. */
  readonly #ownTime = new VirtualTime(false);
  #time = this.#ownTime;
  /** The level's weight, by which charges are divided beside the tenant's, where its tenants share the pool. */
  #levelWeight = 1;
  /** Added to the counters of the flows in #backlogged; 0 unless the time is shared. */
  #shift = 0;
  #isHeld = false;
  #full = 0;
  readonly #flows = new Map<string, Flow<Holder>>();
  readonly #backlogged = new IndexedHeap<Flow<Holder>>();
  readonly #indebted = new IndexedHeap<Flow<Holder>>();

  constructor(options: FairFlowsOptions<Holder>) {
    this.#options = options;
    this.#time.join(this);
  }

  /** The number of remembered flows. */
  get size(): number {
    return this.#flows.size;
  }

  get isIdle(): boolean {
    return this.#options.isIdle();
  }

  /** The number of flows with a waiting request that neither their tenants nor the upstream keep from starting. */
  get ready(): number {
    return this.#backlogged.size;
  }

  /** The number of flows that only wait for a seat at an endpoint. */
  get full(): number {
    return this.#full;
  }

  /** Returns the flow whose turn it is. */
  peek(): Flow<Holder> | undefined {
    return this.#backlogged.peek();
  }

  /** Added to the counter of a flow that may start, to compare it with the counters of other levels. */
  get shift(): number {
    return this.#shift;
  }

  all(): Iterable<Flow<Holder>> {
    return this.#flows.values();
  }

  find(id: string): Flow<Holder> | undefined {
    return this.#flows.get(id);
  }

  /** Returns the counter with which the flow continues, or would continue if it came back now. */
  counterOf(flow: Flow<Holder>): number {
    if (flow.isRelative) return this.#time.now + flow.counter;
    return this.#isBacklogged(flow) ? flow.counter + this.#shift : Math.max(flow.counter, this.#time.now);
  }

  /** Returns the amount by which a charge moves the counter of the flow. */
  lengthOf(cost: number, flow: Flow<Holder>): number {
    return cost / (flow.weight * this.#levelWeight);
  }

  /** Returns the flow for a request that begins to wait. */
  awaken(id: string): Flow<Holder> {
    const known = this.#flows.get(id);
    if (known === undefined) {
      const flow = this.#options.create(id, this.#time.now);
      this.#flows.set(id, flow);
      return flow;
    }
    if (known.head === null && known.slot >= 0) this.#indebted.remove(known);
    return known;
  }

  /**
   * Returns the flow for a request that has a seat without having waited here. As when a request begins to wait, the
   * flow does not save up the time in which it could start nothing, so that what the request is charged from now on
   * counts.
   */
  adopt(id: string): Flow<Holder> {
    const flow = this.awaken(id);
    if (!this.#isBacklogged(flow) && !flow.isRelative) flow.counter = Math.max(flow.counter, this.#time.now);
    return flow;
  }

  /** Must be called when the flow may start a request again, or none any more. */
  review(flow: Flow<Holder>, readiness: Readiness): void {
    const before = flow.isRelative ? 'full' : flow.slot >= 0 ? 'ready' : 'none';
    if (readiness === before) return;
    if (readiness !== 'none' && this.#isHeld) this.#catchUp();
    this.#stop(flow, before);
    const { now } = this.#time;
    if (readiness === 'none') return;
    // With a shared time no flow comes back behind it: a level that is held would catch up by that (hold).
    if (before === 'none' || this.#time.isShared) flow.counter = Math.max(flow.counter, now);
    if (readiness === 'full') {
      flow.isRelative = true;
      flow.counter -= now;
      this.#full++;
    } else {
      flow.counter -= this.#shift;
      this.#backlogged.push(flow, flow.counter, flow.activation);
    }
  }

  /** The flow is in no heap, with its own counter. */
  #stop(flow: Flow<Holder>, before: Readiness): void {
    if (before === 'none') return;
    flow.counter += before === 'ready' ? this.#shift : this.#time.now;
    if (before === 'ready') this.#backlogged.remove(flow);
    else this.#full--;
    flow.isRelative = false;
    this.#time.highest = Math.max(this.#time.highest, flow.counter);
  }

  /**
   * Called when a place of the flow whose turn it is gets a seat. A shared time moves only if the flow was chosen among
   * all flows: a start on its level's reserve, whatever its counter, must not make the waiting flows look late.
   */
  start(flow: Flow<Holder>, place: Place<Holder>, isChosen: boolean): void {
    const time = this.#time;
    if (isChosen || !time.isShared) time.now = Math.max(time.now, flow.counter + this.#shift);
    place.flowWeight = flow.weight;
    this.#charge(flow, place.cost / (flow.weight * this.#levelWeight));
  }

  /** Must be called when the started place has left its flow. */
  started(flow: Flow<Holder>): void {
    if (flow.slot >= 0) this.#backlogged.update(flow, flow.counter);
    if (this.#indebted.size > 0) this.#forgetSettled();
    if (this.#time.now > renormaliseAbove) this.#time.lower();
  }

  /** Raises or (negative) lowers the charge of a running place. */
  correct(flow: Flow<Holder>, place: Place<Holder>, difference: number): void {
    this.#charge(flow, difference / (place.flowWeight * this.#levelWeight));
    if (flow.slot >= 0 && flow.head !== null) this.#backlogged.update(flow, flow.counter);
  }

  /** Must be called when one of the flow's places has ended or left. */
  retire(flow: Flow<Holder>): void {
    if (flow.head !== null || flow.running > 0) return;
    if (this.#options.isIdle() && this.#time.restIfIdle()) return;
    if (flow.counter <= this.#time.now) this.#flows.delete(flow.id);
    else this.#remember(flow);
  }

  /** Sets whether the level is at its cap. */
  hold(isHeld: boolean): void {
    if (this.#isHeld && !isHeld) this.#catchUp();
    this.#isHeld = isHeld;
  }

  /**
   * Moves the flows to this time (null: a time of their own), and divides charges by this weight of the level too. A
   * flow keeps, in cost, what it was charged ahead of its turn, but loses what it was behind: all flows begin at the
   * time or after it.
   */
  goBy(shared: VirtualTime | null, levelWeight: number): void {
    const time = shared ?? this.#ownTime;
    if (time === this.#time && levelWeight === this.#levelWeight) return;
    this.#catchUp();
    const first = this.#backlogged.peek();
    const least = first === undefined ? this.#time.now : Math.min(this.#time.now, first.counter + this.#shift);
    const factor = this.#levelWeight / levelWeight;
    for (const flow of this.#flows.values()) {
      const lead = this.counterOf(flow) - (this.#isBacklogged(flow) ? least : this.#time.now);
      flow.counter = (flow.isRelative ? 0 : time.now) + Math.max(lead, 0) * factor;
      time.highest = Math.max(time.highest, flow.counter);
    }
    this.#levelWeight = levelWeight;
    if (time !== this.#time) this.#change(time);
    this.#rekey();
  }

  rest(): void {
    if (this.#indebted.size > 0) this.#indebted.clear();
    if (this.#flows.size > maxRestingFlows) this.#flows.clear();
  }

  lower(amount: number): void {
    for (const flow of this.#flows.values())
      if (!flow.isRelative) flow.counter += (this.#isBacklogged(flow) ? this.#shift : 0) - amount;
    this.#rekey();
  }

  /**
   * With a shared time, the time that passed while the level was held is not saved up: the waiting flows advance
   * together.
   */
  #catchUp(): void {
    const first = this.#backlogged.peek();
    if (first === undefined || !this.#time.isShared) return;
    const behind = this.#time.now - this.#shift - first.counter;
    if (behind <= 0) return;
    this.#shift += behind;
    this.#time.highest += behind;
  }

  #isBacklogged(flow: Flow<Holder>): boolean {
    return flow.slot >= 0 && flow.head !== null;
  }

  #charge(flow: Flow<Holder>, amount: number): void {
    flow.counter += amount;
    // Too high by the shift for a flow that is not backlogged: an upper bound is enough.
    const reached = flow.counter + this.#shift;
    if (reached > this.#time.highest) this.#time.highest = reached;
  }

  #change(time: VirtualTime): void {
    this.#time.leave(this);
    time.join(this);
    this.#time = time;
  }

  /** Rebuilds the order of all flows by their counters, each less the shift. */
  #rekey(): void {
    this.#shift = 0;
    this.#backlogged.rekey(flow => flow.counter);
    this.#indebted.rekey(flow => flow.counter);
  }

  #remember(flow: Flow<Holder>): void {
    this.#indebted.push(flow, flow.counter);
    if (this.#indebted.size > maxIndebtedFlows) this.#forgetLeast();
  }

  #forgetSettled(): void {
    for (let flow = this.#indebted.peek(); flow !== undefined; flow = this.#indebted.peek()) {
      if (flow.counter > this.#time.now) return;
      this.#forgetLeast();
    }
  }

  #forgetLeast(): void {
    const flow = this.#indebted.peek();
    if (flow === undefined) return;
    this.#indebted.remove(flow);
    this.#flows.delete(flow.id);
  }
}
