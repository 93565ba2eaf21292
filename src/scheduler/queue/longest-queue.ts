/**
 * Finds the flow with the longest queue, by cost: when a level overflows, its newest request is evicted, so that a
 * flooding tenant evicts its own requests instead of those of others. Of equally long queues, the one that was appended
 * to last. Built when it is first needed, kept while the level stays at least half as deep.
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

  /** Must be called when the waiting cost of the flow has changed. */
  update(flow: Flow<Holder>): void {
    if (flow.lane !== null) this.#lanes.remove(flow.lane);
    flow.lane = flow.head === null ? null : { flow, slot: -1, key: 0, turn: 0 };
    if (flow.lane !== null) this.#lanes.push(flow.lane, -flow.waitingCost, -flow.appended);
  }

  /** Removes all traces of this heap from its flows. */
  discard(flows: Iterable<Flow<Holder>>): void {
    for (const flow of flows) flow.lane = null;
  }

  peek(): Flow<Holder> | undefined {
    return this.#lanes.peek()?.flow;
  }
}
