/**
 * The requests that wait and run in one level: their totals, the longest queue, the places that stand aside.
 * fair-flows.ts decides whose turn it is.
 */
import type { Level } from '../../domain/vocabulary.ts';
import type { Target } from '../closures/targets.ts';
import { FairFlows } from '../flows/fair-flows.ts';
import { Flow, type Place } from '../flows/flow.ts';
import { LevelService } from '../flows/service.ts';
import { SideQueues } from '../flows/side-queues.ts';
import type { Tenant } from '../flows/tenant.ts';
import { LongestQueue } from './longest-queue.ts';

export type FindTenant<Holder> = (flowId: string) => Tenant<Flow<Holder>> | null;

export class LevelQueue<Holder> {
  waiting = 0;
  running = 0;
  /** The estimated cost of the waiting places. */
  waitingCost = 0;
  waitingBytes = 0;
  /** The waiting places that stand aside because the upstream has closed their target, and their cost. */
  aside = 0;
  asideCost = 0;
  readonly id: Level;
  /** The service of its flows, for inspection. */
  readonly service = new LevelService();
  readonly fair = new FairFlows<Holder>({
    create: (id, counter) => this.#createFlow(id, counter),
    isIdle: () => this.waiting + this.running === 0,
  });
  readonly #findTenant: FindTenant<Holder>;
  #longest: LongestQueue<Holder> | null = null;

  constructor(id: Level, findTenant: FindTenant<Holder>) {
    this.id = id;
    this.#findTenant = findTenant;
  }

  /** The number of remembered flows. */
  get flows(): number {
    return this.fair.size;
  }

  knownFlows(): Iterable<Flow<Holder>> {
    return this.fair.all();
  }

  weightOf(flowId: string): number {
    return this.#findTenant(flowId)?.rules.weight ?? 1;
  }

  find(flowId: string): Flow<Holder> | null {
    return this.fair.find(flowId) ?? null;
  }

  /** The number of flows with a waiting request that neither their tenants nor the upstream keep from starting. */
  get readyFlows(): number {
    return this.fair.ready;
  }

  /** The number of those whose requests wait for a seat at an endpoint instead. */
  get fullFlows(): number {
    return this.fair.full;
  }

  /** `target`: the target that it stands aside for; null if there is none. */
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

  /** A place that holds a seat and was not queued here; its flow is not charged. */
  adopt(place: Place<Holder>): void {
    const flow = this.fair.adopt(place.flowId);
    place.flow = flow;
    place.flowWeight = flow.weight;
    if (flow.service.isOver) flow.service = this.service.of(flow.id);
    flow.service.hasWanted = true;
    flow.running++;
    this.running++;
  }

  /** Returns the place whose turn it is. */
  peek(): Place<Holder> | null {
    return this.fair.peek()?.first ?? null;
  }

  /**
   * Takes the place whose turn it is and charges its flow; `isChosen`: it was chosen among all that wait in the pool.
   */
  dispatch(place: Place<Holder>, isChosen: boolean): void {
    const { flow } = place;
    if (flow === null) return;
    this.fair.start(flow, place, isChosen);
    flow.service.served += place.cost;
    flow.running++;
    this.running++;
    this.#unlink(flow, place);
    this.fair.started(flow);
  }

  /** Removes a waiting place out of turn; nothing is charged. */
  remove(place: Place<Holder>): void {
    const flow = place.flow;
    if (flow === null) return;
    this.#unlink(flow, place);
    this.fair.retire(flow);
  }

  /** Raises or (negative) lowers the charge of a running place. */
  correct(place: Place<Holder>, difference: number): void {
    const flow = place.flow;
    if (flow === null || difference === 0) return;
    this.fair.correct(flow, place, difference);
    flow.service.served += difference;
  }

  /** Must be called when a running place has ended. */
  finish(place: Place<Holder>): void {
    const flow = place.flow;
    if (flow === null) return;
    flow.running--;
    this.running--;
    this.fair.retire(flow);
  }

  /**
   * Must be called after any change of what the flow may start. A flow that could start nothing and now can does not
   * save up the time in which it could not.
   */
  review(flow: Flow<Holder>): void {
    this.fair.review(flow, flow.readiness);
  }

  /** Passes by a waiting place while its target is closed or full. */
  standAside(flow: Flow<Holder>, place: Place<Holder>, target: Target<Holder>): void {
    flow.sides ??= new SideQueues(flow.head, (places, cost) => this.#countAside(flow, places, cost));
    flow.sides.join(place, target);
  }

  /** Whether the flow has something waiting and may start nothing, seats or not. */
  isAside(flow: Flow<Holder>): boolean {
    return flow.head !== null && flow.slot < 0 && !flow.isRelative;
  }

  /** Returns the flow with the longest queue, by cost. */
  longest(): Flow<Holder> | undefined {
    this.#longest ??= new LongestQueue(this.knownFlows(), this.waiting);
    return this.#longest.peek();
  }

  /** The estimated cost of the waiting places that do not stand aside. */
  get dueCost(): number {
    return this.waitingCost - this.asideCost;
  }

  #entered(place: Place<Holder>): Flow<Holder> {
    const flow = this.fair.awaken(place.flowId);
    // The turn of a place that was put back is negative.
    const arrival = Math.abs(place.turn);
    if (flow.head === null) {
      flow.tenant?.backlogged.append(flow.amongBacklogged);
      flow.activation = arrival;
    }
    flow.appended = arrival;
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

  #createFlow(id: string, counter: number): Flow<Holder> {
    const flow = new Flow<Holder>(id, this.id, counter, this.service.of(id));
    flow.tenant = this.#findTenant(id);
    flow.weight = flow.tenant?.rules.weight ?? 1;
    return flow;
  }

  #unlink(flow: Flow<Holder>, place: Place<Holder>): void {
    flow.unlink(place);
    if (flow.head === null) flow.amongBacklogged.leave();
    if (flow.head === null || flow.sides !== null) this.review(flow);
    this.waiting--;
    this.waitingCost = this.waiting === 0 ? 0 : this.waitingCost - place.cost;
    this.waitingBytes -= place.bodyBytes;
    if (this.#longest !== null) this.#shorten(this.#longest, flow);
  }

  #shorten(longest: LongestQueue<Holder>, flow: Flow<Holder>): void {
    longest.update(flow);
    if (longest.isWorthKeeping(this.waiting)) return;
    longest.discard(this.knownFlows());
    this.#longest = null;
  }
}
