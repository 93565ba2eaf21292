/**
 * The tenants of one level take turns by what they were charged: start-time fair queueing, with the
 * cost of a request as its length (scheduling the flow with the least counter, as VTC does, OSDI '24).
 *
 *   a flow gets something to wait for   counter := max(counter, virtual time)   idle time is not saved up
 *   its head gets a seat                virtual time := max(virtual time, counter); counter += estimate
 *   the request ends                    counter += actual − estimate
 *
 * Two flows that both have something waiting thus never differ by more than one request's charge
 * plus what was misjudged of the requests in flight.
 *
 * A flow is in one of four states:
 *   waiting                             in #backlogged, by counter
 *   running only                        in no heap
 *   neither, counter above virtual time in #indebted, by counter: it comes back with its debt
 *   neither, counter reached            forgotten; the first rule would give it that counter anyway
                                      (a few are kept when the level falls idle, to spare making them anew)
 */
import { Flow, type Place } from './flow.ts';
import { IndexedHeap } from './heap.ts';

/** Float64 counters are lowered beyond this, long before fractions of a token are lost. */
export const renormaliseAbove = 1e12;
/**
 * So many flows with a debt and nothing to do are remembered per level. Beyond it the smallest debt
 * is forgiven, which is at most what that flow's last requests were charged.
 */
export const maxIndebtedFlows = 4096;
/** So many flows an idle level keeps for those who come again; all of them start level there. */
const maxRestingFlows = 256;

export class LevelQueue<Holder> {
  waiting = 0;
  running = 0;
  /** Estimated cost of what waits. */
  waitingCost = 0;
  #virtualTime = 0;
  // No counter is above it.
  #highest = 0;
  readonly #flows = new Map<string, Flow<Holder>>();
  readonly #backlogged = new IndexedHeap<Flow<Holder>>();
  readonly #indebted = new IndexedHeap<Flow<Holder>>();

  /** Flows that are remembered. */
  get flows(): number {
    return this.#flows.size;
  }

  enqueue(place: Place<Holder>): void {
    const flow = this.#flowOf(place.flowId);
    if (flow.head === null) {
      if (flow.slot >= 0) this.#indebted.remove(flow);
      flow.counter = Math.max(flow.counter, this.#virtualTime);
      this.#backlogged.push(flow, flow.counter);
    }
    flow.append(place);
    this.waiting++;
    this.waitingCost += place.cost;
  }

  /** Takes the place whose turn it is and charges its flow. */
  dispatch(): Place<Holder> | undefined {
    const flow = this.#backlogged.peek();
    const place = flow?.head;
    if (flow === undefined || place === undefined || place === null) return undefined;
    this.#virtualTime = Math.max(this.#virtualTime, flow.counter);
    this.#charge(flow, place.cost);
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

  /** A running place has ended: `correction` = actual cost − estimate. */
  finish(place: Place<Holder>, correction: number): void {
    const flow = place.flow;
    if (flow === null) return;
    this.#charge(flow, correction);
    flow.running--;
    this.running--;
    if (flow.head !== null) this.#backlogged.update(flow, flow.counter);
    this.#retire(flow);
  }

  #flowOf(id: string): Flow<Holder> {
    const known = this.#flows.get(id);
    if (known !== undefined) return known;
    const flow = new Flow<Holder>(id, this.#virtualTime);
    this.#flows.set(id, flow);
    return flow;
  }

  #charge(flow: Flow<Holder>, cost: number): void {
    flow.counter += cost;
    this.#highest = Math.max(this.#highest, flow.counter);
  }

  #unlink(flow: Flow<Holder>, place: Place<Holder>): void {
    flow.unlink(place);
    if (flow.head === null) this.#backlogged.remove(flow);
    this.waiting--;
    this.waitingCost = this.waiting === 0 ? 0 : this.waitingCost - place.cost;
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
