import { SparseMap } from './sparse-map.ts';

/** An amount for each key, zero for a key never seen; it may rise from zero and fall to it with every request. */
export class Tally<Key> {
  readonly #amounts = new SparseMap<Key, number>(0);

  of(key: Key): number {
    return this.#amounts.get(key);
  }

  /** Returns the new amount. */
  add(key: Key, amount: number): number {
    const after = this.#amounts.get(key) + amount;
    this.#amounts.set(key, after);
    return after;
  }

  /** Those that are not zero. */
  entries(): Iterable<[Key, number]> {
    return this.#amounts.entries();
  }
}
