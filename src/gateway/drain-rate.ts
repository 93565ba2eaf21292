/**
 * How fast a queue drains: an average of cost per second that forgets exponentially,
 *
 *   drained(t) = Σ cost_i · e^(−(t − t_i) / memory)      rate = drained / memory
 *
 * divided by the share of its memory that it has lived through, so that it is not too low at the start.
 */
const memoryMs = 30_000;
const leastLifeMs = 1000;

export class DrainRate {
  #drained = 0;
  #at = 0;
  #since: number | null = null;

  record(cost: number, now: number): void {
    this.#since ??= now;
    this.#fade(now);
    this.#drained += cost;
  }

  /** How long `cost` takes to drain; null while nothing is known. */
  secondsFor(cost: number, now: number): number | null {
    if (this.#since === null) return null;
    this.#fade(now);
    const lived = 1 - Math.exp(-Math.max(now - this.#since, leastLifeMs) / memoryMs);
    const costPerSecond = (this.#drained * 1000) / (memoryMs * lived);
    return costPerSecond > 0 ? cost / costPerSecond : null;
  }

  #fade(now: number): void {
    if (now > this.#at) this.#drained *= Math.exp((this.#at - now) / memoryMs);
    this.#at = now;
  }
}

/** Advised while nothing is known of how fast the queue drains. */
const unknownWaitSec = 5;
const longestSec = 60;

/** Whole seconds, 1…60, spread by ±20 % (`chance` is in 0…1) so that those refused together do not come back together. */
export function retryAfterSec(waitSec: number | null, chance: number): number {
  const spread = 0.8 + 0.4 * chance;
  return Math.min(Math.max(Math.ceil((waitSec ?? unknownWaitSec) * spread), 1), longestSec);
}
