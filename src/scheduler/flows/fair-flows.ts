/**
 * The tenants of one level take turns by what they were charged: start-time fair queueing, with the
 * cost of a request, divided by its weight, as its length (scheduling the flow with the least
 * counter, as VTC does, OSDI '24).
 *
 *   a flow gets something to wait for   counter := max(counter, virtual time)   idle time is not saved up
 *   its head gets a seat                virtual time := max(virtual time, counter); counter += estimate/weight
 *   it has used more, or ends           counter += (actual − charged so far)/weight
 *
 * Two flows that both have something waiting thus never differ by more than one request's charge
 * plus what was misjudged of the requests in flight.
 *
 * The weight is the tenant's. Where tenants share the pool (rules.ts, shareBy), it is the tenant's times the
 * level's, the time is that of all these levels (virtual-time.ts), and the least counter of all of them is next
 * (level-tier.ts). While a level is held at its cap that time goes on; its flows then catch up as one: in their order
 * and at their distances, the first of them level with the time. So that this costs the same however many they are,
 * counters of flows that wait are kept less a `shift` of the level.
 *
 * A flow is in one of five states:
 *   waiting                             in #backlogged, by counter
 *   waiting, but nothing may start      in no heap: its tenant is parked, or the upstream has closed all that it
 *                                       waits for; the first rule holds when it comes back
 *   running only                        in no heap
 *   neither, counter above virtual time in #indebted, by counter: it comes back with its debt
 *   neither, counter reached            forgotten; the first rule would give it that counter anyway
 *                                      (a few are kept when all fall idle, to spare making them anew)
 */
import type { Flow, Place } from './flow.ts';
import { IndexedHeap } from './heap.ts';
import { renormaliseAbove, VirtualTime } from './virtual-time.ts';

/**
 * So many flows with a debt and nothing to do are remembered per level. Beyond it the smallest debt
 * is forgiven, which is at most what that flow's last requests were charged.
 */
const maxIndebtedFlows = 4096;
/** So many flows an idle level keeps for those who come again; all of them start level there. */
const maxRestingFlows = 256;

interface FairFlowsOptions<Holder> {
  readonly create: (id: string, counter: number) => Flow<Holder>;
  /** Nothing waits or runs in the level. */
  readonly isIdle: () => boolean;
}

export class FairFlows<Holder> {
  readonly #options: FairFlowsOptions<Holder>;
  /** Of a level whose tenants share its weight. */
  readonly #ownTime = new VirtualTime(false);
  #time = this.#ownTime;
  /** What charges are divided by beside the tenant's weight: the level's, where its tenants share the pool. */
  #levelWeight = 1;
  /** To be added to the counters of those in #backlogged; 0 unless the time is shared. */
  #shift = 0;
  #isHeld = false;
  readonly #flows = new Map<string, Flow<Holder>>();
  readonly #backlogged = new IndexedHeap<Flow<Holder>>();
  readonly #indebted = new IndexedHeap<Flow<Holder>>();

  constructor(options: FairFlowsOptions<Holder>) {
    this.#options = options;
    this.#time.join(this);
  }

  /** Flows that are remembered. */
  get size(): number {
    return this.#flows.size;
  }

  get isIdle(): boolean {
    return this.#options.isIdle();
  }

  /** Flows with something waiting that may start, as far as their tenants and the upstream go. */
  get ready(): number {
    return this.#backlogged.size;
  }

  /** Whose turn it is. */
  peek(): Flow<Holder> | undefined {
    return this.#backlogged.peek();
  }

  /** To be added to the counter of a flow that may start, to compare it with those of other levels. */
  get shift(): number {
    return this.#shift;
  }

  all(): Iterable<Flow<Holder>> {
    return this.#flows.values();
  }

  find(id: string): Flow<Holder> | undefined {
    return this.#flows.get(id);
  }

  /** The counter with which the flow goes on, or would, if it came back now. */
  counterOf(flow: Flow<Holder>): number {
    return this.#isBacklogged(flow) ? flow.counter + this.#shift : Math.max(flow.counter, this.#time.now);
  }

  /** How far a charge moves the counter of the flow. */
  lengthOf(cost: number, flow: Flow<Holder>): number {
    return cost / (flow.weight * this.#levelWeight);
  }

  /** A flow that gets something to wait for. */
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

  /** To be called when the flow may start something, or nothing any more. */
  review(flow: Flow<Holder>, mayStart: boolean): void {
    if (mayStart === flow.slot >= 0) return;
    if (mayStart) {
      if (this.#isHeld) this.#catchUp();
      flow.counter = Math.max(flow.counter, this.#time.now) - this.#shift;
      this.#backlogged.push(flow, flow.counter, flow.activation);
    } else {
      this.#backlogged.remove(flow);
      flow.counter += this.#shift;
    }
  }

  /**
   * A place of the flow whose turn it is gets a seat. A time that is shared moves only where the flow was chosen
   * among all: one that starts on its level's reserve, whatever its counter, must not make those who wait seem
   * to be behind.
   */
  start(flow: Flow<Holder>, place: Place<Holder>, isChosen: boolean): void {
    const time = this.#time;
    if (isChosen || !time.isShared) time.now = Math.max(time.now, flow.counter + this.#shift);
    place.flowWeight = flow.weight;
    this.#charge(flow, place.cost / (flow.weight * this.#levelWeight));
  }

  /** To be called when the place that started has left its flow. */
  started(flow: Flow<Holder>): void {
    if (flow.slot >= 0) this.#backlogged.update(flow, flow.counter);
    if (this.#indebted.size > 0) this.#forgetSettled();
    if (this.#time.now > renormaliseAbove) this.#time.lower();
  }

  /** A running place is charged so much more, or (negative) less. */
  correct(flow: Flow<Holder>, place: Place<Holder>, difference: number): void {
    this.#charge(flow, difference / (place.flowWeight * this.#levelWeight));
    if (flow.slot >= 0 && flow.head !== null) this.#backlogged.update(flow, flow.counter);
  }

  /** To be called when one of its places has ended or left. */
  retire(flow: Flow<Holder>): void {
    if (flow.head !== null || flow.running > 0) return;
    if (this.#options.isIdle() && this.#time.restIfIdle()) return;
    if (flow.counter <= this.#time.now) this.#flows.delete(flow.id);
    else this.#remember(flow);
  }

  /** Whether the level is at its cap. */
  hold(isHeld: boolean): void {
    if (this.#isHeld && !isHeld) this.#catchUp();
    this.#isHeld = isHeld;
  }

  /**
   * From now on the flows go by this time, null: one of their own, and charges are divided by that weight of the
   * level too. A flow keeps, in cost, what it was charged before its turn; what it was behind it does not: all begin
   * level with the time or after it.
   */
  goBy(shared: VirtualTime | null, levelWeight: number): void {
    const time = shared ?? this.#ownTime;
    if (time === this.#time && levelWeight === this.#levelWeight) return;
    this.#catchUp();
    const first = this.#backlogged.peek();
    const least = first === undefined ? this.#time.now : Math.min(this.#time.now, first.counter + this.#shift);
    const factor = this.#levelWeight / levelWeight;
    for (const flow of this.#flows.values()) {
      const lead = this.#isBacklogged(flow) ? flow.counter + this.#shift - least : flow.counter - this.#time.now;
      flow.counter = time.now + Math.max(lead, 0) * factor;
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
    for (const flow of this.#flows.values()) flow.counter += (this.#isBacklogged(flow) ? this.#shift : 0) - amount;
    this.#rekey();
  }

  /** Of a time that is shared, what passed while the level was held is not saved up: who waits goes up as one. */
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
    // Too high by the shift for who is not backlogged: an upper bound is enough.
    const reached = flow.counter + this.#shift;
    if (reached > this.#time.highest) this.#time.highest = reached;
  }

  #change(time: VirtualTime): void {
    this.#time.leave(this);
    time.join(this);
    this.#time = time;
  }

  /** Puts all in order by their counters, none of which is less the shift. */
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
