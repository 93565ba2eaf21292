/**
 * The rate at which a queue drains: the cost that left it for seats, per time in which something was waiting.
 * Both decay alike, so that the last half minute of waiting counts most,
 *
 *   drained(t) = Σ cost_i · e^(−(t − t_i) / memory)      busy(t) = ∫ e^(−(t − s) / memory) ds
 *
 * where t advances only while something waits: an idle hour does not show how fast a queue would drain.
 */
const memoryMs = 30_000;
/** The rate is forgotten when nothing has waited for this long. */
const forgottenAfterMs = 300_000;
/** Fewer grants than this are not enough to refuse a request. */
const fewestSamples = 20;

export class DrainRate {
  /** The grants from the queue since the rate was last forgotten. */
  samples = 0;
  #drained = 0;
  #busyMs = 0;
  #isBusy = false;
  #at = 0;

  /** Called when something begins to wait. */
  begin(now: number): void {
    if (this.#isBusy) return;
    if (now - this.#at > forgottenAfterMs) this.samples = this.#drained = this.#busyMs = 0;
    this.#isBusy = true;
    this.#at = now;
  }

  /** Called when nothing waits any more. */
  end(now: number): void {
    this.#pass(now);
    this.#isBusy = false;
  }

  record(cost: number, now: number): void {
    this.#pass(now);
    this.#drained += cost;
    this.samples++;
  }

  /** Predicts how long `cost` takes to drain; null after fewer than `fewest` grants. */
  predictMs(cost: number, now: number, fewest = fewestSamples): number | null {
    const seconds = this.samples < fewest ? null : this.secondsFor(cost, now);
    return seconds === null ? null : seconds * 1000;
  }

  /** How long `cost` takes to drain; null while nothing is known. */
  secondsFor(cost: number, now: number): number | null {
    this.#pass(now);
    return this.#drained > 0 ? (cost * this.#busyMs) / this.#drained / 1000 : null;
  }

  #pass(now: number): void {
    if (!this.#isBusy || now <= this.#at) return;
    const kept = Math.exp((this.#at - now) / memoryMs);
    this.#drained *= kept;
    this.#busyMs = this.#busyMs * kept + memoryMs * (1 - kept);
    this.#at = now;
  }
}

/** Advised while the queue's drain rate is unknown. */
const unknownWaitSec = 5;

/** Spread by ±20 % (`chance` is in 0…1), so that requests refused together do not return together. */
export function retryAfterSec(waitSec: number | null, chance: number): number {
  const spread = 0.8 + 0.4 * chance;
  return (waitSec ?? unknownWaitSec) * spread;
}
