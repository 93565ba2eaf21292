/**
 * How many of a pool's requests may be tried again: a fifth of those of the last ten seconds, and never fewer than ten in
 * that time. An upstream that fails under its load would fail the more with all its requests sent twice.
 *
 *   retries in any 10 s ≤ max(10, requests in the same 10 s / 5)     in steps of a second
 */
const steps = 10;
const stepMs = 1_000;
const share = 0.2;
const atLeast = 10;

export class RetryBudget {
  readonly #requests = new Float64Array(steps);
  readonly #retries = new Float64Array(steps);
  #step = 0;

  /** A request begins its first attempt. */
  request(now: number): void {
    this.#add(this.#requests, now);
  }

  /** Takes one retry of the budget; returns false, without effect, where nothing is left of it. */
  take(now: number): boolean {
    this.#advance(now);
    if (sum(this.#retries) + 1 > Math.max(atLeast, share * sum(this.#requests))) return false;
    this.#add(this.#retries, now);
    return true;
  }

  #add(counts: Float64Array, now: number): void {
    this.#advance(now);
    const place = this.#step % steps;
    counts[place] = (counts[place] ?? 0) + 1;
  }

  /** Forgets the steps that are over. */
  #advance(now: number): void {
    const step = Math.max(Math.floor(now / stepMs), this.#step);
    const first = Math.max(this.#step + 1, step - steps + 1);
    for (let passed = first; passed <= step; passed++)
      this.#requests[passed % steps] = this.#retries[passed % steps] = 0;
    this.#step = step;
  }
}

const sum = (counts: Float64Array): number => counts.reduce((total, count) => total + count, 0);
