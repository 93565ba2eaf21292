/**
 * One per pool: turns the scheduler's decisions into promises and timers.
 *
 *   run(ticket, work) ──► queue ──► seat: work() runs ──► seat freed ──► the next ticket is seated
 *                           │                                             in the same tick
 *                           └─► refused, timed out, or the client left
 *
 * The seat is a scope: it is held until what `work` answered has settled, so neither an error nor an
 * abort can leak it. Every change is made synchronously and calls nobody but promise resolvers, so
 * nothing comes back in while a change is half made.
 */
import type { SchedulerConfig } from '../config/config.ts';
import type { Clock } from '../domain/clock.ts';
import { ClientLeft } from '../domain/errors.ts';
import type { LevelStats, PoolStats, WaitPercentiles } from '../domain/stats.ts';
import { allLevels, type Level } from '../domain/vocabulary.ts';
import { Place, Scheduler } from '../scheduler/scheduler.ts';
import { retryAfterSec } from './drain-rate.ts';
import { LevelCounts } from './level-counts.ts';
import { refusals } from './refusal.ts';
import type { Ticket, TicketFields } from './ticket.ts';

export interface DispatcherOptions {
  readonly name: string;
  readonly seats: number;
  readonly config: SchedulerConfig;
  readonly clock: Clock;
  readonly waits: { record(level: Level, waitMs: number): void; percentiles(level: Level): WaitPercentiles };
  /** 0 ≤ x < 1; spreads Retry-After. */
  readonly random?: () => number;
}

/** After so many hand-offs in a row the next one waits for a turn of the event loop, so that I/O gets its turn too. */
const handOffsPerTurn = 256;
/** What Node's timers take at most; a later deadline is looked at again then. */
const longestDelayMs = 2 ** 31 - 1;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #random: () => number;
  readonly #scheduler: Scheduler<PoolTicket>;
  readonly #levels: readonly LevelCounts[] = allLevels.map(() => new LevelCounts());
  readonly #leave = (ticket: PoolTicket): void => this.#left(ticket);
  #refusing = false;
  #handOffs = 0;
  #resting = false;
  #alarmAt = Number.POSITIVE_INFINITY;
  #cancelAlarm: () => void = nothing;
  #idleWaiters: (() => void)[] = [];

  constructor(options: DispatcherOptions) {
    const { config, seats } = options;
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#scheduler = new Scheduler({ ...config, seats });
  }

  ticket(fields: TicketFields): Ticket {
    return new PoolTicket(fields, this.#options.config.queueTimeoutMs, this.#leave);
  }

  /**
   * Does `work` as soon as there is a seat: in this very tick if one is free and nobody waits.
   * Rejects with errors.queueFull, queueTimeout or unavailable, with ClientLeft, or as `work` does.
   */
  run<T>(ticket: Ticket, work: () => Promise<T>): Promise<T> {
    if (!(ticket instanceof PoolTicket) || ticket.state !== 'new')
      throw new Error('a ticket runs once, in its own pool');
    this.#enter(ticket);
    if (ticket.refusal !== null) return Promise.reject(ticket.refusal);
    return ticket.wasQueued ? this.#waitAndHold(ticket, work) : this.#hold(ticket, work);
  }

  /** For the shutdown: who waits and who comes from now on is refused; who has a seat keeps it. */
  refuseAll(): void {
    this.#refusing = true;
    const now = this.#options.clock.now();
    for (const place of this.#scheduler.removeAll()) {
      this.#level(place.level).rejected++;
      place.holder.refuse(refusals.shuttingDown(), now);
    }
    this.#setAlarm(now);
  }

  /** Fulfilled as soon as no seat is in use. */
  idle(): Promise<void> {
    if (this.#scheduler.inUse === 0) return Promise.resolve();
    return new Promise(resolve => this.#idleWaiters.push(resolve));
  }

  stats(): PoolStats {
    return {
      name: this.#options.name,
      seats: this.#scheduler.seats,
      in_use: this.#scheduler.inUse,
      levels: allLevels.map(level => this.#levelStats(level)),
    };
  }

  #enter(ticket: PoolTicket): void {
    const { place } = ticket;
    const counts = this.#level(place.level);
    const now = this.#options.clock.now();
    ticket.enter(now, this.#scheduler.waitingAhead(place.level) + 1);
    if (ticket.refusal !== null) {
      counts.cancelled++;
      ticket.state = 'ended';
      return;
    }
    const refusal = this.#refusing ? refusals.shuttingDown() : this.#admit(place, now);
    if (refusal !== null) {
      counts.rejected++;
      ticket.refuse(refusal, now);
      return;
    }
    this.#pump(now);
    ticket.wasQueued = place.state !== 'running';
  }

  #admit(place: Place<PoolTicket>, now: number): Error | null {
    const { name, config } = this.#options;
    const admission = this.#scheduler.enqueue(place, now);
    if (admission === 'queued') return null;
    const retryAfter = this.#retryAfterSec(place.level, now);
    return admission === 'level_full'
      ? refusals.levelFull(place.level, config.maxQueueDepth, retryAfter)
      : refusals.poolFull(name, config.maxQueuedBytes, retryAfter);
  }

  async #waitAndHold<T>(ticket: PoolTicket, work: () => Promise<T>): Promise<T> {
    await ticket.seated();
    return this.#hold(ticket, work);
  }

  async #hold<T>(ticket: PoolTicket, work: () => Promise<T>): Promise<T> {
    // The client may have left between the hand-off and this moment; the seat is given back already.
    if (ticket.refusal !== null) throw ticket.refusal;
    try {
      this.#begin(ticket);
      return await work();
    } finally {
      this.#release(ticket);
    }
  }

  #begin(ticket: PoolTicket): void {
    const { level, cost } = ticket.place;
    const counts = this.#level(level);
    ticket.state = 'running';
    counts.dispatched++;
    counts.drain.record(cost, ticket.enteredAt + ticket.waitMs);
    this.#options.waits.record(level, ticket.waitMs);
  }

  #release(ticket: PoolTicket): void {
    ticket.state = 'ended';
    this.#scheduler.finish(ticket.place, ticket.actualCost);
    if (this.#scheduler.waiting > 0) this.#pump(this.#options.clock.now());
    if (this.#scheduler.inUse > 0 || this.#idleWaiters.length === 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** Seats whoever can be seated, answers whose time is over, and sees to the next deadline. */
  #pump(now: number): void {
    while (!this.#resting) {
      const place = this.#scheduler.next(now);
      if (place === undefined) break;
      place.holder.seat(now);
      if (place.holder.wasQueued && ++this.#handOffs >= handOffsPerTurn) this.#rest();
    }
    for (const place of this.#scheduler.expire(now)) {
      this.#level(place.level).timedOut++;
      const retryAfter = this.#retryAfterSec(place.level, now);
      place.holder.refuse(refusals.timedOut(place.level, place.timeoutMs, retryAfter), now);
    }
    this.#setAlarm(now);
  }

  /** Work that ends at once hands its seat on within one tick, and so on; nobody else would ever run. */
  #rest(): void {
    this.#resting = true;
    setImmediate(() => {
      this.#resting = false;
      this.#handOffs = 0;
      this.#pump(this.#options.clock.now());
    });
  }

  /** One timer for the next deadline. One that rings too early, because its ticket is gone, only looks again. */
  #setAlarm(now: number): void {
    const deadline = this.#scheduler.nextDeadline() ?? Number.POSITIVE_INFINITY;
    if (deadline >= this.#alarmAt && this.#scheduler.waiting > 0) return;
    this.#cancelAlarm();
    this.#cancelAlarm = nothing;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    if (this.#scheduler.waiting === 0) return;
    const delayMs = Math.min(deadline - now, longestDelayMs);
    this.#alarmAt = now + delayMs;
    this.#cancelAlarm = this.#options.clock.after(delayMs, () => {
      this.#alarmAt = Number.POSITIVE_INFINITY;
      this.#pump(this.#options.clock.now());
    });
  }

  #left(ticket: PoolTicket): void {
    const { place, state } = ticket;
    if (state !== 'waiting' && state !== 'seated') return;
    const now = this.#options.clock.now();
    this.#level(place.level).cancelled++;
    ticket.refuse(new ClientLeft('The client left while its request was waiting.'), now);
    if (state === 'seated') {
      ticket.settle(0);
      this.#release(ticket);
    } else {
      this.#scheduler.cancel(place);
      this.#setAlarm(now);
    }
  }

  #retryAfterSec(level: Level, now: number): number {
    const { waitingCost } = this.#scheduler.level(level);
    return retryAfterSec(this.#level(level).drain.secondsFor(waitingCost / 2, now), this.#random());
  }

  #levelStats(level: Level): LevelStats {
    const { waiting, running } = this.#scheduler.level(level);
    const { dispatched, rejected, timedOut, cancelled } = this.#level(level);
    const wait_ms = this.#options.waits.percentiles(level);
    return { level, waiting, running, dispatched, rejected, timed_out: timedOut, cancelled, wait_ms };
  }

  #level(level: Level): LevelCounts {
    const counts = this.#levels[level];
    if (counts === undefined) throw new Error(`no such level: ${level}`);
    return counts;
  }
}

/** new → waiting → seated → running → ended; from `new` straight to `seated` where nobody waits. */
class PoolTicket implements Ticket {
  readonly place: Place<PoolTicket>;
  state: 'new' | 'waiting' | 'seated' | 'running' | 'ended' = 'new';
  enteredAt = 0;
  waitMs = 0;
  wasQueued = false;
  position = 1;
  actualCost: number;
  /** Why it gets no seat. */
  refusal: Error | null = null;
  readonly #leave: (ticket: PoolTicket) => void;
  #resolve: () => void = nothing;
  #reject: (reason: Error) => void = nothing;

  constructor(fields: TicketFields, timeoutMs: number, leave: (ticket: PoolTicket) => void) {
    this.place = new Place(this, fields, timeoutMs);
    this.actualCost = fields.cost;
    this.#leave = leave;
  }

  leave(): void {
    if (this.state === 'new') this.refusal = new ClientLeft('The client left before its request was queued.');
    else this.#leave(this);
  }

  settle(actualCost: number): void {
    this.actualCost = actualCost;
  }

  /** Fulfilled when it gets its seat. */
  seated(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  enter(now: number, position: number): void {
    this.state = 'waiting';
    this.enteredAt = now;
    this.position = position;
  }

  seat(now: number): void {
    this.state = 'seated';
    this.waitMs = now - this.enteredAt;
    this.#resolve();
  }

  refuse(reason: Error, now: number): void {
    this.state = 'ended';
    this.waitMs = now - this.enteredAt;
    this.refusal = reason;
    this.#reject(reason);
  }
}

function nothing(): void {}
