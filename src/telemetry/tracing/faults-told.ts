import type { Clock } from '../../domain/clock.ts';
import { SaidOnce } from '../../domain/structures/said-once.ts';

/** What comes and goes all the time is told no more often than this. */
const quietMs = 60_000;

/** A fault is told once for as long as it lasts. */
export class FaultsTold<Subject> {
  readonly #clock: Clock;
  readonly #lasting = new SaidOnce<Subject>();
  readonly #toldAt = new Map<Subject, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it is to be told now. */
  isNews(subject: Subject): boolean {
    const now = this.#clock.now();
    if (this.#lasting.has(subject) || now - (this.#toldAt.get(subject) ?? Number.NEGATIVE_INFINITY) < quietMs)
      return false;
    this.#toldAt.set(subject, now);
    return this.#lasting.isNews(subject, '');
  }

  /** Whether it was told, so that its end is to be told as well. */
  isOver(subject: Subject): boolean {
    return this.#lasting.isOver(subject);
  }
}
