/**
 * How fast a queue drains: cost that left it for a seat, per time in which something was waiting. Both
 * fade alike, so that the last half minute of waiting counts most,
 *
 *   drained(t) = Σ cost_i · e^(−(t − t_i) / memory)      busy(t) = ∫ e^(−(t − s) / memory) ds
 *
 * where t runs only while something waits: an idle hour says nothing of how fast a queue would drain.
 */
const memoryMs = 30_000;
/** What was learned is forgotten when nothing has waited for so long. */
const forgottenAfterMs = 300_000;
/** Nobody is refused for what fewer grants predict. */
const fewestSamples = 20;

export class DrainRate {
  /** How many have left the queue for a seat since it was last forgotten. */
  samples = 0;
  #drained = 0;
  #busyMs = 0;
  #isBusy = false;
  #at = 0;

  /** Something waits from now on. */
  begin(now: number): void {
    if (this.#isBusy) return;
    if (now - this.#at > forgottenAfterMs) this.samples = this.#drained = this.#busyMs = 0;
    this.#isBusy = true;
    this.#at = now;
  }

  /** Nothing waits any more. */
  end(now: number): void {
    this.#pass(now);
    this.#isBusy = false;
  }

  record(cost: number, now: number): void {
    this.#pass(now);
    this.#drained += cost;
    this.samples++;
  }

  /** How long `cost` is going to take, as far as `fewest` grants or more can tell; null after less. */
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

/** Advised while nothing is known of how fast the queue drains. */
const unknownWaitSec = 5;

/** Spread by ±20 % (`chance` is in 0…1), so that those refused together do not come back together. */
export function retryAfterSec(waitSec: number | null, chance: number): number {
  const spread = 0.8 + 0.4 * chance;
  return (waitSec ?? unknownWaitSec) * spread;
}
