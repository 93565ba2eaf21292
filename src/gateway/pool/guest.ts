/** The guests of a desk, and the record that the desk of a pool keeps of each. */
import { Ring } from '../../domain/structures/ring.ts';
import { type Demand, Place } from '../../scheduler/scheduler.ts';
import type { Refusal } from './refusal.ts';

/** The sender of a request, its cost, and its model; `cost` and `tokens` are estimated, see domain/usage.ts. */
export interface Asked extends Demand {
  /** The ID by which an operator finds it while it is here. */
  readonly requestId: string;
}

/** A wait that is over, or has begun, as a desk tells it. */
export interface Wait {
  readonly wasQueued: boolean;
  /** All its time in the queue; 0 if it did not have to wait. */
  readonly waitMs: number;
  /** 1 + the requests that were waiting in its own and better levels when it came. */
  readonly position: number;
  /** Where its seat is: the `id` of domain/endpoint.ts; null or absent: it has none, or its provider has no endpoints. */
  readonly endpoint?: string | null;
}

/**
 * A request that waits at a desk. The calls come while the desk is in the middle of a change: none of them may call it, but
 * `begin`.
 */
export interface Guest {
  readonly asked: Asked;
  /** The longest that it waits in all, from when it enters. */
  readonly timeoutMs: number;
  /** 1; 2 after it was put back. */
  readonly attempt: number;
  /** The endpoints that it is given no seat at, as they have failed for it; absent: none. */
  readonly avoid?: readonly string[];
  /** The name of the gateway that it came to, if that is another one. */
  readonly gateway?: string;
  /** Belongs to the pool's desk: its record of the guest, from when it first heard of it. */
  stay: Stay | null;
  /** Belongs to a desk whose seats another process grants: the number by which it is known there; null: it is not. */
  elsewhere: number | null;
  /**
   * Asked before it is given a seat of that many; missing: yes. All wait for one that says no, until the desk looks again
   * (`PoolDesk.lookAgain`).
   */
  mayBeSeated?(seats: number): boolean;
  /** It has to wait. */
  queued(wait: Wait): void;
  seated(wait: Wait): void;
  refused(refusal: Refusal, wait: Wait): void;
}

/**
 * A desk's record of a guest: new → waiting → seated → running → ended; from `running` back to `waiting` when it is put
 * back. The guest is told of it as its wait.
 */
export class Stay implements Wait {
  readonly guest: Guest;
  place: Place<Stay>;
  state: 'new' | 'waiting' | 'seated' | 'running' | 'ended' = 'new';
  wasQueued = false;
  waitMs = 0;
  position = 1;
  /** Where its seat was at the desk that it came to first. */
  adoptedAt: string | null = null;
  /** Its place among those that wait or have a seat. */
  readonly amongPresent = new Ring<Stay>(this);
  #waitingSince = 0;

  constructor(guest: Guest) {
    this.guest = guest;
    this.place = this.#newPlace();
  }

  /** Where its seat is, or was last. */
  get endpoint(): string | null {
    return this.place.endpoint?.id ?? this.adoptedAt;
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
  adopt({ wasQueued, waitMs, position, endpoint = null }: Wait, now: number): void {
    this.adoptedAt = endpoint;
    this.wasQueued = wasQueued;
    this.waitMs = waitMs;
    this.position = position;
    this.wait(now);
  }

  /** For one that is to be queued again: a place is queued once. */
  newPlace(): void {
    this.place = this.#newPlace();
  }

  seat(now: number): void {
    this.waitMs = this.waitedMs(now);
    this.state = 'seated';
  }

  end(now: number): void {
    if (this.state === 'waiting') this.waitMs = this.waitedMs(now);
    this.state = 'ended';
  }

  #newPlace(): Place<Stay> {
    return new Place<Stay>(this, this.guest.asked, this.guest.timeoutMs);
  }
}

/** Begins the record of a guest. */
export function meet(guest: Guest): Stay {
  const stay = new Stay(guest);
  guest.stay = stay;
  return stay;
}
