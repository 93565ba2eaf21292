/** The tickets of a member that stand outside the desks of its conductor, until it may be granted seats. */
import type { Clock } from '../../domain/clock.ts';
import type { Adopted } from '../pool/desk.ts';
import type { RemoteGuest } from './remote-guest.ts';

/** The history of a ticket until now. */
interface Past {
  readonly ageMs: number;
  readonly waitedMs: number;
  readonly position: number;
}

interface Standing extends Past {
  readonly guest: RemoteGuest;
  /** Since when it stands here. */
  readonly at: number;
}

/** So many stand outside for the moment that the row takes to be written. */
const mostOutside = 100_000;

export class Outside {
  readonly #clock: Clock;
  readonly #standing = new Map<number, Standing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFull(): boolean {
    return this.#standing.size >= mostOutside;
  }

  has(ticket: number): boolean {
    return this.#standing.has(ticket);
  }

  stand(guest: RemoteGuest, past: Past): void {
    this.#standing.set(guest.ticket, { guest, ...past, at: this.#clock.now() });
  }

  leave({ ticket, attempt }: { readonly ticket: number; readonly attempt: number }): void {
    if (this.#standing.get(ticket)?.guest.attempt === attempt) this.#standing.delete(ticket);
  }

  clear(): void {
    this.#standing.clear();
  }

  /** All of them, as desks adopt them; none is left here. */
  takeAll(): (Adopted & { readonly guest: RemoteGuest })[] {
    const now = this.#clock.now();
    const all = [...this.#standing.values()].map(({ guest, ageMs, waitedMs, position, at }) => {
      const wait = { wasQueued: true, waitMs: waitedMs + now - at, position };
      return { guest, ageMs: ageMs + now - at, wait, charged: null };
    });
    this.#standing.clear();
    return all;
  }
}
