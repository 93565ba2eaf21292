/**
 * The tickets of this gateway that another one grants seats to, of all pools: their numbers, and what is said of them. Each
 * hello tells of all of them, so what is said while nobody hears it is not lost.
 */
import type { Clock } from '../../domain/clock.ts';
import { SparseMap } from '../../domain/structures/sparse-map.ts';
import type { Spent } from '../../domain/usage.ts';
import type { TicketWord } from '../../fleet/member.ts';
import type { Upward } from '../../fleet/messages/messages.ts';
import type { Guest, Wait } from '../pool/guest.ts';
import type { Refusal } from '../pool/refusal.ts';
import { heardRefusal, heardWait, saidSpent } from './words.ts';

/** Progress of several streams leaves together. */
const progressEveryMs = 100;
const mostProgressAtOnce = 10_000;

/** One ticket, as its gateway knows it. */
export interface OwnTicket {
  readonly number: number;
  readonly guest: Guest;
  /** The number of its pool. */
  readonly pool: number;
  readonly enteredAt: number;
  attempt: number;
  isSeated: boolean;
  /** Up to `waitingSince`. */
  wait: Wait;
  waitingSince: number;
  charged: Spent;
  /** How many words about closures had come when it got its seat. */
  closuresHeard: number;
  /** Its progress is to be told. */
  hasProgressed: boolean;
  readonly owner: TicketOwner;
}

export interface TicketOwner {
  seated(ticket: OwnTicket, wait: Wait): void;
  refused(ticket: OwnTicket, refusal: Refusal, wait: Wait): void;
}

export interface Conductor {
  /** False: nobody hears it. */
  say(message: Upward): boolean;
  /** Whether a seat may be used at this moment. */
  mayStart(): boolean;
  seatedTooLate(): void;
}

/** As long as this process is in no fleet. */
const nobody: Conductor = { say: () => false, mayStart: () => false, seatedTooLate: () => {} };

export class OwnTickets {
  readonly #clock: Clock;
  readonly #byNumber = new SparseMap<number, OwnTicket | null>(null);
  #progressed: OwnTicket[] = [];
  #conductor = nobody;
  #last = 0;
  #cancelTelling: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  joined(conductor: Conductor): void {
    this.#conductor = conductor;
  }

  say(message: Upward): boolean {
    return this.#conductor.say(message);
  }

  add(fields: Omit<OwnTicket, 'number' | 'hasProgressed'>): OwnTicket {
    const ticket = { ...fields, number: ++this.#last, hasProgressed: false };
    this.#byNumber.set(ticket.number, ticket);
    ticket.guest.elsewhere = ticket.number;
    return ticket;
  }

  remove(ticket: OwnTicket): void {
    this.#byNumber.delete(ticket.number);
    ticket.guest.elsewhere = null;
  }

  /** Returns null for a guest who has none. */
  of({ elsewhere }: Guest): OwnTicket | null {
    return elsewhere === null ? null : this.#byNumber.get(elsewhere);
  }

  /** The tickets of one pool, the earliest first. */
  owned(owner: TicketOwner): OwnTicket[] {
    return [...this.#byNumber.entries()].flatMap(([, ticket]) => (ticket?.owner === owner ? [ticket] : []));
  }

  /** Never lowered. */
  progressed(ticket: OwnTicket, { cost, tokens }: Spent): void {
    const { charged } = ticket;
    ticket.charged = { cost: Math.max(charged.cost, cost), tokens: Math.max(charged.tokens, tokens) };
    if (!ticket.hasProgressed) this.#progressed.push(ticket);
    ticket.hasProgressed = true;
    this.#cancelTelling ??= this.#clock.after(progressEveryMs, () => this.#tellProgress());
  }

  heard(message: Extract<TicketWord, { readonly t: 'seat' | 'refuse' }>): void {
    const ticket = this.#byNumber.get(message.ticket);
    const isCurrent = ticket?.attempt === message.attempt;
    if (message.t === 'refuse') {
      if (ticket === null || !isCurrent || ticket.isSeated) return;
      ticket.owner.refused(ticket, heardRefusal(message.refusal, ticket.guest.timeoutMs), heardWait(message));
      return;
    }
    // The same seat, told twice.
    if (isCurrent && ticket?.isSeated === true) return;
    if (ticket === null || !isCurrent) this.#giveBack(message);
    else if (this.#conductor.mayStart()) ticket.owner.seated(ticket, heardWait(message));
    else this.#conductor.seatedTooLate();
  }

  /** Its ticket was over when it came. */
  #giveBack({ ticket, attempt }: { readonly ticket: number; readonly attempt: number }): void {
    this.say({ t: 'finish', ticket, attempt, end: { how: 'unused' } });
  }

  #tellProgress(): void {
    this.#cancelTelling = null;
    const told: [number, number, number, number][] = [];
    for (const ticket of this.#progressed) {
      ticket.hasProgressed = false;
      const { number, attempt, isSeated } = ticket;
      const { cost, tokens } = saidSpent(ticket.charged);
      if (isSeated && this.#byNumber.get(number) === ticket) told.push([number, attempt, cost, tokens]);
    }
    this.#progressed = [];
    for (let from = 0; from < told.length; from += mostProgressAtOnce)
      this.say({ t: 'progress', spent: told.slice(from, from + mostProgressAtOnce) });
  }
}
