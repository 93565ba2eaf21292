import type { Linked } from '../../domain/structures/linked-list.ts';
import { Place } from '../../scheduler/scheduler.ts';
import type { Guest, Wait } from './desk.ts';

/**
 * A desk's record of a guest: new → waiting → seated → running → ended; from `running` back to `waiting` when it is put
 * back. The guest is told of it as its wait.
 */
export class Stay implements Wait, Linked<Stay> {
  readonly guest: Guest;
  place: Place<Stay>;
  state: 'new' | 'waiting' | 'seated' | 'running' | 'ended' = 'new';
  wasQueued = false;
  waitMs = 0;
  position = 1;
  // Among those that wait or have a seat.
  previous: Stay | null = null;
  next: Stay | null = null;
  #waitingSince = 0;

  constructor(guest: Guest) {
    this.guest = guest;
    this.place = new Place<Stay>(this, guest.asked, guest.timeoutMs);
  }

  /** All its time in the queue, until now if it waits. */
  waitedMs(now: number): number {
    return this.state === 'waiting' ? this.waitMs + now - this.#waitingSince : this.waitMs;
  }

  /** The time since it came, whatever it did meanwhile. */
  ageMs(now: number): number {
    return now - (this.place.deadline - this.place.timeoutMs);
  }

  wait(now: number): void {
    this.state = 'waiting';
    this.#waitingSince = now;
  }

  /** It has waited at another desk. */
  adopt({ wasQueued, waitMs, position }: Wait, now: number): void {
    this.wasQueued = wasQueued;
    this.waitMs = waitMs;
    this.position = position;
    this.wait(now);
  }

  /** For one that is to be queued again: a place is queued once. */
  newPlace(): void {
    this.place = new Place<Stay>(this, this.guest.asked, this.guest.timeoutMs);
  }

  seat(now: number): void {
    this.waitMs = this.waitedMs(now);
    this.state = 'seated';
  }

  end(now: number): void {
    this.waitMs = this.waitedMs(now);
    this.state = 'ended';
  }
}
