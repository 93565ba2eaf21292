/** Stands at a pool's desk for a ticket of another gateway, which is told what becomes of it. */
import type { Downward } from '../../fleet/messages/messages.ts';
import type { Asked, Guest, Stay, Wait } from '../pool/guest.ts';
import type { PoolDesk } from '../pool/pool-desk.ts';
import type { Refusal } from '../pool/refusal.ts';
import type { Account, Credit } from './credit.ts';
import { saidRefusal, saidSeat, saidWait } from './words.ts';

export interface Sender {
  tell(message: Downward): void;
  /** See credit.ts. */
  readonly credit: Pick<Credit, 'of' | 'covers' | 'take'>;
  /** The name of the gateway that is told. */
  readonly gateway: string;
  /** The endpoints that this gateway alone cannot reach. */
  unreached(desk: PoolDesk, provider: string): readonly string[];
  /** It is given a seat at an endpoint. */
  tries(guest: RemoteGuest, endpoint: string): void;
  /** It neither waits nor has a seat any more. */
  over(guest: RemoteGuest): void;
}

export interface RemoteTicket {
  readonly ticket: number;
  readonly attempt: number;
  readonly asked: Asked;
  readonly timeoutMs: number;
  readonly avoid: readonly string[];
}

export class RemoteGuest implements Guest {
  readonly desk: PoolDesk;
  readonly ticket: number;
  readonly asked: Asked;
  readonly timeoutMs: number;
  attempt: number;
  stay: Stay | null = null;
  elsewhere: number | null = null;
  /** The endpoints that have failed for it. */
  failedAt: readonly string[];
  /** Its gateway has given it up, and need not be told of its end. */
  isLeaving = false;
  readonly #sender: Sender;
  readonly #account: Account;

  constructor({ ticket, attempt, asked, timeoutMs, avoid }: RemoteTicket, desk: PoolDesk, sender: Sender) {
    this.ticket = ticket;
    this.attempt = attempt;
    this.asked = asked;
    this.timeoutMs = timeoutMs;
    this.failedAt = avoid;
    this.desk = desk;
    this.#sender = sender;
    this.#account = sender.credit.of(desk);
  }

  /** Those, and what its gateway cannot reach. */
  get avoid(): readonly string[] {
    const unreached = this.#sender.unreached(this.desk, this.asked.provider);
    return unreached.length === 0 ? this.failedAt : [...new Set([...this.failedAt, ...unreached])];
  }

  get gateway(): string {
    return this.#sender.gateway;
  }

  /** It has a seat, or one is on its way to it. */
  get isSeated(): boolean {
    return this.stay?.state === 'running';
  }

  mayBeSeated(seats: number): boolean {
    return this.#sender.credit.covers(this.#account, seats);
  }

  /** Its wait is told with its end. */
  queued(): void {}

  seated(wait: Wait): void {
    this.desk.begin(this);
    this.#sender.credit.take(this.#account);
    const { ticket, attempt } = this;
    if (typeof wait.endpoint === 'string') this.#sender.tries(this, wait.endpoint);
    this.#sender.tell({ t: 'seat', ticket, attempt, ...saidSeat(wait) });
  }

  refused(refusal: Refusal, wait: Wait): void {
    this.#sender.over(this);
    if (this.isLeaving) return;
    const { ticket, attempt } = this;
    this.#sender.tell({ t: 'refuse', ticket, attempt, ...saidWait(wait), refusal: saidRefusal(refusal) });
  }
}
