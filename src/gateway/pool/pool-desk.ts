/**
 * The desk of one pool, in front of its scheduler; it has the pool's counts and its view, and no promises. seating.ts tells
 * the guests what becomes of them.
 *
 *   enter ──► queue ──► seat, for as long as the guest says ──► seat freed ──► the next guest is seated in the same tick
 *               │  ▲                      │
 *               │  └────── put back ──────┘
 *               └─► refused, evicted, timed out, or the guest left
 *
 * Every change is synchronous and ends in one pump. Guests only take note, so no other call can enter while a change is
 * incomplete.
 */
import type { PoolSettings } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import type { EndpointSeats, EndpointUse } from '../../domain/endpoint.ts';
import type { Spent } from '../../domain/usage.ts';
import type { Level } from '../../domain/vocabulary.ts';
import { type Closed, Scheduler } from '../../scheduler/scheduler.ts';
import { Admission, type TenantsById } from './admission.ts';
import { Aims } from './aims.ts';
import type { Adopted, Desk, Outlook, SeatEnd } from './desk.ts';
import { type Guest, meet, Stay } from './guest.ts';
import { Handover } from './handover.ts';
import { PoolCounts } from './level-counts.ts';
import type { Refusal } from './refusal.ts';
import { Seating } from './seating.ts';
import { closedUntil, scopeOf, toldBy } from './upstream-word.ts';
import { PoolView, type Waits } from './view/pool-view.ts';

export interface PoolDeskOptions {
  readonly name: string;
  readonly settings: PoolSettings;
  readonly tenants: TenantsById;
  readonly clock: Clock;
  readonly waits: Waits;
  /** Asked before every grant; missing: always. Whoever says no calls `holdBack` once the answer is another. */
  readonly mayGrant?: (now: number) => boolean;
  /** 0 ≤ x < 1; spreads Retry-After. */
  readonly random?: () => number;
}

export class PoolDesk implements Desk {
  readonly mayFallSilent = false;
  readonly #options: PoolDeskOptions;
  #settings: PoolSettings;
  readonly #scheduler: Scheduler<Stay>;
  readonly #admission: Admission<Stay>;
  readonly #counts = new PoolCounts();
  /** A read-only view for inspection. */
  readonly view: PoolView;
  readonly #seating: Seating;
  readonly #aims = new Aims();
  readonly #handover: Handover;

  constructor(options: PoolDeskOptions) {
    const { clock, settings, tenants, random = Math.random, mayGrant = always } = options;
    this.#options = options;
    this.#settings = settings;
    const scheduler = new Scheduler<Stay>({ settings, tenants });
    this.#scheduler = scheduler;
    const drainOf = (level: Level) => this.#counts.of(level).drain;
    this.view = new PoolView({ ...options, scheduler, counts: this.#counts, settings: () => this.#settings });
    this.#admission = new Admission({ scheduler, drainOf, random }, settings, tenants);
    const kept = { scheduler, admission: this.#admission, counts: this.#counts, view: this.view };
    this.#seating = new Seating({ clock, mayGrant, ...kept });
    this.#handover = new Handover({ clock, seating: this.#seating, aims: this.#aims, ...kept });
  }

  /** Applies new rules; waiting guests keep their promised time, running ones keep their seats. */
  configure(settings: PoolSettings, tenants: TenantsById): void {
    const now = this.#options.clock.now();
    this.#settings = settings;
    this.#scheduler.configure(settings, tenants, now);
    this.#admission.configure(settings, tenants);
    this.#seating.pump(now);
  }

  enter(guest: Guest): void {
    if (guest.stay !== null) return;
    const now = this.#options.clock.now();
    const stay = meet(guest);
    this.#aims.aim(stay);
    const { place } = stay;
    stay.position = this.#scheduler.inspection.waitingAhead(place.level) + 1;
    const refusal = this.#admission.admit(place, now);
    for (const evicted of this.#scheduler.takeEvicted())
      this.#seating.refuse(evicted.holder, this.#admission.evicted(evicted, now), now);
    if (refusal !== null) {
      this.#seating.refuse(stay, refusal, now);
      return;
    }
    stay.wait(now);
    this.view.entered(stay);
    this.#seating.pump(now);
    if (stay.state !== 'waiting') return;
    stay.wasQueued = true;
    guest.queued(stay);
    this.#seating.lookAt(place.level, now);
  }

  leave(guests: Iterable<Guest>, refusal: Refusal): void {
    const now = this.#options.clock.now();
    for (const guest of guests) {
      const stay = guest.stay ?? meet(guest);
      if (stay.state === 'waiting') this.#scheduler.cancel(stay.place);
      else if (stay.state === 'seated') this.#scheduler.releaseUnused(stay.place, now);
      else if (stay.state !== 'new') continue;
      this.#seating.refuse(stay, refusal, now);
    }
    this.#seating.pump(now);
  }

  begin(guest: Guest): void {
    const { stay } = guest;
    if (stay?.state !== 'seated') return;
    stay.state = 'running';
    const { level } = stay.place;
    this.#counts.of(level).dispatched++;
    if (guest.attempt === 1) this.#options.waits.record(level, stay.waitMs);
  }

  progress({ stay }: Guest, spent: Spent): void {
    if (stay !== null) this.#scheduler.progress(stay.place, spent, this.#options.clock.now());
  }

  finish(guest: Guest, end: SeatEnd): void {
    const { stay } = guest;
    const now = this.#options.clock.now();
    if (stay === null) {
      if (end.how === 'put_back') this.#seating.refuse(meet(guest), notPutBack, now);
      return;
    }
    if (stay.state !== 'running' && (stay.state !== 'seated' || end.how !== 'unused')) return;
    if (end.how === 'put_back') this.#putBack(stay, now);
    else if (end.how === 'unused') this.#takeUnused(stay, now);
    else {
      if (end.how === 'served') this.#scheduler.upstreamServed();
      this.#scheduler.finish(stay.place, end.spent, now);
      this.#seating.end(stay, now);
    }
    this.#seating.pump(now);
  }

  upstreamBusy({ stay }: Guest, status: number, retryAfterMs: number | null): boolean {
    if (stay === null) return false;
    const now = this.#options.clock.now();
    const { place } = stay;
    const until = this.#scheduler.upstreamBusy(place, scopeOf(status), closedUntil(retryAfterMs, now), now);
    this.#seating.pump(now);
    return until !== null && until <= place.deadline;
  }

  upstreamAnswered({ stay }: Guest, status: number): boolean {
    const told = toldBy(status);
    if (told === null || stay?.state !== 'running') return false;
    const now = this.#options.clock.now();
    if (!this.#scheduler.answered(stay.place, told, now)) return false;
    this.#seating.pump(now);
    return true;
  }

  /** Another desk had these seats until now: no rate has a burst left from then, and no count of the past is theirs. */
  takeOver(): void {
    this.#handover.takeOver();
  }

  /**
   * For a desk that takes over from another: seats those that have a seat there, and queues those that wait, with all that
   * wait here, by age. Nothing is charged, and no limit of the queue is asked.
   */
  adopt(guests: Iterable<Adopted>): void {
    this.#handover.adopt(guests);
  }

  /** All that wait or have a seat here, as another desk may adopt them; the oldest first. */
  guests(): Adopted[] {
    return this.#handover.guests();
  }

  /** Guests whose process is gone: their seats are free, at what they were charged, and so are their places. */
  forget(guests: Iterable<Guest>): void {
    this.#handover.forget(guests);
  }

  /** Guests who go on at another desk, or come again: nothing of it is counted, and it may enter anew. */
  release(guests: Iterable<Guest>): void {
    this.#handover.release(guests);
  }

  /** A seat that never came to its guest: nothing is charged or counted, and it may enter anew. */
  takeBack(guest: Guest): void {
    this.#handover.takeBack(guest);
  }

  outlook(guest: Guest): Outlook {
    const stay = new Stay(guest);
    this.#aims.aim(stay);
    return this.#admission.outlook(stay.place, this.#options.clock.now());
  }

  lend({ asked }: Guest): (spentTokens: number | null) => void {
    const { clock } = this.#options;
    const ended = this.#scheduler.takeover.lend(asked, clock.now());
    return spentTokens => {
      ended(spentTokens, clock.now());
      this.lookAgain();
    };
  }

  limits({ asked }: Guest): boolean {
    return this.#admission.limits(asked);
  }

  /** Sets all endpoints of one of its providers; a provider that is never named here has any number of seats. */
  setEndpoints(provider: string, endpoints: readonly EndpointSeats[]): void {
    this.#scheduler.setEndpoints(provider, endpoints);
    this.#seating.pump(this.#options.clock.now());
  }

  /**
   * Sets the endpoints that requests of this gateway avoid although others of its fleet reach them. What waits here, waits
   * for others from now on.
   */
  setUnreached(provider: string, endpoints: readonly string[]): void {
    this.#aims.setUnreached(provider, endpoints);
    const now = this.#options.clock.now();
    this.#handover.requeue(now);
    this.#seating.pump(now);
  }

  /** All endpoints of its providers, and what runs there. */
  endpoints(): readonly EndpointUse[] {
    return this.#scheduler.inspection.endpoints();
  }

  /** All that the upstream has closed now. */
  closed(): readonly Closed[] {
    return this.#scheduler.inspection.closed(this.#options.clock.now());
  }

  /** Must be called when a guest that could not be seated may be. */
  lookAgain(): void {
    this.#seating.pump(this.#options.clock.now());
  }

  /** Starts nothing while this many seats are in use, until it is called again; null: while all are. */
  holdBack(seats: number | null): void {
    this.#scheduler.takeover.holdBack(seats);
    this.#seating.pump(this.#options.clock.now());
  }

  #putBack(stay: Stay, now: number): void {
    const { level } = stay.place;
    this.#counts.of(level).dispatched--;
    this.#aims.aim(stay);
    this.#scheduler.putBack(stay.place, now);
    stay.wasQueued = true;
    stay.wait(now);
    this.#seating.lookAt(level, now);
  }

  #takeUnused(stay: Stay, now: number): void {
    const counts = this.#counts.of(stay.place.level);
    if (stay.state === 'running') counts.dispatched--;
    counts.cancelled++;
    this.#scheduler.releaseUnused(stay.place, now);
    this.#seating.end(stay, now);
    this.#seating.lookAt(stay.place.level, now);
  }
}

const always = (): boolean => true;

const notPutBack: Refusal = { code: 'not_put_back', retryAfterSec: 1 };
