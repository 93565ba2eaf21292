/**
 * The requests of one flow that stand aside because the upstream has closed their target, or as they need a seat at some
 * endpoints of it (endpoints.ts). The flow's own list keeps all waiting requests in order of arrival; those that stand
 * aside are in a side queue of their target too.
 *
 *   the flow        a1 b1 a2 c1 a3 b2      target a is closed, or full
 *   side queue a    a1    a2    a3
 *   first free         b1                  the first that is in no side queue
 *
 * When a target opens, its side queue is not merged back but served until it is empty: the flow's next is
 * the earliest of the first free and the heads of the open side queues. So no place is examined twice; only
 * a place that is put back makes the search for the first free one begin at the head again.
 *
 * Invariants: a side queue is in order of arrival and never empty; #open has those whose target is open.
 * Those of a closed target are held: nobody reckons with them. Those of a full one wait like all others.
 */

import { type HeapItem, IndexedHeap } from './heap.ts';
import { insertBefore, type Linked, type LinkedList, unlink } from './linked-list.ts';

/** An item that may stand aside. */
export interface Waiter<Place> {
  readonly cost: number;
  /** Of two places of a flow, the one with the smaller turn goes first. */
  readonly turn: number;
  readonly next: Place | null;
  side: Side<Place> | null;
}

/** `closed`: by the upstream; `full`: none of the endpoints that its requests may go to has a free seat. */
export type TargetState = 'open' | 'full' | 'closed';

/** The target of requests; all requests of a target stand aside together. */
export interface SideTarget<Place> {
  readonly state: TargetState;
  joined(queue: SideQueue<Place>): void;
  left(queue: SideQueue<Place>): void;
}

/** A place as an item of its side queue. */
interface Side<Place> extends Linked<Side<Place>> {
  readonly place: Place;
  readonly queue: SideQueue<Place>;
}

export class SideQueue<Place> implements HeapItem, LinkedList<Side<Place>> {
  readonly target: SideTarget<Place>;
  /** The state of its target, as it was when it was last looked at. */
  state: TargetState;
  head: Side<Place> | null = null;
  tail: Side<Place> | null = null;
  waiting = 0;
  cost = 0;
  // Its position in the heap of the open side queues.
  slot = -1;
  key = 0;
  turn = 0;

  constructor(target: SideTarget<Place>) {
    this.target = target;
    this.state = target.state;
  }
}

export class SideQueues<Place extends Waiter<Place>> {
  /** The cost of the places whose target is closed. */
  heldCost = 0;
  held = 0;
  /** The side queues whose target is full. */
  #full = 0;
  readonly #count: (places: number, cost: number) => void;
  readonly #queues = new Map<SideTarget<Place>, SideQueue<Place>>();
  readonly #open = new IndexedHeap<SideQueue<Place>>();
  #firstFree: Place | null;

  /**
   * `head`: the head of a flow that has no place aside yet; `count`: called with the change in the number and cost of
   * the held places.
   */
  constructor(head: Place | null, count: (places: number, cost: number) => void) {
    this.#firstFree = head;
    this.#count = count;
  }

  get isEmpty(): boolean {
    return this.#queues.size === 0;
  }

  /** Whether any of its places waits for a seat at an endpoint. */
  get hasFull(): boolean {
    return this.#full > 0;
  }

  /** Returns the place of the flow to start next; null if none may start. */
  get first(): Place | null {
    const free = this.#firstFree;
    const side = this.#open.peek()?.head?.place ?? null;
    if (free === null || side === null) return free ?? side;
    return side.turn < free.turn ? side : free;
  }

  /** Must be called when the place is the last of the flow. */
  appended(place: Place): void {
    this.#firstFree ??= place;
  }

  /** Must be called when the place is the first of the flow. */
  prepended(place: Place): void {
    this.#firstFree = place;
  }

  /** Moves a free place of the flow to the side queue of the target. */
  join(place: Place, target: SideTarget<Place>): void {
    const queue = this.#queues.get(target) ?? this.#begin(target);
    if (place === this.#firstFree) this.#firstFree = nextFree(place);
    place.side = insert(queue, place);
    queue.waiting++;
    queue.cost += place.cost;
    if (queue.state === 'closed') this.#hold(1, place.cost);
    this.#order(queue);
  }

  /** Must be called before a place of the flow is removed from it. */
  leave(place: Place): void {
    if (place === this.#firstFree) this.#firstFree = nextFree(place);
    const { side } = place;
    if (side === null) return;
    const { queue } = side;
    unlink(queue, side);
    place.side = null;
    queue.waiting--;
    queue.cost -= place.cost;
    if (queue.state === 'closed') this.#hold(-1, -place.cost);
    this.#order(queue);
    if (queue.head === null) this.#end(queue);
  }

  /** Must be called when the state of the target may have changed. */
  review(queue: SideQueue<Place>): void {
    const before = queue.state;
    const { state } = queue.target;
    if (state === before) return;
    queue.state = state;
    if (before === 'closed') this.#hold(-queue.waiting, -queue.cost);
    if (state === 'closed') this.#hold(queue.waiting, queue.cost);
    if (before === 'full') this.#full--;
    if (state === 'full') this.#full++;
    this.#order(queue);
  }

  /** Puts it where its head belongs among the open ones, if it is open. */
  #order(queue: SideQueue<Place>): void {
    const isIn = queue.slot >= 0;
    if (queue.state !== 'open' || queue.head === null) {
      if (isIn) this.#open.remove(queue);
    } else if (isIn) this.#open.update(queue, turnOf(queue));
    else this.#open.push(queue, turnOf(queue));
  }

  #begin(target: SideTarget<Place>): SideQueue<Place> {
    const queue = new SideQueue(target);
    this.#queues.set(target, queue);
    if (queue.state === 'full') this.#full++;
    target.joined(queue);
    return queue;
  }

  #end(queue: SideQueue<Place>): void {
    if (queue.state === 'full') this.#full--;
    this.#queues.delete(queue.target);
    queue.target.left(queue);
  }

  #hold(places: number, cost: number): void {
    this.held += places;
    // Costs may be fractions; rounding errors must not add up.
    this.heldCost = this.held === 0 ? 0 : this.heldCost + cost;
    this.#count(places, cost);
  }
}

/**
 * Keeps the order of arrival. A place that is put back goes before the others; there are few, so the search begins at
 * the head.
 */
function insert<Place extends Waiter<Place>>(queue: SideQueue<Place>, place: Place): Side<Place> {
  const side: Side<Place> = { place, queue, previous: null, next: null };
  let next = queue.tail === null || queue.tail.place.turn < place.turn ? null : queue.head;
  while (next !== null && next.place.turn < place.turn) next = next.next;
  insertBefore(queue, side, next);
  return side;
}

const turnOf = <Place extends Waiter<Place>>(queue: SideQueue<Place>): number => queue.head?.place.turn ?? 0;

function nextFree<Place extends Waiter<Place>>(place: Place): Place | null {
  let { next } = place;
  while (next !== null && next.side !== null) next = next.next;
  return next;
}
