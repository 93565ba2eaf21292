/**
 * One per pool: turns what its desk says into promises.
 *
 *   run(ticket, work) ──► desk ──► seat: work() runs ──► seat comes back
 *                           │ ▲              │
 *                           │ └── put back ──┘  (its upstream is busy: once)
 *                           └─► refused, or the client left
 *
 * The seat is a scope: it is held until the promise of `work` has settled, so neither an error nor an abort can leak it.
 */
import type { PoolSettings } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import { Ring } from '../../domain/structures/ring.ts';
import type { Desk, SeatEnd } from './desk.ts';
import { retryAfterSec } from './drain-rate.ts';
import { Net } from './net.ts';
import { PoolTicket, type TicketOffice } from './pool-ticket.ts';
import { errorOf, type Refusal } from './refusal.ts';
import { putBack, type Ticket, type TicketFields } from './ticket.ts';

type WaitSettings = Pick<PoolSettings, 'queueTimeoutMs' | 'queueDrainMs'>;

export interface DispatcherOptions {
  readonly name: string;
  readonly desk: Desk;
  readonly settings: WaitSettings;
  readonly clock: Clock;
  /** 0 ≤ x < 1; spreads Retry-After. */
  readonly random?: () => number;
}

/** A request whose upstream is busy is put back once. */
const mostAttempts = 2;

const clientLeft: Refusal = { code: 'client_left' };
const shuttingDown: Refusal = { code: 'shutting_down', retryAfterSec: 1 };
const isPutBack: SeatEnd = { how: 'put_back' };

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #desk: Desk;
  #settings: WaitSettings;
  readonly #office: TicketOffice = {
    left: ticket => this.#left(ticket),
    progressed: (ticket, spent) => {
      if (ticket.state === 'running') this.#desk.progress(ticket, spent);
    },
    upstreamBusy: (ticket, status, retryAfterMs) => this.#upstreamBusy(ticket, status, retryAfterMs),
    upstreamAnswered: (ticket, status) => {
      if (ticket.state === 'running') this.#desk.upstreamAnswered(ticket, status);
    },
    seated: ticket => this.#waitedFor(ticket),
    refused: (ticket, refusal) => {
      this.#waitedFor(ticket);
      this.#ended();
      return errorOf(refusal, { pool: this.#options.name, asked: ticket.asked, clock: this.#options.clock });
    },
  };
  readonly #waiting = new Ring<PoolTicket>();
  /** Tickets that wait or have a seat. */
  #present = 0;
  #phase: 'running' | 'draining' | 'closed' = 'running';
  #cancelClosing: () => void = () => {};
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#desk = options.desk;
    this.#settings = options.settings;
  }

  ticket(fields: TicketFields): Ticket {
    const timeoutMs = this.#settings.queueTimeoutMs[fields.level] ?? 0;
    return new PoolTicket(fields, Math.min(timeoutMs, fields.maxWaitMs ?? timeoutMs), this.#office);
  }

  /**
   * Runs `work` as soon as there is a seat: in this tick if one is free and nothing waits. Rejects with an error of
   * gateway/pool/refusal.ts, or as `work` does.
   */
  run<T>(ticket: Ticket, work: () => Promise<T | typeof putBack>): Promise<T> {
    if (!(ticket instanceof PoolTicket) || ticket.office !== this.#office || ticket.state !== 'new')
      throw new Error('a ticket runs once, in its own pool');
    this.#enter(ticket);
    if (ticket.error !== null) return Promise.reject(ticket.error);
    return ticket.isWaiting ? this.#waitAndHold(ticket, work) : this.#hold(ticket, work);
  }

  /** Tickets that come from now on wait by these settings. */
  configure(settings: WaitSettings): void {
    this.#settings = settings;
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
    const waiting = [...this.#waiting];
    if (waiting.length > 0) this.#desk.leave(waiting, shuttingDown);
    this.#tellIdle();
  }

  /** Resolves as soon as none of its tickets has a seat or waits. */
  idle(): Promise<void> {
    this.#idle ??= Promise.withResolvers();
    const { promise } = this.#idle;
    this.#tellIdle();
    return promise;
  }

  #enter(ticket: PoolTicket): void {
    ticket.enter();
    this.#present++;
    if (this.#desk.mayFallSilent)
      ticket.net = new Net(this.#options.clock, ticket.timeoutMs, () => this.#overdue(ticket));
    if (ticket.isLeft) this.#desk.leave([ticket], clientLeft);
    else if (this.#phase !== 'running') this.#desk.leave([ticket], shuttingDown);
    else this.#desk.enter(ticket);
    if (ticket.isWaiting) this.#waitFor(ticket);
  }

  async #waitAndHold<T>(ticket: PoolTicket, work: () => Promise<T | typeof putBack>): Promise<T> {
    await ticket.granted();
    return this.#hold(ticket, work);
  }

  async #hold<T>(ticket: PoolTicket, work: () => Promise<T | typeof putBack>): Promise<T> {
    // The client may have left between the hand-off and now; the seat is free again already.
    if (ticket.error !== null) throw ticket.error;
    let how: 'served' | 'failed' = 'failed';
    try {
      ticket.state = 'running';
      this.#desk.begin(ticket);
      const answer = await work();
      if (answer !== putBack) {
        if (ticket.busy === 'no') how = 'served';
        return answer;
      }
      this.#putBack(ticket);
    } finally {
      if (ticket.state === 'running') this.#release(ticket, how);
    }
    return this.#waitAndHold(ticket, work);
  }

  /** See Ticket. The only place that decides whether a request is put back. */
  #upstreamBusy(ticket: PoolTicket, status: number, retryAfterMs: number | null): boolean {
    if (ticket.state !== 'running') return false;
    const isInTime = this.#desk.upstreamBusy(ticket, status, retryAfterMs);
    const mayBePutBack = isInTime && ticket.attempt < mostAttempts && !ticket.isLeft && this.#phase === 'running';
    ticket.busy = mayBePutBack ? 'may be put back' : 'told the client';
    return mayBePutBack;
  }

  #release(ticket: PoolTicket, how: 'served' | 'failed'): void {
    ticket.state = 'ended';
    this.#desk.finish(ticket, { how, spent: ticket.spent });
    this.#ended();
  }

  #putBack(ticket: PoolTicket): void {
    if (ticket.busy !== 'may be put back') throw new Error('upstreamBusy() has not allowed to put this request back');
    ticket.putBack();
    this.#desk.finish(ticket, isPutBack);
    if (ticket.isLeft) this.#left(ticket);
    else if (this.#phase === 'closed') this.#desk.leave([ticket], shuttingDown);
    if (ticket.isWaiting) this.#waitFor(ticket);
  }

  #left(ticket: PoolTicket): void {
    if (ticket.state === 'waiting' || ticket.state === 'seated') this.#desk.leave([ticket], clientLeft);
  }

  #overdue(ticket: PoolTicket): void {
    const { random = Math.random } = this.#options;
    const { timeoutMs } = ticket;
    this.#desk.leave([ticket], { code: 'timed_out', timeoutMs, retryAfterSec: retryAfterSec(null, random()) });
  }

  #waitFor(ticket: PoolTicket): void {
    ticket.amongWaiting ??= new Ring(ticket);
    this.#waiting.append(ticket.amongWaiting);
    ticket.net?.cast();
  }

  #waitedFor(ticket: PoolTicket): void {
    ticket.amongWaiting?.leave();
    ticket.net?.lift();
  }

  #ended(): void {
    this.#present--;
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#present > 0) return;
    if (this.#phase === 'draining') this.#cancelClosing();
    this.#idle?.resolve();
    this.#idle = null;
  }
}
