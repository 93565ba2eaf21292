/** The number of empty entries that are kept before a sweep. */
const fewestSwept = 1_024;

/**
 * A map whose values may come and go with every request. A key that has become empty keeps its entry for a while, because an
 * entry that came and went with every request would leave obsolete tables behind (see ring.ts). Empty entries are dropped
 * together, once they are many and the greater part.
 */
export class SparseMap<Key, Value> {
  readonly #empty: Value;
  #entries = new Map<Key, Value>();
  #empties = 0;

  /** `empty`: the value of a key that is not there. */
  constructor(empty: Value) {
    this.#empty = empty;
  }

  /** The number of entries, including empty ones. */
  get held(): number {
    return this.#entries.size;
  }

  /** The number of keys that are there. */
  get size(): number {
    return this.#entries.size - this.#empties;
  }

  get(key: Key): Value {
    return this.#entries.get(key) ?? this.#empty;
  }

  set(key: Key, value: Value): void {
    const before = this.#entries.get(key);
    this.#empties += Number(value === this.#empty) - Number(before === this.#empty);
    this.#entries.set(key, value);
    if (this.#empties > fewestSwept && this.#empties * 2 > this.#entries.size) this.#sweep();
  }

  delete(key: Key): void {
    if (this.#entries.has(key)) this.set(key, this.#empty);
  }

  clear(): void {
    this.#entries = new Map();
    this.#empties = 0;
  }

  /** Yields what is there, as it came. What is deleted meanwhile is left out; what is set may be. */
  *entries(): Generator<[Key, Value], void> {
    for (const entry of this.#entries) if (entry[1] !== this.#empty) yield entry;
  }

  #sweep(): void {
    this.#entries = new Map(this.entries());
    this.#empties = 0;
  }
}
