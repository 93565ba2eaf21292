/** In which order a level serves what waits in it, if nothing else comes and every charge stands. */
import type { Flow, Place } from './flow.ts';
import type { LevelQueue } from './level-queue.ts';

/** Whose counter is least is next (level-queue.ts); each start moves its flow on by its own cost. */
export interface Turn<Holder> {
  readonly place: Place<Holder>;
  /** Its flow's, when it is this place's turn. */
  readonly counter: number;
}

/** Of a flow that stands aside: as if it came back now. */
export function turnsOf<Holder>(flow: Flow<Holder>, queue: LevelQueue<Holder>): Turn<Holder>[] {
  const turns: Turn<Holder>[] = [];
  let counter = queue.isParked(flow) ? Math.max(flow.counter, queue.virtualTime) : flow.counter;
  for (let place = flow.head; place !== null; place = place.next) {
    turns.push({ place, counter });
    counter += place.cost / flow.weight;
  }
  return turns;
}

/** All that may start, first to last. */
export function lineOf<Holder>(queue: LevelQueue<Holder>): Turn<Holder>[] {
  const turns: Turn<Holder>[] = [];
  for (const flow of queue.knownFlows()) {
    if (flow.head !== null && !queue.isParked(flow)) turns.push(...turnsOf(flow, queue));
  }
  return turns.sort(byTurn);
}

/** Of equal counters, who has had something waiting for longest; of one flow, as they came. */
export const byTurn = <Holder>(a: Turn<Holder>, b: Turn<Holder>): number =>
  a.counter - b.counter || (a.place.flow?.activation ?? 0) - (b.place.flow?.activation ?? 0);
