import { Ring } from '../../domain/structures/ring.ts';
import type { Spent } from '../../domain/usage.ts';
import { Place } from '../../scheduler/scheduler.ts';
import type { Ticket, TicketFields } from './ticket.ts';

/** The messages of a ticket to its dispatcher. */
export interface TicketOffice {
  left(ticket: PoolTicket): void;
  progressed(ticket: PoolTicket, spent: Spent): void;
  upstreamBusy(ticket: PoolTicket, status: number, retryAfterMs: number | null): boolean;
  upstreamAnswered(ticket: PoolTicket, status: number): void;
}

/**
 * new → waiting → seated → running → ended; from `new` straight to `seated` if nothing waits, and once from `running`
 * back to `waiting` when its upstream is busy and it is put back.
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
  /** The reason why it gets no seat. */
  refusal: Error | null = null;
  isLeft = false;
  /** 2 after it was put back. */
  attempt = 1;
  /** Whether the upstream had no room for it in this attempt, and the fate of that answer. */
  busy: 'no' | 'told the client' | 'may be put back' = 'no';
  /** The office of its dispatcher. */
  readonly office: TicketOffice;
  #waitingSince = 0;
  #resolve: () => void = nothing;
  #reject: (reason: Error) => void = nothing;

  constructor(fields: TicketFields, timeoutMs: number, office: TicketOffice) {
    this.place = new Place(this, fields, timeoutMs);
    this.requestId = fields.requestId;
    this.spent = fields;
    this.office = office;
  }

  get isGranted(): boolean {
    return this.state === 'running' || (this.state === 'ended' && this.refusal === null);
  }

  leave(): void {
    this.isLeft = true;
    this.office.left(this);
  }

  progress(spent: Spent): void {
    this.office.progressed(this, spent);
  }

  upstreamBusy(status: number, retryAfterMs: number | null): boolean {
    return this.office.upstreamBusy(this, status, retryAfterMs);
  }

  upstreamAnswered(status: number): void {
    this.office.upstreamAnswered(this, status);
  }

  settle(spent: Spent): void {
    this.spent = spent;
  }

  /** Resolves when it gets its seat; rejects with the refusal. */
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
    this.attempt++;
    this.busy = 'no';
  }

  /** All its time in the queue, until now if it waits. */
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
