import type { Ring } from '../../domain/structures/ring.ts';
import type { Spent } from '../../domain/usage.ts';
import type { AffinityResult } from '../../domain/warmth.ts';
import type { Asked, Guest, Stay, Wait } from './guest.ts';
import type { Net } from './net.ts';
import type { Refusal } from './refusal.ts';
import type { Ticket } from './ticket.ts';

/** The messages of a ticket to its dispatcher. */
export interface TicketOffice {
  left(ticket: PoolTicket): void;
  progressed(ticket: PoolTicket, spent: Spent): void;
  upstreamBusy(ticket: PoolTicket, status: number, retryAfterMs: number | null): boolean;
  avoidEndpoint(ticket: PoolTicket): boolean;
  upstreamAnswered(ticket: PoolTicket, status: number): void;
  /** One of those that wait has its seat. */
  seated(ticket: PoolTicket): void;
  /** Returns what its client is told. */
  refused(ticket: PoolTicket, refusal: Refusal): Error;
}

const atOnce: Wait = { wasQueued: false, waitMs: 0, position: 1 };

/**
 * new → waiting → seated → running → ended; from `running` back to `waiting` when its call has failed and it is put back;
 * from `waiting` to `ended` when it moves to another pool. What its desk says of a ticket that does not wait for it is of
 * no use any more.
 */
export class PoolTicket implements Ticket, Guest {
  readonly asked: Asked;
  readonly timeoutMs: number;
  stay: Stay | null = null;
  elsewhere: number | null = null;
  state: 'new' | 'waiting' | 'seated' | 'running' | 'ended' = 'new';
  spent: Spent;
  /** The reason why it gets no seat. */
  error: Error | null = null;
  isLeft = false;
  /** Its dispatcher has been given its work. */
  isRun = false;
  attempt = 1;
  /** Whether its call failed in this attempt, before its client was told anything, and what may be done about it. */
  failing: 'no' | 'told the client' | 'may wait for room' | 'may go elsewhere' = 'no';
  /** It has waited for a busy upstream; it does so once. */
  hasWaitedForRoom = false;
  /** It waits no more, as it goes on in another pool. */
  isMoved = false;
  /** Endpoints where it has failed. */
  avoid: readonly string[] = [];
  /** The office of its dispatcher. */
  readonly office: TicketOffice;
  /** Its place among those of its dispatcher that wait; null if it never had to. */
  amongWaiting: Ring<PoolTicket> | null = null;
  net: Net | null = null;
  onTargetDown: () => void = nothing;
  #wait = atOnce;
  #resolve: () => void = nothing;
  #reject: (reason: Error) => void = nothing;

  constructor(asked: Asked, timeoutMs: number, office: TicketOffice) {
    this.asked = asked;
    this.timeoutMs = timeoutMs;
    this.spent = asked;
    this.office = office;
  }

  get isGranted(): boolean {
    return this.state === 'running' || (this.state === 'ended' && this.error === null);
  }

  get isWaiting(): boolean {
    return this.state === 'waiting';
  }

  get wasQueued(): boolean {
    return this.#wait.wasQueued;
  }

  get waitMs(): number {
    return this.#wait.waitMs;
  }

  get position(): number {
    return this.#wait.position;
  }

  get endpoint(): string | null {
    return this.#wait.endpoint ?? null;
  }

  get affinity(): AffinityResult | null {
    return this.#wait.affinity ?? null;
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

  avoidEndpoint(): boolean {
    return this.office.avoidEndpoint(this);
  }

  upstreamAnswered(status: number): void {
    this.office.upstreamAnswered(this, status);
  }

  settle(spent: Spent): void {
    this.spent = spent;
  }

  /** Resolves when it gets its seat; rejects with the reason why it gets none. */
  granted(): Promise<void> {
    if (this.error !== null) return Promise.reject(this.error);
    if (this.state === 'seated') return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  enter(): void {
    this.state = 'waiting';
  }

  putBack(): void {
    this.state = 'waiting';
    this.spent = this.asked;
    this.attempt++;
    if (this.failing === 'may wait for room') this.hasWaitedForRoom = true;
    else if (this.endpoint !== null) this.avoid = [...this.avoid, this.endpoint];
    this.failing = 'no';
  }

  moved(): void {
    this.state = 'ended';
    this.isMoved = true;
    this.#resolve();
  }

  queued(wait: Wait): void {
    this.#wait = wait;
  }

  seated(wait: Wait): void {
    if (this.state !== 'waiting') return;
    this.#wait = wait;
    this.state = 'seated';
    if (this.amongWaiting !== null) this.office.seated(this);
    this.#resolve();
  }

  refused(refusal: Refusal, wait: Wait): void {
    if (this.state !== 'waiting' && this.state !== 'seated') return;
    this.#wait = wait;
    this.state = 'ended';
    this.error = this.office.refused(this, refusal);
    this.#reject(this.error);
  }
}

function nothing(): void {}
