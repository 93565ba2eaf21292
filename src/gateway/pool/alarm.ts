import type { Clock } from '../../domain/clock.ts';

/** The longest delay of Node's timers; a later moment is checked again then. */
const longestDelayMs = 2 ** 31 - 1;

/** One timer for the next of many moments. It may ring too early: the receiver checks and sets it again. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: (now: number) => void;
  #at = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};

  constructor(clock: Clock, ring: (now: number) => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Sets it to that moment, unless an earlier one is set already; undefined: not at all. */
  set(at: number | undefined, now: number): void {
    if (at !== undefined && at >= this.#at) return;
    this.#cancel();
    this.#at = Number.POSITIVE_INFINITY;
    if (at === undefined) return;
    const delayMs = Math.min(at - now, longestDelayMs);
    this.#at = now + delayMs;
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#at = Number.POSITIVE_INFINITY;
      this.#ring(this.#clock.now());
    });
  }
}
