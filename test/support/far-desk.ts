/**
 * The desk of a pool in another process, as far as that can be played in one: all that is said goes through JSON, in order,
 * and arrives when the test says so; the pool has a clock of its own.
 */
import assert from 'node:assert/strict';
import type { Clock } from '../../src/domain/clock.ts';
import type { Spent } from '../../src/domain/usage.ts';
import type { Desk, Outlook, SeatEnd } from '../../src/gateway/pool/desk.ts';
import type { Asked, Guest, Stay, Wait } from '../../src/gateway/pool/guest.ts';
import type { PoolDesk } from '../../src/gateway/pool/pool-desk.ts';
import type { Refusal } from '../../src/gateway/pool/refusal.ts';

type Up = { readonly id: number } & (
  | { readonly say: 'enter'; readonly asked: Asked; readonly timeoutMs: number }
  | { readonly say: 'leave'; readonly refusal: Refusal }
  | { readonly say: 'progress'; readonly spent: Spent }
  | { readonly say: 'finish'; readonly end: SeatEnd }
  | { readonly say: 'busy'; readonly status: number; readonly retryAfterMs: number | null }
  | { readonly say: 'answered'; readonly status: number }
);
type Said = { readonly wait: Wait } & (
  | { readonly say: 'seat' }
  | { readonly say: 'refuse'; readonly refusal: Refusal }
);
type Down = { readonly id: number } & Said;

const unknown: Wait = { wasQueued: true, waitMs: 0, position: 1 };

export class FarDesk implements Desk {
  readonly mayFallSilent = true;
  /** Messages under way. */
  readonly up: string[] = [];
  readonly down: string[] = [];
  /** Whether messages arrive as soon as they are sent. */
  readonly #isInstant: boolean;
  readonly #pool: PoolDesk;
  readonly #clock: Clock;
  readonly #ids = new Map<Guest, number>();
  readonly #tickets = new Map<number, { readonly guest: Guest; readonly enteredAt: number; isSeated: boolean }>();
  readonly #guests = new Map<number, FarGuest>();
  #lastId = 0;

  constructor(pool: PoolDesk, clock: Clock, isInstant: boolean) {
    this.#pool = pool;
    this.#clock = clock;
    this.#isInstant = isInstant;
  }

  enter(guest: Guest): void {
    const id = ++this.#lastId;
    this.#ids.set(guest, id);
    this.#tickets.set(id, { guest, enteredAt: this.#clock.now(), isSeated: false });
    guest.queued(unknown);
    this.#say({ say: 'enter', id, asked: guest.asked, timeoutMs: guest.timeoutMs });
  }

  leave(guests: Iterable<Guest>, refusal: Refusal): void {
    for (const guest of guests) {
      const id = this.#ids.get(guest) ?? 0;
      const ticket = this.#tickets.get(id);
      this.#tickets.delete(id);
      guest.refused(refusal, ticket === undefined ? { ...unknown, wasQueued: false } : unknown);
      if (ticket?.isSeated) this.#say({ say: 'finish', id, end: { how: 'unused' } });
      else if (ticket !== undefined) this.#say({ say: 'leave', id, refusal });
    }
  }

  release(guests: Iterable<Guest>): void {
    for (const guest of guests) this.leave([guest], { code: 'client_left' });
  }

  outlook(): Outlook {
    return { startsAtOnce: null, predictedMs: null, isClosed: false, isHeldByTenant: false };
  }

  lend(): () => void {
    return () => {};
  }

  /** Its seat was begun when it was sent. */
  begin(): void {}

  progress(guest: Guest, { cost, tokens }: Spent): void {
    this.#say({ say: 'progress', id: this.#idOf(guest), spent: { cost, tokens } });
  }

  finish(guest: Guest, end: SeatEnd): void {
    const id = this.#idOf(guest);
    const ticket = this.#tickets.get(id);
    if (ticket !== undefined) ticket.isSeated = false;
    if (end.how !== 'put_back') this.#tickets.delete(id);
    this.#say({ say: 'finish', id, end });
  }

  upstreamBusy(guest: Guest, status: number, retryAfterMs: number | null): boolean {
    const id = this.#idOf(guest);
    this.#say({ say: 'busy', id, status, retryAfterMs });
    const enteredAt = this.#tickets.get(id)?.enteredAt ?? Number.NaN;
    return retryAfterMs !== null && this.#clock.now() + retryAfterMs <= enteredAt + guest.timeoutMs;
  }

  upstreamAnswered(guest: Guest, status: number): boolean {
    this.#say({ say: 'answered', id: this.#idOf(guest), status });
    return false;
  }

  /** Delivers the first message that is under way there, or here. */
  deliver(way: 'up' | 'down'): boolean {
    const text = this[way].shift();
    if (text === undefined) return false;
    if (way === 'up') this.#hearThere(JSON.parse(text));
    else this.#hearHere(JSON.parse(text));
    return true;
  }

  /** The pool's process knows of no guest any more. */
  forgetThere(): void {
    this.#pool.forget(this.#guests.values());
    for (const guest of this.#guests.values()) guest.stay = null;
  }

  deliverAll(): void {
    while (this.deliver('up') || this.deliver('down'));
  }

  #hearThere(message: Up): void {
    const { id } = message;
    if (message.say === 'enter') {
      const tell = (said: Said) => this.#send('down', { id, ...said });
      this.#guests.set(id, new FarGuest(message.asked, message.timeoutMs, this.#pool, tell));
    }
    const guest = this.#guests.get(id);
    assert.ok(guest);
    if (message.say === 'enter') this.#pool.enter(guest);
    if (message.say === 'leave') this.#pool.leave([guest], message.refusal);
    if (message.say === 'progress') this.#pool.progress(guest, message.spent);
    if (message.say === 'busy') this.#pool.upstreamBusy(guest, message.status, message.retryAfterMs);
    if (message.say === 'answered') this.#pool.upstreamAnswered(guest, message.status);
    if (message.say !== 'finish') return;
    if (message.end.how === 'put_back') guest.attempt++;
    this.#pool.finish(guest, message.end);
  }

  #hearHere(message: Down): void {
    const { id, wait } = message;
    const ticket = this.#tickets.get(id);
    if (message.say === 'refuse') {
      this.#tickets.delete(id);
      ticket?.guest.refused(message.refusal, wait);
    } else if (ticket === undefined) this.#say({ say: 'finish', id, end: { how: 'unused' } });
    else {
      ticket.isSeated = true;
      ticket.guest.seated(wait);
    }
  }

  #idOf(guest: Guest): number {
    return this.#ids.get(guest) ?? assert.fail('it has not entered');
  }

  #say(message: Up): void {
    this.#send('up', message);
  }

  #send(way: 'up' | 'down', message: Up | Down): void {
    const text = JSON.stringify(message);
    assert.deepEqual(JSON.parse(text), message, 'it survives JSON');
    this[way].push(text);
    if (this.#isInstant) this.deliver(way);
  }
}

/** Stands for a ticket elsewhere. */
class FarGuest implements Guest {
  readonly asked: Asked;
  readonly timeoutMs: number;
  attempt = 1;
  stay: Stay | null = null;
  elsewhere: number | null = null;
  readonly #pool: PoolDesk;
  readonly #tell: (said: Said) => void;

  constructor(asked: Asked, timeoutMs: number, pool: PoolDesk, tell: (said: Said) => void) {
    this.asked = asked;
    this.timeoutMs = timeoutMs;
    this.#pool = pool;
    this.#tell = tell;
  }

  queued(): void {}

  seated({ wasQueued, waitMs, position }: Wait): void {
    this.#pool.begin(this);
    this.#tell({ say: 'seat', wait: { wasQueued, waitMs, position } });
  }

  refused(refusal: Refusal, { wasQueued, waitMs, position }: Wait): void {
    this.#tell({ say: 'refuse', refusal, wait: { wasQueued, waitMs, position } });
  }
}
