/**
 * Values in the order in which they joined, each in a place of its own. Joining and leaving change a few references and
 * leave nothing to collect, so a value may join and leave with every request.
 *
 * A Set or Map may not: each time V8 rehashes one, the table it drops points to its successor. Once such a table has been
 * promoted, scavenges keep all later tables, and every value that was in them, until the next major collection.
 */
export class Ring<T> {
  readonly #value: T | null;
  // A place that has left points to itself only: a promoted one keeps nothing of the ring alive.
  #before: Ring<T> = this;
  #after: Ring<T> = this;

  /** A place for this value; without a value, the ring that places join. */
  constructor(value: T | null = null) {
    this.#value = value;
  }

  /** Returns the earliest value of the ring; null if it is empty. */
  get first(): T | null {
    return this.#after.#value;
  }

  /** Takes the place out of the ring that it is in, if any. */
  append(place: Ring<T>): void {
    place.leave();
    place.#before = this.#before;
    place.#after = this;
    this.#before.#after = place;
    this.#before = place;
  }

  leave(): void {
    this.#before.#after = this.#after;
    this.#after.#before = this.#before;
    this.#before = this;
    this.#after = this;
  }

  /** Yields the values, oldest first. No place may join or leave meanwhile: copy them if that can happen. */
  *[Symbol.iterator](): Generator<T, void> {
    for (let place = this.#after; place !== this; place = place.#after) if (place.#value !== null) yield place.#value;
  }
}
