/**
 * The desk of one pool whose seats another gateway grants. What is said here reaches it, or nobody conducts: then requests
 * wait until one does, or their time is over.
 */
import type { Clock } from '../../domain/clock.ts';
import type { Spent } from '../../domain/usage.ts';
import type { Upward } from '../../fleet/messages/messages.ts';
import { mostTicketsAtOnce } from '../../fleet/messages/upward.ts';
import type { Adopted, Desk, Outlook, SeatEnd } from '../pool/desk.ts';
import { retryAfterSec } from '../pool/drain-rate.ts';
import type { Guest, Wait } from '../pool/guest.ts';
import type { Refusal } from '../pool/refusal.ts';
import { closedUntil, scopeOf } from '../pool/upstream-word.ts';
import { type ClosuresWord, KnownClosures } from './known-closures.ts';
import { OwnQueue, type QueueBounds } from './own-queue.ts';
import type { OwnTicket, OwnTickets, TicketOwner } from './own-tickets.ts';
import { saidAsked, saidAvoid, saidEndpoint, saidSpent, sound } from './words.ts';

export interface RemoteDeskParts {
  /** The number of the pool. */
  readonly pool: number;
  readonly tickets: OwnTickets;
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether the guest's tenant has limits of its own. */
  readonly limits: (guest: Guest) => boolean;
  /** The endpoints of a provider that this gateway sees up. */
  readonly endpointsOf: (provider: string) => readonly string[];
}

const atOnce: Wait = { wasQueued: false, waitMs: 0, position: 1 };
/** Position and wait are the conductor's to know. */
const unknown: Wait = { wasQueued: true, waitMs: 0, position: 1 };

export class RemoteDesk implements Desk, TicketOwner {
  readonly mayFallSilent = true;
  readonly #parts: RemoteDeskParts;
  /** The requests that ran on while this gateway was isolated: the conductor has given their seats to others. */
  readonly #kept = new WeakSet<Guest>();
  readonly #closures: KnownClosures;
  readonly #queue: OwnQueue;
  /** Seats that came back while nobody conducted. */
  #freed = 0;

  constructor(parts: RemoteDeskParts, bounds: QueueBounds) {
    this.#parts = parts;
    this.#closures = new KnownClosures(parts.clock, parts.endpointsOf);
    this.#queue = new OwnQueue(bounds);
  }

  configure(bounds: QueueBounds): void {
    this.#queue.configure(bounds);
  }

  // ---- what dispatchers say

  enter(guest: Guest): void {
    if (this.#of(guest) !== null) return;
    const ticket = this.#add({ guest, ageMs: 0, wait: unknown, charged: null });
    const { number, attempt, pool } = ticket;
    const isHeard = this.#say({
      t: 'enter',
      ticket: number,
      attempt,
      pool,
      asked: saidAsked(guest.asked, guest.timeoutMs),
      ...saidAvoid(guest),
    });
    if (isHeard || !this.#queue.isOverfull) {
      guest.queued(unknown);
      return;
    }
    this.#remove(ticket);
    guest.refused({ code: 'pool_full', ...this.#queue.bounds, retryAfterSec: this.#retryAfterSec() }, atOnce);
  }

  leave(guests: Iterable<Guest>, refusal: Refusal): void {
    for (const guest of guests) {
      const ticket = this.#of(guest);
      if (ticket === null) {
        guest.refused(refusal, atOnce);
        continue;
      }
      const { number, attempt, isSeated } = ticket;
      this.#remove(ticket);
      guest.refused(refusal, this.#waitOf(ticket));
      if (isSeated) this.#giveBack(ticket, { how: 'unused' });
      else this.#say({ t: 'leave', ticket: number, attempt, code: refusal.code });
    }
  }

  release(guests: Iterable<Guest>): void {
    for (const guest of guests) {
      const ticket = this.#of(guest);
      if (ticket === null) continue;
      const { number, attempt, isSeated } = ticket;
      this.#remove(ticket);
      if (isSeated) this.#giveBack(ticket, { how: 'unused' });
      else this.#say({ t: 'leave', ticket: number, attempt, code: 'client_left' });
    }
  }

  /** Only the conductor could say, and not at once. */
  outlook(guest: Guest): Outlook {
    const isClosed = this.#closures.isClosed(guest.asked);
    return { startsAtOnce: null, predictedMs: null, isClosed, isHeldByTenant: this.#parts.limits(guest) };
  }

  lend(): () => void {
    return () => {};
  }

  /** Its seat was begun when it was sent. */
  begin(): void {}

  progress(guest: Guest, spent: Spent): void {
    const ticket = this.#of(guest);
    if (ticket?.isSeated === true) this.#parts.tickets.progressed(ticket, spent);
  }

  finish(guest: Guest, end: SeatEnd): void {
    const ticket = this.#of(guest);
    if (ticket?.isSeated !== true) {
      if (ticket === null && end.how === 'put_back')
        guest.refused({ code: 'not_put_back', retryAfterSec: this.#retryAfterSec() }, unknown);
      return;
    }
    this.#giveBack(ticket, end);
    if (end.how === 'put_back') this.#putBack(ticket);
    else this.#remove(ticket);
  }

  upstreamBusy(guest: Guest, status: number, retryAfterMs: number | null): boolean {
    const ticket = this.#of(guest);
    if (ticket === null) return false;
    const { number, attempt, enteredAt } = ticket;
    const told = retryAfterMs === null ? null : sound(retryAfterMs);
    this.#say({ t: 'busy', ticket: number, attempt, status, retryAfterMs: told });
    const until = closedUntil(retryAfterMs, this.#parts.clock.now());
    return (
      until !== null && this.#closures.openAt(seated(ticket), scopeOf(status), until) <= enteredAt + guest.timeoutMs
    );
  }

  upstreamAnswered(guest: Guest, status: number): boolean {
    const ticket = this.#of(guest);
    if (ticket !== null && this.#closures.isAwaited(seated(ticket)))
      this.#say({ t: 'answered', ticket: ticket.number, attempt: ticket.attempt, status });
    return false;
  }

  // ---- what the conductor says

  seated(ticket: OwnTicket, wait: Wait): void {
    this.#notWaiting(ticket);
    Object.assign(ticket, { isSeated: true, wait, closuresHeard: this.#closures.heard });
    ticket.guest.seated(wait);
  }

  hearClosures(word: ClosuresWord): void {
    this.#closures.hear(word);
  }

  refused(ticket: OwnTicket, refusal: Refusal, wait: Wait): void {
    this.#remove(ticket);
    ticket.guest.refused(refusal, wait);
  }

  // ---- what a hello tells

  *words(): Iterable<Upward> {
    const now = this.#parts.clock.now();
    this.#closures.forget();
    const all = this.#all();
    const held = this.#seated().map(ticket => ({
      ...this.#word(ticket, now),
      charged: saidSpent(ticket.charged),
      ...saidEndpoint(ticket.wait),
    }));
    const waiting = all
      .filter(({ isSeated }) => !isSeated)
      .map(ticket => ({ ...this.#word(ticket, now), ...saidAvoid(ticket.guest) }));
    for (const tickets of parted(held)) yield { t: 'held', tickets };
    for (const tickets of parted(waiting)) yield { t: 'waiting', tickets };
  }

  /** Seats that are held, and those that came back while nobody conducted: these are told once. */
  brings(): number {
    let seats = this.#freed;
    this.#freed = 0;
    for (const { guest } of this.#seated()) if (!this.#kept.has(guest)) seats++;
    return seats;
  }

  // ---- changes of who conducts

  /** These have a seat while this gateway is isolated; they run on. */
  keep(guests: Iterable<Guest>): void {
    this.#freed = 0;
    for (const guest of guests) this.#kept.add(guest);
  }

  keepAll(): void {
    this.keep(this.#seated().map(({ guest }) => guest));
  }

  get seats(): number {
    return this.#seated().length;
  }

  takeOver(adopted: Iterable<Adopted>): void {
    for (const one of adopted) this.#add(one);
  }

  /** All that wait or have a seat, as another desk may adopt them; none is left here. */
  handOver(): Adopted[] {
    const now = this.#parts.clock.now();
    const tickets = this.#all();
    const all = tickets.map(ticket => ({
      guest: ticket.guest,
      ageMs: now - ticket.enteredAt,
      wait: this.#waitOf(ticket),
      charged: ticket.isSeated ? ticket.charged : null,
    }));
    for (const ticket of tickets) this.#remove(ticket);
    this.#freed = 0;
    return all;
  }

  // ---- one ticket

  #of(guest: Guest): OwnTicket | null {
    return this.#parts.tickets.of(guest);
  }

  #all(): OwnTicket[] {
    return this.#parts.tickets.owned(this);
  }

  #seated(): OwnTicket[] {
    return this.#all().filter(({ isSeated }) => isSeated);
  }

  #add({ guest, ageMs, wait, charged }: Adopted): OwnTicket {
    const { pool, tickets, clock } = this.#parts;
    const now = clock.now();
    const ticket = tickets.add({
      guest,
      pool,
      enteredAt: now - ageMs,
      attempt: guest.attempt,
      isSeated: charged !== null,
      wait,
      waitingSince: now,
      charged: charged ?? guest.asked,
      closuresHeard: this.#closures.heard,
      owner: this,
    });
    if (!ticket.isSeated) this.#queue.entered(guest.asked);
    return ticket;
  }

  #remove(ticket: OwnTicket): void {
    this.#notWaiting(ticket);
    this.#parts.tickets.remove(ticket);
  }

  #notWaiting({ guest, isSeated }: OwnTicket): void {
    if (!isSeated) this.#queue.left(guest.asked);
  }

  #putBack(ticket: OwnTicket): void {
    const { guest } = ticket;
    const wait = { ...ticket.wait, wasQueued: true };
    const waitingSince = this.#parts.clock.now();
    Object.assign(ticket, { attempt: guest.attempt, isSeated: false, wait, waitingSince, charged: guest.asked });
    this.#queue.entered(guest.asked);
  }

  #giveBack({ number, attempt, guest }: OwnTicket, end: SeatEnd): void {
    const told = 'spent' in end ? { how: end.how, spent: saidSpent(end.spent) } : end;
    const avoid = end.how === 'put_back' ? saidAvoid(guest) : {};
    const isHeard = this.#say({ t: 'finish', ticket: number, attempt, end: { ...told, ...avoid } });
    if (!isHeard && !this.#kept.has(guest)) this.#freed++;
    this.#kept.delete(guest);
  }

  #waitOf({ isSeated, wait, waitingSince }: OwnTicket): Wait {
    if (isSeated) return wait;
    return { ...wait, waitMs: wait.waitMs + this.#parts.clock.now() - waitingSince };
  }

  #word(ticket: OwnTicket, now: number) {
    const { number, attempt, pool, guest, enteredAt } = ticket;
    const { waitMs, position } = this.#waitOf(ticket);
    const asked = saidAsked(guest.asked, guest.timeoutMs);
    return { ticket: number, attempt, pool, asked, ageMs: sound(now - enteredAt), waitedMs: sound(waitMs), position };
  }

  #say(message: Upward): boolean {
    return this.#parts.tickets.say(message);
  }

  #retryAfterSec(): number {
    return retryAfterSec(null, this.#parts.random());
  }
}

const seated = ({ guest: { asked }, wait: { endpoint = null }, closuresHeard }: OwnTicket) => ({
  asked,
  endpoint,
  closuresHeard,
});

function* parted<T>(all: readonly T[]): Iterable<T[]> {
  for (let from = 0; from < all.length; from += mostTicketsAtOnce) yield all.slice(from, from + mostTicketsAtOnce);
}
