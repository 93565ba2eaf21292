import type { Clock } from '../../domain/clock.ts';
import { Alarm } from './alarm.ts';

/** A desk elsewhere refuses in time by its own timer; its answer may take this long to arrive. */
const graceMs = 100;

/** For a ticket whose desk may fall silent: rings when its time is over and no answer has come. */
export class Net {
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #at: number;

  constructor(clock: Clock, timeoutMs: number, ring: () => void) {
    this.#clock = clock;
    this.#at = clock.now() + timeoutMs + graceMs;
    this.#alarm = new Alarm(clock, now => {
      if (now < this.#at) this.#alarm.set(this.#at, now);
      else ring();
    });
  }

  cast(): void {
    this.#alarm.set(this.#at, this.#clock.now());
  }

  lift(): void {
    this.#alarm.set(undefined, this.#clock.now());
  }
}
