/**
 * One per pool: turns the scheduler's decisions into promises and timers.
 *
 *   run(ticket, work) ──► queue ──► seat: work() runs ──► seat freed ──► the next ticket is seated
 *                           │  ▲              │                               in the same tick
 *                           │  └── put back ──┘  (its upstream is busy: once)
 *                           └─► refused, evicted, timed out, or the client left
 *
 * The seat is a scope: it is held until the promise of `work` has settled, so neither an error nor an abort
 * can leak it. Every change is synchronous and calls only promise resolvers, so no other call can enter
 * while a change is incomplete.
 */
import type { PoolSettings } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import { ClientLeft } from '../../domain/errors.ts';
import { allLevels, type Level } from '../../domain/vocabulary.ts';
import { type Place, Scheduler } from '../../scheduler/scheduler.ts';
import { Admission, type TenantsById } from './admission.ts';
import { Alarm } from './alarm.ts';
import { HandOffs } from './hand-offs.ts';
import { PoolCounts } from './level-counts.ts';
import { PoolTicket, type TicketOffice } from './pool-ticket.ts';
import { PoolView, type Waits } from './pool-view.ts';
import { refusals } from './refusal.ts';
import { putBack, type Ticket, type TicketFields } from './ticket.ts';
import { closedUntil, scopeOf, toldBy } from './upstream-word.ts';

export interface DispatcherOptions {
  readonly name: string;
  readonly settings: PoolSettings;
  readonly tenants: TenantsById;
  readonly clock: Clock;
  readonly waits: Waits;
  /** 0 ≤ x < 1; spreads Retry-After. */
  readonly random?: () => number;
}

/** A request whose upstream is busy is put back once. */
const mostAttempts = 2;

const clientLeft = () => new ClientLeft('The client left before its request had a seat.');

export class Dispatcher {
  readonly #options: DispatcherOptions;
  #settings: PoolSettings;
  readonly #scheduler: Scheduler<PoolTicket>;
  readonly #admission: Admission<PoolTicket>;
  readonly #counts = new PoolCounts();
  /** A read-only view for inspection. */
  readonly view: PoolView;
  readonly #alarm: Alarm;
  readonly #handOffs: HandOffs;
  readonly #office: TicketOffice = {
    left: ticket => this.#left(ticket),
    upstreamBusy: (ticket, status, retryAfterMs) => this.#upstreamBusy(ticket, status, retryAfterMs),
    upstreamAnswered: (ticket, status) => this.#upstreamAnswered(ticket, status),
    progressed: ({ place }, spent) => void this.#scheduler.progress(place, spent, this.#options.clock.now()),
  };
  #phase: 'running' | 'draining' | 'closed' = 'running';
  /** Whether anything was closed at the last refresh of all levels. */
  #wasClosed = false;
  #cancelClosing: () => void = () => {};
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(options: DispatcherOptions) {
    const { name, clock, settings, tenants, random = Math.random } = options;
    this.#options = options;
    this.#settings = settings;
    const scheduler = new Scheduler<PoolTicket>({ settings, tenants });
    const drainOf = (level: Level) => this.#counts.of(level).drain;
    this.#scheduler = scheduler;
    this.view = new PoolView({ ...options, scheduler, counts: this.#counts, settings: () => this.#settings });
    this.#admission = new Admission({ name, scheduler, clock, drainOf, random }, settings, tenants);
    this.#alarm = new Alarm(clock, now => this.#pump(now));
    this.#handOffs = new HandOffs(() => this.#pump(clock.now()));
  }

  ticket(fields: TicketFields): Ticket {
    const timeoutMs = this.#settings.queueTimeoutMs[fields.level] ?? 0;
    return new PoolTicket(fields, Math.min(timeoutMs, fields.maxWaitMs ?? timeoutMs), this.#office);
  }

  /**
   * Runs `work` as soon as there is a seat: in this tick if one is free and nothing waits. Rejects with an error of
   * gateway/pool/refusal.ts, with ClientLeft, or as `work` does.
   */
  run<T>(ticket: Ticket, work: () => Promise<T | typeof putBack>): Promise<T> {
    if (!(ticket instanceof PoolTicket) || ticket.office !== this.#office || ticket.state !== 'new')
      throw new Error('a ticket runs once, in its own pool');
    this.#enter(ticket);
    if (ticket.refusal !== null) return Promise.reject(ticket.refusal);
    return ticket.wasQueued ? this.#waitAndHold(ticket, work) : this.#hold(ticket, work);
  }

  /** Applies new rules; waiting requests keep their promised timeout, running ones keep their seats. */
  configure(settings: PoolSettings, tenants: TenantsById): void {
    const now = this.#options.clock.now();
    this.#settings = settings;
    this.#scheduler.configure(settings, tenants, now);
    this.#admission.configure(settings, tenants);
    this.#pump(now);
  }

  /**
   * For the shutdown: refuses new requests; serves waiting ones for the configured time and then refuses them too;
   * running ones keep their seats. Resolves when no seat is in use and nothing waits.
   */
  drain(): Promise<void> {
    if (this.#phase === 'running') {
      this.#phase = 'draining';
      this.#cancelClosing = this.#options.clock.after(this.#settings.queueDrainMs, () => this.refuseAll());
    }
    return this.idle();
  }

  /** Refuses waiting and new requests; running ones keep their seats. */
  refuseAll(): void {
    this.#phase = 'closed';
    this.#cancelClosing();
    const now = this.#options.clock.now();
    for (const place of this.#scheduler.removeAll()) this.#refuse(place, 'rejected', refusals.shuttingDown(), now);
    this.#setAlarm(now);
    this.#tellIdle();
  }

  /** Resolves as soon as no seat is in use and nothing waits. */
  idle(): Promise<void> {
    this.#idle ??= Promise.withResolvers();
    const { promise } = this.#idle;
    this.#tellIdle();
    return promise;
  }

  #enter(ticket: PoolTicket): void {
    const { place } = ticket;
    const now = this.#options.clock.now();
    if (ticket.isLeft) {
      this.#refuse(place, 'cancelled', clientLeft(), now);
      return;
    }
    ticket.enter(now, this.#scheduler.inspection.waitingAhead(place.level) + 1);
    const refusal = this.#phase === 'running' ? this.#admit(place, now) : refusals.shuttingDown();
    if (refusal !== null) {
      this.#refuse(place, 'rejected', refusal, now);
      return;
    }
    this.view.entered(ticket);
    this.#pump(now);
    ticket.wasQueued = place.state !== 'running';
    if (place.state === 'waiting') this.#lookAt(place.level, now);
  }

  #admit(place: Place<PoolTicket>, now: number): Error | null {
    const refusal = this.#admission.admit(place, now);
    for (const victim of this.#scheduler.takeEvicted())
      this.#refuse(victim, 'rejected', this.#admission.evicted(victim, now), now);
    return refusal;
  }

  async #waitAndHold<T>(ticket: PoolTicket, work: () => Promise<T | typeof putBack>): Promise<T> {
    await ticket.seated();
    return this.#hold(ticket, work);
  }

  async #hold<T>(ticket: PoolTicket, work: () => Promise<T | typeof putBack>): Promise<T> {
    // The client may have left between the hand-off and now; the seat is free again already.
    if (ticket.refusal !== null) throw ticket.refusal;
    try {
      this.#begin(ticket);
      const answer = await work();
      if (answer !== putBack) {
        if (ticket.busy === 'no') this.#scheduler.upstreamServed();
        return answer;
      }
      this.#putBack(ticket);
    } finally {
      if (ticket.state === 'running') this.#release(ticket);
    }
    return this.#waitAndHold(ticket, work);
  }

  /** See Ticket. The only place that decides whether a request is put back. */
  #upstreamBusy(ticket: PoolTicket, status: number, retryAfterMs: number | null): boolean {
    if (ticket.state !== 'running') return false;
    const now = this.#options.clock.now();
    const { place } = ticket;
    const until = this.#scheduler.upstreamBusy(place, scopeOf(status), closedUntil(retryAfterMs, now), now);
    const isInTime = until !== null && until <= place.deadline;
    const mayBePutBack = isInTime && ticket.attempt < mostAttempts && !ticket.isLeft && this.#phase === 'running';
    ticket.busy = mayBePutBack ? 'may be put back' : 'told the client';
    this.#pump(now);
    return mayBePutBack;
  }

  #upstreamAnswered(ticket: PoolTicket, status: number): void {
    if (ticket.state !== 'running') return;
    const told = toldBy(status);
    const now = this.#options.clock.now();
    if (told !== null && this.#scheduler.answered(ticket.place, told, now)) this.#pump(now);
  }

  #begin(ticket: PoolTicket): void {
    const { level } = ticket.place;
    ticket.state = 'running';
    this.#counts.of(level).dispatched++;
    if (ticket.attempt === 1) this.#options.waits.record(level, ticket.waitMs);
  }

  #release(ticket: PoolTicket): void {
    const now = this.#options.clock.now();
    ticket.state = 'ended';
    this.view.left(ticket);
    this.#scheduler.finish(ticket.place, ticket.spent, now);
    this.#pump(now);
  }

  #putBack(ticket: PoolTicket): void {
    if (ticket.busy !== 'may be put back') throw new Error('upstreamBusy() has not allowed to put this request back');
    const now = this.#options.clock.now();
    const { level } = ticket.place;
    this.#counts.of(level).dispatched--;
    this.#scheduler.putBack(ticket.place, now);
    this.#lookAt(level, now);
    ticket.putBack(now);
    if (ticket.isLeft) this.#left(ticket);
    else if (this.#phase === 'closed') this.refuseAll();
    else this.#pump(now);
  }

  /** Seats all places that can be seated, refuses those whose time is over, and sets the timer for the next moment. */
  #pump(now: number): void {
    this.#seatAll(now);
    const overdue = this.#scheduler.expire(now);
    for (const place of overdue) this.#refuse(place, 'timedOut', this.#admission.timedOut(place, now), now);
    // A place may have been waiting behind one of them that was too large.
    if (overdue.length > 0) this.#seatAll(now);
    this.#lookAtAll(now);
    this.#setAlarm(now);
    this.#tellIdle();
  }

  #seatAll(now: number): void {
    while (!this.#handOffs.isResting) {
      const place = this.#scheduler.next(now);
      if (place === undefined) return;
      this.#seat(place, now);
    }
  }

  #seat(place: Place<PoolTicket>, now: number): void {
    const ticket = place.holder;
    ticket.seat(now);
    if (!ticket.wasQueued) return;
    this.#counts.of(place.level).drain.record(place.cost, now);
    this.#lookAt(place.level, now);
    this.#handOffs.count();
  }

  #setAlarm(now: number): void {
    // While resting, the next turn of the event loop looks again; no timer is needed before that.
    if (!this.#handOffs.isResting) this.#alarm.set(this.#scheduler.nextWake(now), now);
  }

  #left(ticket: PoolTicket): void {
    const { place, state } = ticket;
    if (state !== 'waiting' && state !== 'seated') return;
    const now = this.#options.clock.now();
    if (state === 'seated') this.#scheduler.releaseUnused(place, now);
    else this.#scheduler.cancel(place);
    this.#refuse(place, 'cancelled', clientLeft(), now);
    this.#pump(now);
  }

  #refuse(place: Place<PoolTicket>, how: 'rejected' | 'timedOut' | 'cancelled', reason: Error, now: number): void {
    this.#counts.of(place.level)[how]++;
    this.#lookAt(place.level, now);
    this.view.left(place.holder);
    place.holder.refuse(reason, now);
  }

  /** Openings and closures move the places that stand aside, in any level. */
  #lookAtAll(now: number): void {
    const isClosed = this.#scheduler.inspection.closures > 0;
    if (isClosed || this.#wasClosed) for (const level of allLevels) this.#lookAt(level, now);
    this.#wasClosed = isClosed;
  }

  #lookAt(level: Level, now: number): void {
    this.#counts.of(level).look(this.#scheduler.level(level), now);
  }

  #tellIdle(): void {
    if (this.#scheduler.inUse > 0 || this.#scheduler.waiting > 0) return;
    if (this.#phase === 'draining') this.#cancelClosing();
    this.#idle?.resolve();
    this.#idle = null;
  }
}
