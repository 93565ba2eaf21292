/**
 * One per pool: turns what its desk says into promises.
 *
 *   run(ticket, work) ──► desk ──► seat: work() runs ──► seat comes back, also of work that goes on elsewhere
 *                           │ ▲              │
 *                           │ └── put back ──┘  (its upstream is busy: once; or it waits for another endpoint)
 *                           ├─► moved away to another pool
 *                           └─► refused, or the client left
 *
 * The seat is a scope: it is held until the promise of `work` has settled, so neither an error nor an abort can leak it.
 */
import type { PoolSettings } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import { Ring } from '../../domain/structures/ring.ts';
import type { Spent } from '../../domain/usage.ts';
import { RetryBudget } from '../route/retry-budget.ts';
import type { Desk, Outlook, SeatEnd } from './desk.ts';
import { retryAfterSec } from './drain-rate.ts';
import { Net } from './net.ts';
import { Overflow } from './overflow.ts';
import { PoolTicket, type TicketOffice } from './pool-ticket.ts';
import { errorOf, type Refusal } from './refusal.ts';
import { movedOn, putBack, type Ticket, type TicketFields } from './ticket.ts';

type WaitSettings = Pick<PoolSettings, 'queueTimeoutMs' | 'queueDrainMs'>;

export interface DispatcherOptions {
  readonly name: string;
  readonly desk: Desk;
  readonly settings: WaitSettings;
  readonly clock: Clock;
  /** 0 ≤ x < 1; spreads Retry-After. */
  readonly random?: () => number;
}

const clientLeft: Refusal = { code: 'client_left' };
const shuttingDown: Refusal = { code: 'shutting_down', retryAfterSec: 1 };
const isPutBack: SeatEnd = { how: 'put_back' };
const nothing: Spent = { cost: 0, tokens: 0 };

type Work<T> = () => Promise<T | typeof putBack | typeof movedOn>;

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
    avoidEndpoint: ticket => this.#avoidEndpoint(ticket),
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
  /** Of the requests whose route begins here. */
  readonly retries = new RetryBudget();
  /** The requests that wait in other pools and may come here. */
  readonly overflow: Overflow;
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
    this.overflow = new Overflow(options.clock);
  }

  get name(): string {
    return this.#options.name;
  }

  /** Whether it takes new requests. */
  get isOpen(): boolean {
    return this.#phase === 'running';
  }

  ticket(fields: TicketFields): Ticket {
    const timeoutMs = this.#settings.queueTimeoutMs[fields.level] ?? 0;
    return new PoolTicket(fields, Math.min(timeoutMs, fields.maxWaitMs ?? timeoutMs), this.#office);
  }

  /**
   * Runs `work` as soon as there is a seat: in this tick if one is free and nothing waits. Rejects with an error of
   * gateway/pool/refusal.ts, or as `work` does. Resolves with `movedOn` for a ticket that is moved away, or whose work
   * goes on elsewhere.
   */
  run<T>(ticket: Ticket, work: Work<T>): Promise<T | typeof movedOn> {
    const own = this.#own(ticket);
    if (own.isRun) throw new Error('a ticket runs once');
    own.isRun = true;
    if (own.state === 'new') this.#enter(own);
    return this.#run(own, work);
  }

  /** Enters ahead of `run`, which has to follow. */
  enter(ticket: Ticket): void {
    const own = this.#own(ticket);
    if (own.state === 'new') this.#enter(own);
  }

  /** What the ticket's request would find here if it came now. */
  outlook(ticket: Ticket): Outlook {
    return this.#desk.outlook(this.#own(ticket));
  }

  /** See Desk. */
  lend(ticket: Ticket): (spentTokens: number | null) => void {
    return this.#desk.lend(this.#own(ticket));
  }

  /** A ticket that waits for its first seat gives its place up for one in another pool. */
  moveAway(ticket: Ticket): void {
    const own = this.#own(ticket);
    if (!own.isWaiting) return;
    this.#waitedFor(own);
    this.#desk.release([own]);
    own.moved();
    this.#ended();
  }

  #own(ticket: Ticket): PoolTicket {
    if (!(ticket instanceof PoolTicket) || ticket.office !== this.#office)
      throw new Error('a ticket is of its own pool only');
    return ticket;
  }

  #run<T>(ticket: PoolTicket, work: Work<T>): Promise<T | typeof movedOn> {
    if (ticket.error !== null) return Promise.reject(ticket.error);
    return ticket.isWaiting ? this.#waitAndHold(ticket, work) : this.#hold(ticket, work);
  }

  /** Tickets that come from now on wait by these settings. */
  configure(settings: WaitSettings): void {
    this.#settings = settings;
  }

  /** No endpoint of the provider takes requests any more: what waits for one may go to another target. */
  targetDown(provider: string): void {
    for (const ticket of [...this.#waiting]) if (ticket.asked.provider === provider) ticket.onTargetDown();
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
    this.overflow.close();
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

  async #waitAndHold<T>(ticket: PoolTicket, work: Work<T>): Promise<T | typeof movedOn> {
    await ticket.granted();
    if (ticket.isMoved) return movedOn;
    return this.#hold(ticket, work);
  }

  async #hold<T>(ticket: PoolTicket, work: Work<T>): Promise<T | typeof movedOn> {
    // The client may have left between the hand-off and now; the seat is free again already.
    if (ticket.error !== null) throw ticket.error;
    let how: 'served' | 'failed' = 'failed';
    try {
      ticket.state = 'running';
      this.#desk.begin(ticket);
      const answer = await work();
      if (answer === movedOn) ticket.settle(nothing);
      if (answer !== putBack) {
        if (ticket.failing === 'no') how = 'served';
        return answer;
      }
      this.#putBack(ticket);
    } finally {
      if (ticket.state === 'running') this.#release(ticket, how);
    }
    return this.#waitAndHold(ticket, work);
  }

  /** See Ticket; like the next, it decides whether a request may be put back. */
  #upstreamBusy(ticket: PoolTicket, status: number, retryAfterMs: number | null): boolean {
    if (ticket.state !== 'running') return false;
    const isInTime = this.#desk.upstreamBusy(ticket, status, retryAfterMs);
    const mayWait = isInTime && !ticket.hasWaitedForRoom && this.#mayComeAgain(ticket);
    ticket.failing = mayWait ? 'may wait for room' : 'told the client';
    return mayWait;
  }

  #avoidEndpoint(ticket: PoolTicket): boolean {
    if (!this.#mayComeAgain(ticket)) return false;
    ticket.failing = 'may go elsewhere';
    return true;
  }

  #mayComeAgain({ state, isLeft }: PoolTicket): boolean {
    return state === 'running' && !isLeft && this.isOpen;
  }

  #release(ticket: PoolTicket, how: 'served' | 'failed'): void {
    ticket.state = 'ended';
    this.#desk.finish(ticket, { how, spent: ticket.spent });
    this.overflow.offer();
    this.#ended();
  }

  #putBack(ticket: PoolTicket): void {
    const { failing } = ticket;
    if (failing !== 'may wait for room' && failing !== 'may go elsewhere')
      throw new Error('its ticket has not allowed to put this request back');
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
