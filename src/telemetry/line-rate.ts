/**
 * Bounds the lines that strangers can have written: whoever has no key could fill a disk with them, and crowd others'
 * lines out of the log's buffer. A bucket of lines that time refills.
 */
import type { Clock } from '../domain/clock.ts';

/** As many lines at once, and so many a second in the long run: some 600 MB a day. */
export const mostAtOnce = 1_000;
export const linesPerSecond = 20;

export class LineRate {
  readonly #clock: Clock;
  #left = mostAtOnce;
  #at = 0;
  #isLeavingOut = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is to become of one more line; `first`: it is left out, as none was since the bucket was half full. */
  take(): 'written' | 'left_out' | 'first_left_out' {
    const now = this.#clock.now();
    this.#left = Math.min(mostAtOnce, this.#left + ((now - this.#at) / 1000) * linesPerSecond);
    this.#at = now;
    if (this.#left >= mostAtOnce / 2) this.#isLeavingOut = false;
    if (this.#left >= 1) {
      this.#left--;
      return 'written';
    }
    if (this.#isLeavingOut) return 'left_out';
    this.#isLeavingOut = true;
    return 'first_left_out';
  }
}
