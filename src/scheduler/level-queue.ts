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
 *   waiting, but its tenant is parked   in no heap; the first rule holds when it comes back
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

  /** Something waits that its tenant may start. */
  get isReady(): boolean {
    return this.#backlogged.size > 0;
  }

  enqueue(place: Place<Holder>): void {
    const flow = this.#entered(place);
    flow.append(place);
    this.#longest?.update(flow);
  }

  /** Puts a place that had a seat before all others of its flow. */
  putBack(place: Place<Holder>): void {
    const flow = this.#entered(place);
    flow.prepend(place);
    this.#longest?.update(flow);
  }

  /** Whose turn it is. */
  peek(): Place<Holder> | null {
    return this.#backlogged.peek()?.head ?? null;
  }

  /** Takes the place whose turn it is and charges its flow. */
  dispatch(): Place<Holder> | undefined {
    const flow = this.#backlogged.peek();
    const place = flow?.head;
    if (flow === undefined || place === undefined || place === null) return undefined;
    this.#virtualTime = Math.max(this.#virtualTime, flow.counter);
    place.flowWeight = flow.weight;
    this.#charge(flow, place.cost / flow.weight);
    flow.service.served += place.cost;
    flow.running++;
    this.running++;
    this.#unlink(flow, place);
    if (flow.head !== null) this.#backlogged.update(flow, flow.counter);
    this.#forgetSettled();
    if (this.#virtualTime > renormaliseAbove) this.#renormalise();
    return place;
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

  park(flow: Flow<Holder>): void {
    this.#backlogged.remove(flow);
  }

  /** Its tenant may start again; the time it stood aside is not saved up. */
  unpark(flow: Flow<Holder>): void {
    flow.counter = Math.max(flow.counter, this.#virtualTime);
    this.#backlogged.push(flow, flow.counter, flow.activation);
  }

  isParked(flow: Flow<Holder>): boolean {
    return flow.head !== null && flow.slot < 0;
  }

  /** The flow whose queue is the longest, by cost. */
  longest(): Flow<Holder> | undefined {
    this.#longest ??= new LongestQueue(this.#flows.values(), this.waiting);
    return this.#longest.peek();
  }

  /** What the flow has waiting. */
  waitingCostOf(flowId: string): number {
    return this.#flows.get(flowId)?.waitingCost ?? 0;
  }

  /**
   * What is served, by turns, before a newcomer: of each other flow as much as of its own, by weight. Other
   * flows of more weight than 1 are taken for lighter, so it is rather too little than too much.
   */
  costBefore({ flowId, cost }: Place<Holder>): number {
    const own = this.waitingCostOf(flowId);
    const weight = Math.max(this.weightOf(flowId), 1);
    const others = Math.max(this.#backlogged.size - (own > 0 ? 1 : 0), 0);
    return Math.min(this.waitingCost, own + ((own + cost) * others) / weight);
  }

  #entered(place: Place<Holder>): Flow<Holder> {
    const flow = this.#flowOf(place.flowId);
    if (flow.head === null) {
      if (flow.slot >= 0) this.#indebted.remove(flow);
      flow.tenant?.backlogged.add(flow);
      flow.activation = ++this.#arrivals;
      if (!flow.isParked) this.unpark(flow);
    }
    flow.appended = ++this.#arrivals;
    if (flow.service.isOver) flow.service = this.service.of(flow.id);
    flow.service.hasWanted = true;
    this.waiting++;
    this.waitingCost += place.cost;
    this.waitingBytes += place.bodyBytes;
    return flow;
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
    if (flow.head === null) {
      flow.tenant?.backlogged.delete(flow);
      if (flow.slot >= 0) this.#backlogged.remove(flow);
    }
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
