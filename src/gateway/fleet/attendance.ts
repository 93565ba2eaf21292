/**
 * The tickets of one member, at the desks of its conductor. What waits there stands outside until the member may be granted
 * seats (rule 3: the row lists it first), and while it is silent (credit.ts); what it holds counts from the first moment.
 */
import type { Clock } from '../../domain/clock.ts';
import { SparseMap } from '../../domain/structures/sparse-map.ts';
import type { Brought } from '../../fleet/conductor.ts';
import type { Downward, Upward } from '../../fleet/messages/messages.ts';
import { retryAfterSec } from '../pool/drain-rate.ts';
import type { PoolDesk } from '../pool/pool-desk.ts';
import { Credit } from './credit.ts';
import type { ClosuresWord } from './known-closures.ts';
import { Outside } from './outside.ts';
import { RemoteGuest, type RemoteTicket, type Sender } from './remote-guest.ts';
import { heardAsked, heardLeave, saidRefusal } from './words.ts';

export interface AttendanceParts {
  /** The member's name. */
  readonly name: string;
  readonly tell: (message: Downward) => void;
  /** Null: this gateway has no such pool. */
  readonly deskOf: (pool: string) => PoolDesk | null;
  readonly clock: Clock;
  readonly random: () => number;
  /** See credit.ts. */
  readonly onAwaited: (at: number) => void;
  readonly onOverdue: (askedAt: number) => void;
  /** See RemoteGuest's Sender. */
  readonly unreached: (desk: PoolDesk, provider: string) => readonly string[];
  readonly tries: (desk: PoolDesk, provider: string, endpoint: string) => void;
}

type Held = Brought['held'][number];
type Waiting = Brought['waiting'][number];

/** For one who names no longest wait: its own gateway refuses it in time. */
const anyWaitMs = 3_600_000;

export class Attendance {
  readonly #parts: AttendanceParts;
  readonly #sender: Sender;
  readonly #guests = new SparseMap<number, RemoteGuest | null>(null);
  readonly #outside: Outside;
  readonly #credit: Credit;
  #pools: readonly string[] = [];
  #desks: readonly (PoolDesk | null)[] = [];
  #isAdmitted = false;
  /** Its tickets wait at the desks. */
  #isIn = false;

  constructor(parts: AttendanceParts) {
    this.#parts = parts;
    const { name: gateway, tell, clock, onAwaited, onOverdue } = parts;
    this.#outside = new Outside(clock);
    this.#credit = new Credit({ clock, ping: () => tell({ t: 'ping' }), onAwaited, onOverdue });
    this.#sender = {
      gateway,
      tell,
      credit: this.#credit,
      over: ({ ticket }) => this.#guests.delete(ticket),
      unreached: parts.unreached,
      tries: ({ desk, asked }, endpoint) => parts.tries(desk, asked.provider, endpoint),
    };
  }

  /** The seats that its tickets hold. */
  get seats(): number {
    let seats = 0;
    for (const guest of this.#all()) if (guest.isSeated) seats++;
    return seats;
  }

  /** Replaces all that was known of the member by its new account. Its caller sees to it that no seat is granted meanwhile. */
  came({ pools, held, waiting, answersPings }: Brought): void {
    this.#pools = pools;
    this.findPools();
    this.withdraw();
    this.#credit.open(answersPings);
    this.#takeBackLost(waiting);
    const stillHeld = new Set(held.filter(ticket => this.#isHeldAs(ticket)).map(({ ticket }) => ticket));
    this.#release(guest => !stillHeld.has(guest.ticket));
    const news = held.filter(({ ticket }) => !stillHeld.has(ticket));
    for (const one of news) this.#adoptSeat(one);
    for (const one of waiting) this.#standOutside(one, one);
  }

  /** This gateway may have pools by now that it had not when the member came. */
  findPools(): void {
    this.#desks = this.#pools.map(pool => this.#parts.deskOf(pool));
  }

  /** Lets in those who stand outside, or nobody more. */
  admit(isAdmitted: boolean): void {
    this.#isAdmitted = isAdmitted;
    this.letInOrOut();
  }

  /** Finds out whether it stands still. */
  ask(at: number): void {
    if (this.#isIn) this.#credit.ask(at);
  }

  /** See credit.ts; `letInOrOut` follows. */
  fallSilent(askedAt: number): boolean {
    return this.#credit.fallSilent(askedAt);
  }

  /** The desk that it calls by that number. */
  deskAt(pool: number): PoolDesk | null {
    return this.#desks[pool] ?? null;
  }

  /** It reaches other endpoints than before: what waits, waits for others. */
  chooseAnew(): void {
    if (!this.#isIn) return;
    this.#sendOutside();
    this.#letIn();
  }

  get isSilent(): boolean {
    return this.#credit.isSilent;
  }

  /** Its desks are another gateway's from now on. */
  close(): void {
    this.#credit.close();
  }

  said(message: Upward): void {
    this.#credit.heard();
    this.letInOrOut();
    switch (message.t) {
      case 'enter':
        this.#enter(message);
        return;
      case 'leave':
        this.#leave(message);
        return;
      case 'progress':
        for (const [ticket, attempt, cost, tokens] of message.spent) {
          const guest = this.#find({ ticket, attempt });
          guest?.desk.progress(guest, { cost, tokens });
        }
        return;
      case 'finish':
        this.#finish(message);
        return;
      default:
        this.#heardOfUpstream(message);
    }
  }

  /** It hears nothing: what waits will be told anew, what is held is held. */
  withdraw(): void {
    this.#nobodyWaits();
    this.#release(guest => !guest.isSeated);
  }

  /** Its process is gone, or may not use its seats any more. */
  forget(): void {
    this.#nobodyWaits();
    for (const [desk, guests] of byDesk(this.#all())) desk.forget(guests);
    this.#guests.clear();
  }

  /** Tells what is closed of a pool, if the member has it. */
  tellClosures(desk: PoolDesk, word: Omit<ClosuresWord, 't' | 'pool'>): void {
    const pool = this.#desks.indexOf(desk);
    if (pool >= 0) this.#parts.tell({ t: 'closures', pool, ...word });
  }

  #nobodyWaits(): void {
    this.#credit.close();
    this.#outside.clear();
    this.#isAdmitted = false;
    this.#isIn = false;
  }

  // ---- what comes with its hello

  /** Seats that never came to their tickets, which still wait: nothing is charged. */
  #takeBackLost(waiting: readonly Waiting[]): void {
    const lost = waiting.map(word => this.#find(word)).filter(guest => guest?.isSeated === true);
    for (const guest of lost.filter(guest => guest !== null)) {
      this.#guests.delete(guest.ticket);
      guest.desk.takeBack(guest);
    }
  }

  #isHeldAs({ ticket, attempt, pool }: Held): boolean {
    const known = this.#guests.get(ticket);
    return known?.isSeated === true && known.attempt === attempt && known.desk === this.#desks[pool];
  }

  #release(isOver: (guest: RemoteGuest) => boolean): void {
    const over = this.#all().filter(isOver);
    for (const { ticket } of over) this.#guests.delete(ticket);
    for (const [desk, guests] of byDesk(over)) desk.release(guests);
  }

  #adoptSeat(told: Held): void {
    const guest = this.#guests.get(told.ticket) !== null ? null : this.#guestOf(told, told.pool);
    if (guest === null) return;
    const { ageMs = 0, waitedMs = 0, position = 1, endpoint = null, charged } = told;
    this.#guests.set(guest.ticket, guest);
    const wait = { wasQueued: waitedMs > 0, waitMs: waitedMs, position, endpoint };
    guest.desk.adopt([{ guest, ageMs, wait, charged }]);
  }

  #standOutside(
    told: RemoteWord,
    { waitedMs = 0, ageMs = waitedMs, position = 1 }: Partial<Pick<Waiting, 'ageMs' | 'waitedMs' | 'position'>>,
  ): void {
    if (this.#guests.get(told.ticket) !== null || this.#outside.has(told.ticket)) return;
    const guest = this.#guestOf(told, told.pool);
    if (guest === null || this.#outside.isFull) {
      this.#refuse(told, guest === null ? { code: 'no_such_pool' } : { code: 'too_late', timeoutMs: guest.timeoutMs });
      return;
    }
    this.#outside.stand(guest, { ageMs, waitedMs, position });
  }

  // ---- whether its tickets wait at the desks, or outside

  letInOrOut(): void {
    const mayBeIn = this.#isAdmitted && !this.#credit.isSilent;
    if (mayBeIn === this.#isIn) return;
    this.#isIn = mayBeIn;
    if (mayBeIn) this.#letIn();
    else this.#sendOutside();
  }

  #letIn(): void {
    const waiting = this.#outside.takeAll();
    for (const { guest } of waiting) this.#guests.set(guest.ticket, guest);
    for (const [desk, adopted] of Map.groupBy(waiting, ({ guest }) => guest.desk)) desk.adopt(adopted);
  }

  /** The row has lost it, or it is silent: as when it was new. */
  #sendOutside(): void {
    const now = this.#parts.clock.now();
    for (const guest of this.#all()) {
      const { stay } = guest;
      if (stay === null || guest.isSeated) continue;
      this.#outside.stand(guest, { ageMs: stay.ageMs(now), waitedMs: stay.waitedMs(now), position: stay.position });
    }
    this.#release(guest => !guest.isSeated);
  }

  // ---- what it says of one ticket

  #all(): RemoteGuest[] {
    return [...this.#guests.entries()].flatMap(([, guest]) => guest ?? []);
  }

  #find({ ticket, attempt }: { readonly ticket: number; readonly attempt: number }): RemoteGuest | null {
    const guest = this.#guests.get(ticket);
    return guest?.attempt === attempt ? guest : null;
  }

  #enter(message: Extract<Upward, { t: 'enter' }>): void {
    const { ticket } = message;
    if (this.#guests.get(ticket) !== null || this.#outside.has(ticket)) return;
    if (!this.#isIn) {
      this.#standOutside(message, {});
      return;
    }
    const guest = this.#guestOf(message, message.pool);
    if (guest === null) {
      this.#refuse(message, { code: 'no_such_pool' });
      return;
    }
    this.#guests.set(ticket, guest);
    guest.desk.enter(guest);
  }

  /** One whose seat is on its way gives it back when it comes. */
  #leave(message: Extract<Upward, { t: 'leave' }>): void {
    this.#outside.leave(message);
    const guest = this.#find(message);
    if (guest === null) return;
    guest.isLeaving = true;
    guest.desk.leave([guest], heardLeave(message.code, guest.timeoutMs));
  }

  #finish(message: Extract<Upward, { t: 'finish' }>): void {
    const guest = this.#find(message);
    const { end, ticket, attempt } = message;
    if (guest === null || !guest.isSeated) {
      if (end.how === 'put_back') this.#refuse({ ticket, attempt: attempt + 1 }, { code: 'not_put_back' });
      return;
    }
    if (end.how === 'put_back') {
      guest.attempt++;
      guest.failedAt = end.avoid ?? guest.failedAt;
    } else this.#guests.delete(ticket);
    guest.desk.finish(guest, end);
  }

  #heardOfUpstream(message: Upward): void {
    if (message.t !== 'busy' && message.t !== 'answered') return;
    const guest = this.#find(message);
    if (message.t === 'busy') guest?.desk.upstreamBusy(guest, message.status, message.retryAfterMs);
    else guest?.desk.upstreamAnswered(guest, message.status);
  }

  #guestOf({ ticket, attempt, asked, avoid = [] }: RemoteWord, pool: number): RemoteGuest | null {
    const desk = this.#desks[pool] ?? null;
    if (desk === null) return null;
    const known: RemoteTicket = {
      ticket,
      attempt,
      asked: heardAsked(asked),
      timeoutMs: asked.maxWaitMs ?? anyWaitMs,
      avoid,
    };
    return new RemoteGuest(known, desk, this.#sender);
  }

  #refuse(
    { ticket, attempt }: Pick<RemoteWord, 'ticket' | 'attempt'>,
    why: { code: 'no_such_pool' | 'not_put_back' } | { code: 'too_late'; timeoutMs: number },
  ): void {
    const refusal = saidRefusal({ ...why, retryAfterSec: retryAfterSec(null, this.#parts.random()) });
    this.#parts.tell({ t: 'refuse', ticket, attempt, isQueued: true, waitMs: 0, position: 1, refusal });
  }
}

type RemoteWord = Pick<Extract<Upward, { t: 'enter' }>, 'ticket' | 'attempt' | 'pool' | 'asked' | 'avoid'>;

const byDesk = (guests: Iterable<RemoteGuest>) => Map.groupBy(guests, ({ desk }) => desk);
