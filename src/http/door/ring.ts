/**
 * Values in the order in which they joined, each in a place of its own. Joining and leaving change a few references and
 * leave no garbage, so a value may join and leave with every request.
 */
export class Ring<T> {
  readonly #value: T | null;
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

  /** Moves the place here from the ring that it is in, if any. */
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
}
