/**
 * Seats that follow the upstream: fewer by a tenth when it turns a request away, one more when it
 * serves one while at least half of them are in use (additive increase, multiplicative decrease, as
 * TCP does). Never more than configured, never fewer than one.
 */
const backoff = 0.9;

export class Aimd {
  #most: number;
  #limit: number;

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  get limit(): number {
    return this.#limit;
  }

  reset(): void {
    this.#limit = this.#most;
  }

  dropped(): void {
    this.#limit = Math.max(Math.floor(this.#limit * backoff), 1);
  }

  /** `inFlight` includes the one that was served. */
  served(inFlight: number): void {
    if (inFlight * 2 >= this.#limit) this.#limit = Math.min(this.#limit + 1, this.#most);
  }

  /** A limit that was at its most goes with it. */
  configure(most: number): void {
    this.#limit = this.#limit === this.#most ? most : Math.min(this.#limit, most);
    this.#most = most;
  }
}
