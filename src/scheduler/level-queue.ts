/**
 * The tenants of one level take turns by what they were charged: start-time fair queueing, with the
 * cost of a request, divided by its tenant's weight, as its length (scheduling the flow with the least
 * counter, as VTC does, OSDI '24).
 *
 *   a flow gets something to wait for   counter := max(counter, virtual time)   idle time is not saved up
 *   its head gets a seat                virtual time := max(virtual time, counter); counter += estimate/weight
 *   it has used more, or ends           counter += (actual − charged so far)/weight
 *
 * Two flows that both have something waiting thus never differ by more than one request's charge
 * plus what was misjudged of the requests in flight.
 *
 * A flow is in one of five states:
 *   waiting                             in #backlogged, by counter
 *   waiting, but nothing may start      in no heap: its tenant is parked, or the upstream has closed all that it
 *                                       waits for; the first rule holds when it comes back
 *   running only                        in no heap
 *   neither, counter above virtual time in #indebted, by counter: it comes back with its debt
 *   neither, counter reached            forgotten; the first rule would give it that counter anyway
 *                                      (a few are kept when the level falls idle, to spare making them anew)
 */
import type { Level } from '../domain/vocabulary.ts';
import { Flow, type Place } from './flow.ts';
import { IndexedHeap } from './heap.ts';
import { LongestQueue } from './longest-queue.ts';
import { LevelService } from './service.ts';
import { SideQueues } from './side-queues.ts';
import type { Target } from './targets.ts';
import type { Tenant } from './tenant.ts';

/** Float64 counters are lowered beyond this, long before fractions of a token are lost. */
export const renormaliseAbove = 1e12;
/**
 * So many flows with a debt and nothing to do are remembered per level. Beyond it the smallest debt
 * is forgiven, which is at most what that flow's last requests were charged.
 */
export const maxIndebtedFlows = 4096;
/** So many flows an idle level keeps for those who come again; all of them start level there. */
const maxRestingFlows = 256;

export type FindTenant<Holder> = (flowId: string) => Tenant<Flow<Holder>> | null;

export class LevelQueue<Holder> {
  waiting = 0;
  running = 0;
  /** Estimated cost of what waits. */
  waitingCost = 0;
  waitingBytes = 0;
  /** Of those that wait, how many stand aside for what the upstream has closed, and their cost. */
  aside = 0;
  asideCost = 0;
  readonly id: Level;
  /** What its flows are served, for whoever looks on. */
  readonly service = new LevelService();
  readonly #findTenant: FindTenant<Holder>;
  #virtualTime = 0;
  // No counter is above it.
  #highest = 0;
  #arrivals = 0;
  #longest: LongestQueue<Holder> | null = null;
  readonly #flows = new Map<string, Flow<Holder>>();
  readonly #backlogged = new IndexedHeap<Flow<Holder>>();
  readonly #indebted = new IndexedHeap<Flow<Holder>>();

  constructor(id: Level, findTenant: FindTenant<Holder>) {
    this.id = id;
    this.#findTenant = findTenant;
  }

  /** Flows that are remembered. */
  get flows(): number {
    return this.#flows.size;
  }

  knownFlows(): Iterable<Flow<Holder>> {
    return this.#flows.values();
  }

  /** No flow that comes back has less on its counter. */
  get virtualTime(): number {
    return this.#virtualTime;
  }

  weightOf(flowId: string): number {
    return this.#findTenant(flowId)?.rules.weight ?? 1;
  }

  find(flowId: string): Flow<Holder> | null {
    return this.#flows.get(flowId) ?? null;
  }

  /** Flows with something waiting that may start, as far as their tenants and the upstream go. */
  get readyFlows(): number {
    return this.#backlogged.size;
  }

  /** `target`: with whom it stands aside, null: with nobody. */
  enqueue(place: Place<Holder>, target: Target<Holder> | null): void {
    const flow = this.#entered(place);
    flow.append(place);
    this.#placed(flow, place, target);
  }

  /** Puts a place that had a seat before all others of its flow. */
  putBack(place: Place<Holder>, target: Target<Holder> | null): void {
    const flow = this.#entered(place);
    flow.prepend(place);
    this.#placed(flow, place, target);
  }

  /** Whose turn it is. */
  peek(): Place<Holder> | null {
    return this.#backlogged.peek()?.first ?? null;
  }

  /** Takes the place whose turn it is and charges its flow. */
  dispatch(place: Place<Holder>): void {
    const { flow } = place;
    if (flow === null) return;
    this.#virtualTime = Math.max(this.#virtualTime, flow.counter);
    place.flowWeight = flow.weight;
    this.#charge(flow, place.cost / flow.weight);
    flow.service.served += place.cost;
    flow.running++;
    this.running++;
    this.#unlink(flow, place);
    if (flow.slot >= 0) this.#backlogged.update(flow, flow.counter);
    this.#forgetSettled();
    if (this.#virtualTime > renormaliseAbove) this.#renormalise();
  }

  /** Takes a waiting place out of turn; nothing is charged. */
  remove(place: Place<Holder>): void {
    const flow = place.flow;
    if (flow === null) return;
    this.#unlink(flow, place);
    this.#retire(flow);
  }

  /** A running place is charged so much more, or (negative) less. */
  correct(place: Place<Holder>, difference: number): void {
    const flow = place.flow;
    if (flow === null || difference === 0) return;
    this.#charge(flow, difference / place.flowWeight);
    flow.service.served += difference;
    if (flow.slot >= 0 && flow.head !== null) this.#backlogged.update(flow, flow.counter);
  }

  /** A running place has ended. */
  finish(place: Place<Holder>): void {
    const flow = place.flow;
    if (flow === null) return;
    flow.running--;
    this.running--;
    this.#retire(flow);
  }

  /**
   * To be called after anything that changes which of the flow may start. One that could start nothing and
   * now can does not bring along the time in which it could not.
   */
  review(flow: Flow<Holder>): void {
    const mayStart = flow.first !== null && !flow.isParked;
    if (mayStart === flow.slot >= 0) return;
    if (mayStart) {
      flow.counter = Math.max(flow.counter, this.#virtualTime);
      this.#backlogged.push(flow, flow.counter, flow.activation);
    } else this.#backlogged.remove(flow);
  }

  /** One that waits is passed by while its target is closed. */
  standAside(flow: Flow<Holder>, place: Place<Holder>, target: Target<Holder>): void {
    flow.sides ??= new SideQueues(flow.head, (places, cost) => this.#countAside(flow, places, cost));
    flow.sides.join(place, target);
  }

  /** It has something waiting and may start nothing. */
  isAside(flow: Flow<Holder>): boolean {
    return flow.head !== null && flow.slot < 0;
  }

  /** The flow whose queue is the longest, by cost. */
  longest(): Flow<Holder> | undefined {
    this.#longest ??= new LongestQueue(this.#flows.values(), this.waiting);
    return this.#longest.peek();
  }

  /** Estimated cost of what waits and does not stand aside. */
  get dueCost(): number {
    return this.waitingCost - this.asideCost;
  }

  #entered(place: Place<Holder>): Flow<Holder> {
    const flow = this.#flowOf(place.flowId);
    if (flow.head === null) {
      if (flow.slot >= 0) this.#indebted.remove(flow);
      flow.tenant?.backlogged.add(flow);
      flow.activation = ++this.#arrivals;
    }
    flow.appended = ++this.#arrivals;
    if (flow.service.isOver) flow.service = this.service.of(flow.id);
    flow.service.hasWanted = true;
    this.waiting++;
    this.waitingCost += place.cost;
    this.waitingBytes += place.bodyBytes;
    return flow;
  }

  #placed(flow: Flow<Holder>, place: Place<Holder>, target: Target<Holder> | null): void {
    if (target !== null) this.standAside(flow, place, target);
    if (flow.slot < 0 || flow.sides !== null) this.review(flow);
    this.#longest?.update(flow);
  }

  #countAside(flow: Flow<Holder>, places: number, cost: number): void {
    this.aside += places;
    this.asideCost = this.aside === 0 ? 0 : this.asideCost + cost;
    if (flow.tenant !== null) flow.tenant.aside += places;
  }

  #flowOf(id: string): Flow<Holder> {
    const known = this.#flows.get(id);
    if (known !== undefined) return known;
    const flow = new Flow<Holder>(id, this.id, this.#virtualTime, this.service.of(id));
    flow.tenant = this.#findTenant(id);
    flow.weight = flow.tenant?.rules.weight ?? 1;
    this.#flows.set(id, flow);
    return flow;
  }

  #charge(flow: Flow<Holder>, amount: number): void {
    flow.counter += amount;
    this.#highest = Math.max(this.#highest, flow.counter);
  }

  #unlink(flow: Flow<Holder>, place: Place<Holder>): void {
    flow.unlink(place);
    if (flow.head === null) flow.tenant?.backlogged.delete(flow);
    if (flow.head === null || flow.sides !== null) this.review(flow);
    this.waiting--;
    this.waitingCost = this.waiting === 0 ? 0 : this.waitingCost - place.cost;
    this.waitingBytes -= place.bodyBytes;
    if (this.#longest !== null) this.#shorten(this.#longest, flow);
  }

  #shorten(longest: LongestQueue<Holder>, flow: Flow<Holder>): void {
    longest.update(flow);
    if (longest.isWorthKeeping(this.waiting)) return;
    longest.discard(this.#flows.values());
    this.#longest = null;
  }

  #retire(flow: Flow<Holder>): void {
    if (this.waiting + this.running === 0) this.#reset();
    else if (flow.head !== null || flow.running > 0) return;
    else if (flow.counter <= this.#virtualTime) this.#flows.delete(flow.id);
    else this.#remember(flow);
  }

  #remember(flow: Flow<Holder>): void {
    this.#indebted.push(flow, flow.counter);
    if (this.#indebted.size > maxIndebtedFlows) this.#forgetLeast();
  }

  #forgetSettled(): void {
    for (let flow = this.#indebted.peek(); flow !== undefined; flow = this.#indebted.peek()) {
      if (flow.counter > this.#virtualTime) return;
      this.#forgetLeast();
    }
  }

  #forgetLeast(): void {
    const flow = this.#indebted.peek();
    if (flow === undefined) return;
    this.#indebted.remove(flow);
    this.#flows.delete(flow.id);
  }

  /** A level with nothing to do owes nothing and is owed nothing: time passes all its flows, they start level again. */
  #reset(): void {
    this.#virtualTime = this.#highest;
    if (this.#indebted.size > 0) this.#indebted.clear();
    if (this.#flows.size > maxRestingFlows) this.#flows.clear();
    if (this.#virtualTime > renormaliseAbove) this.#renormalise();
  }

  #renormalise(): void {
    for (const flow of this.#flows.values()) flow.counter -= this.#virtualTime;
    this.#backlogged.lowerKeys(this.#virtualTime);
    this.#indebted.lowerKeys(this.#virtualTime);
    this.#highest -= this.#virtualTime;
    this.#virtualTime = 0;
  }
}
