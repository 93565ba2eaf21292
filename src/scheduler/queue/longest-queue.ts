/**
 * Whose queue is the longest, by cost: when a level overflows, the newest request of that flow goes, so
 * that a flooder pushes out its own requests instead of its neighbours'. Of equally long queues, the one
 * that was appended to last. Built when it is first needed, kept while the level stays at least half as deep.
 */
import type { Flow } from '../flows/flow.ts';
import { type HeapItem, IndexedHeap } from '../flows/heap.ts';

interface Lane<Holder> extends HeapItem {
  readonly flow: Flow<Holder>;
}

export class LongestQueue<Holder> {
  readonly #lanes = new IndexedHeap<Lane<Holder>>();
  readonly #keepAbove: number;

  constructor(flows: Iterable<Flow<Holder>>, depth: number) {
    this.#keepAbove = depth / 2;
    for (const flow of flows) this.update(flow);
  }

  isWorthKeeping(depth: number): boolean {
    return depth >= this.#keepAbove;
  }

  /** The flow has more or less waiting than before. */
  update(flow: Flow<Holder>): void {
    if (flow.lane !== null) this.#lanes.remove(flow.lane);
    flow.lane = flow.head === null ? null : { flow, slot: -1, key: 0, turn: 0 };
    if (flow.lane !== null) this.#lanes.push(flow.lane, -flow.waitingCost, -flow.appended);
  }

  /** Its flows keep no trace of it. */
  discard(flows: Iterable<Flow<Holder>>): void {
    for (const flow of flows) flow.lane = null;
  }

  peek(): Flow<Holder> | undefined {
    return this.#lanes.peek()?.flow;
  }
}
