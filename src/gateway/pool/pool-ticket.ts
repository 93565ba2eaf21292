import { Ring } from '../../domain/ring.ts';
import type { Spent } from '../../domain/usage.ts';
import { Place } from '../../scheduler/scheduler.ts';
import type { Ticket, TicketFields } from './ticket.ts';

/** What a ticket tells its dispatcher. */
export interface TicketOffice {
  left(ticket: PoolTicket): void;
  progressed(ticket: PoolTicket, spent: Spent): void;
}

/**
 * new → waiting → seated → running → ended; from `new` straight to `seated` where nobody waits, and once
 * from `running` back to `waiting` when the upstream has turned it away.
 */
export class PoolTicket implements Ticket {
  readonly place: Place<PoolTicket>;
  readonly requestId: string;
  /** Its place among those that wait or have a seat. */
  readonly amongPresent = new Ring<PoolTicket>(this);
  state: 'new' | 'waiting' | 'seated' | 'running' | 'ended' = 'new';
  waitMs = 0;
  wasQueued = false;
  position = 1;
  spent: Spent;
  /** Why it gets no seat. */
  refusal: Error | null = null;
  isLeft = false;
  wasPutBack = false;
  /** The upstream has turned it away; cleared when it is put back. */
  isTurnedAway = false;
  mayBePutBack = false;
  readonly #office: TicketOffice;
  #waitingSince = 0;
  #resolve: () => void = nothing;
  #reject: (reason: Error) => void = nothing;

  constructor(fields: TicketFields, timeoutMs: number, office: TicketOffice) {
    this.place = new Place(this, fields, timeoutMs);
    this.requestId = fields.requestId;
    this.spent = fields;
    this.#office = office;
  }

  leave(): void {
    this.isLeft = true;
    this.#office.left(this);
  }

  progress(spent: Spent): void {
    this.#office.progressed(this, spent);
  }

  settle(spent: Spent): void {
    this.spent = spent;
  }

  /** Fulfilled when it gets its seat; rejects with the refusal. */
  seated(): Promise<void> {
    if (this.refusal !== null) return Promise.reject(this.refusal);
    if (this.state === 'seated') return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  enter(now: number, position: number): void {
    this.state = 'waiting';
    this.#waitingSince = now;
    this.position = position;
  }

  putBack(now: number): void {
    this.state = 'waiting';
    this.#waitingSince = now;
    this.spent = this.place;
    this.wasQueued = true;
    this.wasPutBack = true;
    this.isTurnedAway = false;
    this.mayBePutBack = false;
  }

  /** All its time in the queue, up to this moment while it waits. */
  waitedMs(now: number): number {
    return this.state === 'waiting' ? this.waitMs + now - this.#waitingSince : this.waitMs;
  }

  seat(now: number): void {
    this.waitMs = this.waitedMs(now);
    this.state = 'seated';
    this.#resolve();
  }

  refuse(reason: Error, now: number): void {
    this.waitMs = this.waitedMs(now);
    this.state = 'ended';
    this.refusal = reason;
    this.#reject(reason);
  }
}

function nothing(): void {}
