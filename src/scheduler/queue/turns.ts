/** The order in which a level serves what waits in it, if nothing else comes and every charge is final. */
import type { Flow, Place } from '../flows/flow.ts';
import type { LevelQueue } from './level-queue.ts';

/** The least counter is next (fair-flows.ts); each start moves its flow on by its own cost. */
export interface Turn<Holder> {
  readonly place: Place<Holder>;
  /** The flow's counter at this place's turn; comparable between levels that use one time. */
  readonly counter: number;
}

/**
 * Returns the turns of the places of a flow that the upstream lets start, and of those that stand aside together with
 * `one`: as if they, or the whole flow where it stands aside, came back now.
 */
export function turnsOf<Holder>(flow: Flow<Holder>, { fair }: LevelQueue<Holder>, one?: Place<Holder>): Turn<Holder>[] {
  const turns: Turn<Holder>[] = [];
  let counter = fair.counterOf(flow);
  for (let place = flow.head; place !== null; place = place.next) {
    if (isClosed(place) && place.side?.queue !== one?.side?.queue) continue;
    turns.push({ place, counter });
    counter += fair.lengthOf(place.cost, flow);
  }
  return turns;
}

const isClosed = <Holder>({ side }: Place<Holder>): boolean => side?.queue.state === 'closed';

/** Everything that may start in a level, first to last. */
export class Line<Holder> {
  readonly #turns: Turn<Holder>[] = [];
  /** The cost of the turns before each turn; the last entry is the total. */
  readonly #costs: number[] = [0];

  constructor(queue: LevelQueue<Holder>) {
    for (const flow of queue.knownFlows()) {
      if (flow.head === null || queue.isAside(flow)) continue;
      for (const turn of turnsOf(flow, queue)) this.#turns.push(turn);
    }
    this.#turns.sort(byTurn);
    let cost = 0;
    for (const { place } of this.#turns) {
      cost += place.cost;
      this.#costs.push(cost);
    }
  }

  get length(): number {
    return this.#turns.length;
  }

  /** Returns the number and the cost of the turns before this one, which may be in the line or not. */
  before(turn: Turn<Holder>): { count: number; cost: number } {
    let count = 0;
    let end = this.#turns.length;
    while (count < end) {
      const middle = (count + end) >> 1;
      const other = this.#turns[middle];
      if (other !== undefined && byTurn(other, turn) < 0) count = middle + 1;
      else end = middle;
    }
    return { count, cost: this.#costs[count] ?? 0 };
  }
}

/** Of equal counters, the flow that has waited for longest; within a flow, the order of arrival. */
const byTurn = <Holder>(a: Turn<Holder>, b: Turn<Holder>): number =>
  a.counter - b.counter || (a.place.flow?.activation ?? 0) - (b.place.flow?.activation ?? 0);
