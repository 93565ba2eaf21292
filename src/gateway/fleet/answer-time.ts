/** Bounds the time that this gateway spends on the questions of each other one, whatever that one sends. */
import type { Clock } from '../../domain/clock.ts';

const periodMs = 1_000;
const mostMsPerPeriod = 100;

export class AnswerTime {
  readonly #clock: Clock;
  #spent = new Map<string, number>();
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does nothing once the time of that one is used up, until the next second. */
  spend(who: string, answer: () => void): void {
    const begun = this.#clock.now();
    if (begun - this.#since >= periodMs) {
      this.#since = begun;
      this.#spent = new Map();
    }
    const spent = this.#spent.get(who) ?? 0;
    if (spent >= mostMsPerPeriod) return;
    try {
      answer();
    } finally {
      this.#spent.set(who, spent + this.#clock.now() - begun);
    }
  }
}
