/** The fields of an item of an IndexedHeap; all three belong to the heap. An item is in one heap at most. */
export interface HeapItem {
  /** The position in the heap; -1 outside of one. */
  slot: number;
  key: number;
  /** Breaks ties, least first: by default the item pushed first, unless the caller gives another turn. */
  turn: number;
}

const before = (a: HeapItem, b: HeapItem): boolean => a.key < b.key || (a.key === b.key && a.turn < b.turn);

/** A binary heap, least key first, in which every item knows its slot: any item is moved or removed in O(log n). */
export class IndexedHeap<T extends HeapItem> {
  readonly #items: T[] = [];
  #turns = 0;

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  /** Returns all items, in no particular order. */
  items(): readonly T[] {
    return this.#items;
  }

  push(item: T, key: number, turn = this.#turns++): void {
    item.key = key;
    item.turn = turn;
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Gives the item a new key; it keeps its turn. */
  update(item: T, key: number): void {
    this.#check(item);
    const isLess = key < item.key;
    item.key = key;
    if (isLess) this.#rise(item, item.slot);
    else this.#sink(item, item.slot);
  }

  remove(item: T): void {
    this.#check(item);
    const slot = item.slot;
    const last = this.#items.pop();
    item.slot = -1;
    if (last !== undefined && last !== item) this.#place(last, slot);
  }

  clear(): void {
    for (const item of this.#items) item.slot = -1;
    this.#items.length = 0;
  }

  /** Gives every item a new key. Rounding may turn an order into a tie, so the heap is rebuilt. */
  rekey(keyOf: (item: T) => number): void {
    const items = this.#items.splice(0);
    for (const item of items) {
      item.key = keyOf(item);
      this.#items.push(item);
      this.#rise(item, this.#items.length - 1);
    }
  }

  #check(item: T): void {
    if (this.#items[item.slot] !== item) throw new Error('not an item of this heap');
  }

  #place(item: T, slot: number): void {
    const parent = this.#items[(slot - 1) >> 1];
    if (slot > 0 && parent !== undefined && before(item, parent)) this.#rise(item, slot);
    else this.#sink(item, slot);
  }

  #rise(item: T, slot: number): void {
    const items = this.#items;
    let at = slot;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !before(item, parent)) break;
      items[at] = parent;
      parent.slot = at;
      at = above;
    }
    items[at] = item;
    item.slot = at;
  }

  #sink(item: T, slot: number): void {
    const items = this.#items;
    const size = items.length;
    let at = slot;
    for (let left = 2 * at + 1; left < size; left = 2 * at + 1) {
      let child = items[left];
      const right = left + 1 < size ? items[left + 1] : undefined;
      if (child !== undefined && right !== undefined && before(right, child)) child = right;
      if (child === undefined || !before(child, item)) break;
      const next = child.slot;
      items[at] = child;
      child.slot = at;
      at = next;
    }
    items[at] = item;
    item.slot = at;
  }
}
