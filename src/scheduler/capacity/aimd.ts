/**
 * Seats that follow the upstream: reduced by a tenth when the upstream turns a request away, increased by one when it
 * serves a request while at least half of them are in use (additive increase, multiplicative decrease, as TCP does).
 * Never more than configured, never fewer than one.
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

  /** `available`: the seats that there are at the moment, where these are fewer. */
  dropped(available = this.#limit): void {
    this.#limit = Math.max(Math.floor(Math.min(this.#limit, available) * backoff), 1);
  }

  /** `inFlight` includes the served request. */
  served(inFlight: number): void {
    if (inFlight * 2 >= this.#limit) this.#limit = Math.min(this.#limit + 1, this.#most);
  }

  /** Changes the configured maximum; a limit that was at the maximum follows it. */
  configure(most: number): void {
    this.#limit = this.#limit === this.#most ? most : Math.min(this.#limit, most);
    this.#most = most;
  }
}
