/** The number of keys at zero that are kept before a sweep. */
const fewestSwept = 1_024;

/**
 * An amount for each key, zero for a key never seen. A key that falls to zero keeps its entry for a while, because an entry
 * that came and went with every request would leave obsolete tables behind (see ring.ts). Entries at zero are dropped
 * together, once they are many and the greater part.
 */
export class Tally<Key> {
  #amounts = new Map<Key, number>();
  #zeros = 0;

  of(key: Key): number {
    return this.#amounts.get(key) ?? 0;
  }

  /** Returns the new amount. */
  add(key: Key, amount: number): number {
    const before = this.#amounts.get(key);
    const after = (before ?? 0) + amount;
    this.#zeros += Number(after === 0) - Number(before === 0);
    this.#amounts.set(key, after);
    if (this.#zeros > fewestSwept && this.#zeros * 2 > this.#amounts.size) this.#sweep();
    return after;
  }

  /** Some amounts may be zero. */
  entries(): Iterable<[Key, number]> {
    return this.#amounts.entries();
  }

  /** The number of entries, including those at zero. */
  get size(): number {
    return this.#amounts.size;
  }

  #sweep(): void {
    this.#amounts = new Map([...this.#amounts].filter(([, amount]) => amount !== 0));
    this.#zeros = 0;
  }
}
