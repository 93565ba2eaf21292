/**
 * The desk of a dispatcher in a fleet: the pool of this process while it conducts, else the conductor's. When that
 * changes, its tickets move.
 */
import type { Clock } from '../../domain/clock.ts';
import type { Spent } from '../../domain/usage.ts';
import type { Upward } from '../../fleet/messages/messages.ts';
import type { Desk, Outlook, SeatEnd } from '../pool/desk.ts';
import type { Guest } from '../pool/guest.ts';
import type { PoolDesk } from '../pool/pool-desk.ts';
import type { Refusal } from '../pool/refusal.ts';
import type { ClosuresWord } from './known-closures.ts';
import type { QueueBounds } from './own-queue.ts';
import type { OwnTickets } from './own-tickets.ts';
import { RemoteDesk } from './remote-desk.ts';
import { RemoteGuest } from './remote-guest.ts';

export interface FleetDeskParts {
  readonly name: string;
  /** The pool's number among those of this gateway. */
  readonly number: number;
  readonly pool: PoolDesk;
  readonly tickets: OwnTickets;
  readonly clock: Clock;
  readonly random: () => number;
  /** The endpoints of a provider that this gateway sees up. */
  readonly endpointsOf: (provider: string) => readonly string[];
  /** What is closed may have changed. */
  readonly onUpstreamWord: () => void;
  /** A request of this gateway goes upstream, on a seat that is granted here. */
  readonly onBegun: (guest: Guest) => void;
}

export class FleetDesk implements Desk {
  readonly mayFallSilent = true;
  readonly name: string;
  readonly pool: PoolDesk;
  readonly #remote: RemoteDesk;
  readonly #onUpstreamWord: () => void;
  readonly #onBegun: (guest: Guest) => void;
  #desk: Desk;
  #brought = 0;

  constructor({ name, number, pool, onUpstreamWord, onBegun, ...parts }: FleetDeskParts, bounds: QueueBounds) {
    this.#onUpstreamWord = onUpstreamWord;
    this.#onBegun = onBegun;
    this.name = name;
    this.pool = pool;
    this.#remote = new RemoteDesk({ pool: number, limits: guest => pool.limits(guest), ...parts }, bounds);
    this.#desk = this.#remote;
    pool.holdBack(0);
  }

  configure(bounds: QueueBounds): void {
    this.#remote.configure(bounds);
  }

  // ---- what dispatchers say

  enter(guest: Guest): void {
    this.#desk.enter(guest);
  }

  leave(guests: Iterable<Guest>, refusal: Refusal): void {
    this.#desk.leave(guests, refusal);
  }

  release(guests: Iterable<Guest>): void {
    this.#desk.release(guests);
  }

  outlook(guest: Guest): Outlook {
    return this.#desk.outlook(guest);
  }

  lend(guest: Guest): (spentTokens: number | null) => void {
    return this.#desk.lend(guest);
  }

  begin(guest: Guest): void {
    this.#desk.begin(guest);
    if (this.#desk === this.pool) this.#onBegun(guest);
  }

  progress(guest: Guest, spent: Spent): void {
    this.#desk.progress(guest, spent);
  }

  finish(guest: Guest, end: SeatEnd): void {
    this.#desk.finish(guest, end);
  }

  upstreamBusy(guest: Guest, status: number, retryAfterMs: number | null): boolean {
    const isInTime = this.#desk.upstreamBusy(guest, status, retryAfterMs);
    this.#onUpstreamWord();
    return isInTime;
  }

  upstreamAnswered(guest: Guest, status: number): boolean {
    const hasChanged = this.#desk.upstreamAnswered(guest, status);
    if (hasChanged) this.#onUpstreamWord();
    return hasChanged;
  }

  // ---- what the conductor says

  hearClosures(word: ClosuresWord): void {
    this.#remote.hearClosures(word);
  }

  // ---- what becomes of the fleet

  /** Grants nothing before `holdBack` says how much. */
  conduct(): void {
    if (this.#desk === this.pool) return;
    this.#brought = this.#remote.brings();
    this.#desk = this.pool;
    this.pool.holdBack(0);
    this.pool.takeOver();
    this.pool.adopt(this.#remote.handOver());
  }

  abdicate(): void {
    if (this.#desk !== this.pool) return;
    this.#desk = this.#remote;
    const all = this.pool.guests();
    this.pool.holdBack(0);
    this.pool.release(all.map(({ guest }) => guest));
    this.#remote.takeOver(all.filter(isOwn));
  }

  isolate(): void {
    if (this.#desk === this.#remote) this.#remote.keepAll();
    else this.#remote.keep(this.#ownSeats());
  }

  /** Seats that this process brings to a reign, its own or another's. */
  brings(): number {
    return this.#desk === this.#remote ? this.#remote.brings() : this.#brought;
  }

  words(): Iterable<Upward> {
    return this.#desk === this.#remote ? this.#remote.words() : [];
  }

  /** Seats that its own requests hold. */
  get seats(): number {
    return this.#desk === this.#remote ? this.#remote.seats : this.#ownSeats().length;
  }

  #ownSeats(): Guest[] {
    const seated = this.pool.guests().filter(one => isOwn(one) && one.charged !== null);
    return seated.map(({ guest }) => guest);
  }
}

const isOwn = ({ guest }: { readonly guest: Guest }): boolean => !(guest instanceof RemoteGuest);
