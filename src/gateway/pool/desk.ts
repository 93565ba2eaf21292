/**
 * The seam between those who carry requests and the pool that has the seats, which may be in different processes.
 *
 *   gateway.ts ── run(ticket, work) ──▶ Dispatcher    promises, the scope of a seat, the drain
 *                                           │ Desk    enter · leave · begin · progress · finish · upstreamBusy …
 *                                           ▼
 *                                        PoolDesk     scheduler, admission, counts, view, the pool's timer; no promises
 *                                           │ Guest   queued · seated · refused
 *                                           ▼
 *                                        PoolTicket   … or another guest, who stands for a ticket elsewhere
 *
 * All that crosses it survives JSON, and times are durations: two processes share no clock.
 */

import type { Spent } from '../../domain/usage.ts';
import type { Guest, Wait } from './guest.ts';
import type { Refusal } from './refusal.ts';

/** How a seat comes back. */
export type SeatEnd =
  | { readonly how: 'served' | 'failed'; readonly spent: Spent }
  /** Nothing was sent, as the guest was gone when its seat came: nothing is charged. */
  | { readonly how: 'unused' }
  /** The upstream had no room: it waits again, before all others of its flow, under its next attempt. */
  | { readonly how: 'put_back' };

/** What a request would find in a pool at this moment. */
export interface Outlook {
  /** It gets a seat as it enters; null: another process knows. */
  readonly startsAtOnce: boolean | null;
  /** How long it would wait; null: it cannot be predicted. */
  readonly predictedMs: number | null;
  /** Its upstream takes nothing of it until a moment that it has named. */
  readonly isClosed: boolean;
  /** Its tenant's own limits let nothing more start; also where that is not known and the tenant has limits. */
  readonly isHeldByTenant: boolean;
}

/** One pool, as those see it who carry requests. A late call, or a second one, changes nothing. */
export interface Desk {
  /** Whether it may leave a guest without an answer when its time is over, as one in another process may. */
  readonly mayFallSilent: boolean;
  /** Answered by queued, seated or refused: at once where the pool is in this process. */
  enter(guest: Guest): void;
  /** Guests who wait, have a seat but not begun, or never entered, give up: each is refused so before this returns. */
  leave(guests: Iterable<Guest>, refusal: Refusal): void;
  /** Guests who go on at another desk: nothing of it is counted, and they are told nothing. */
  release(guests: Iterable<Guest>): void;
  /** Changes nothing. */
  outlook(guest: Guest): Outlook;
  /**
   * A guest goes to another pool: it counts with its tenant's limits here until what this returns is called; null: it has
   * never started.
   */
  lend(guest: Guest): (spentTokens: number | null) => void;
  /** The work of a seated guest begins; of a guest from elsewhere: its seat is on its way. */
  begin(guest: Guest): void;
  /** The usage so far. The charge is raised to it, never lowered. */
  progress(guest: Guest, spent: Spent): void;
  /** Refuses a request that is put back and cannot be taken. */
  finish(guest: Guest, end: SeatEnd): void;
  /**
   * The upstream has no room for the guest's request. Returns at once, from what is known here, whether it may have room
   * again in time for the guest.
   */
  upstreamBusy(guest: Guest, status: number, retryAfterMs: number | null): boolean;
  /** The upstream begins to answer and has room. Returns whether that changes what is closed, as far as it is known here. */
  upstreamAnswered(guest: Guest, status: number): boolean;
}

/** A guest who came to another desk, as this one takes it over. */
export interface Adopted {
  readonly guest: Guest;
  /** Since it came there. */
  readonly ageMs: number;
  readonly wait: Wait;
  /** The charge of its seat there; null: it waits. */
  readonly charged: Spent | null;
}

/** The oldest first. */
export const byAge = (a: Pick<Adopted, 'ageMs'>, b: Pick<Adopted, 'ageMs'>): number => b.ageMs - a.ageMs;
