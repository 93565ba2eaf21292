/**
 * The requests that have waited too long in other pools, and come to this one as soon as it has a seat for one of them: the
 * best level first, then the one that has stood here longest. They keep their places there until they come.
 */
import type { Clock } from '../../domain/clock.ts';
import { Ring } from '../../domain/structures/ring.ts';
import { allLevels, type Level } from '../../domain/vocabulary.ts';

/** A request in another pool. */
export interface Candidate {
  /** Comes here, and leaves its place here, if it can start at once. */
  comeOver(): void;
}

/** Candidates asked at a time: some cannot come for limits of their tenants or closures of their models. */
const mostAsked = 8;
/** Room also comes without a seat that is given back: an endpoint is up again, a rate opens. */
const lookAgainMs = 1_000;

export class Overflow {
  readonly #clock: Clock;
  readonly #byLevel = allLevels.map(() => new Ring<Candidate>());
  /** Bit n: somebody of level n may stand here. */
  #levels = 0;
  #cancelLook: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whoever leaves its place in the ring stands here no more. */
  join(level: Level, place: Ring<Candidate>): void {
    this.#byLevel[level]?.append(place);
    this.#levels |= 1 << level;
    this.offer();
  }

  /** Must be called when there may be room. */
  offer(): void {
    if (this.#levels === 0) return;
    for (const candidate of this.#first()) candidate.comeOver();
    if (this.#levels !== 0) this.#lookLater();
  }

  close(): void {
    this.#levels = 0;
    this.#cancelLook?.();
    this.#cancelLook = null;
  }

  #first(): Candidate[] {
    const first: Candidate[] = [];
    for (const [level, ring] of this.#byLevel.entries()) {
      if (ring.first === null) this.#levels &= ~(1 << level);
      for (const candidate of ring) {
        if (first.length === mostAsked) return first;
        first.push(candidate);
      }
    }
    return first;
  }

  #lookLater(): void {
    this.#cancelLook ??= this.#clock.after(lookAgainMs, () => {
      this.#cancelLook = null;
      this.offer();
    });
  }
}
