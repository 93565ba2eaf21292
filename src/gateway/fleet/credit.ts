/**
 * Bounds the seats that a member is granted while nothing is heard of it: one that stands still would else be given every
 * seat that becomes free, as its waiting requests are next in order.
 *
 *   each seat takes credit ──► none is left ──► it is asked for an answer, and its request is waited for, in its turn
 *     ▲                                              │                │
 *     └──────── anything that it says ◄──────────────┘                └──► no answer in time: it is silent
 *
 * Whoever answers keeps the order of the pool as it was; that costs the others the way there and back.
 */
import type { Clock } from '../../domain/clock.ts';
import type { PoolDesk } from '../pool/pool-desk.ts';

export interface CreditParts {
  readonly clock: Clock;
  /** Asks the member for an answer. */
  readonly ping: () => void;
  /** A seat waits for its answer. Comes while a desk is in the middle of a change. */
  readonly onAwaited: (at: number) => void;
  /** It has not answered in time what it was asked then. */
  readonly onOverdue: (askedAt: number) => void;
}

/** Of a pool with fewer than eight seats, one. */
export const mostUnanswered = (seats: number): number => Math.max(1, Math.floor(seats / 4));

/** Waited for twice: after this process has stood still itself, the answers that came meanwhile are read between both. */
const answerWithinMs = 250;

/** Of one pool. */
export interface Account {
  readonly desk: PoolDesk;
  /** The seats since … */
  taken: number;
  /** … it was heard for this time. */
  hearing: number;
}

interface Question {
  readonly at: number;
  cancel: () => void;
}

export class Credit {
  readonly #parts: CreditParts;
  readonly #accounts = new Map<PoolDesk, Account>();
  /** The pools whose next seat waits for its answer. */
  readonly #awaiting = new Set<PoolDesk>();
  #hearings = 0;
  #isLimited = false;
  /** What it has not answered yet. */
  #asked: Question | null = null;
  #isSilent = false;

  constructor(parts: CreditParts) {
    this.#parts = parts;
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** A member of an older version answers with its next beat only: its credit is not limited. */
  open(answersPings: boolean): void {
    this.close();
    this.#isLimited = answersPings;
  }

  close(): void {
    this.#isLimited = false;
    this.#isSilent = false;
    this.#hearings++;
    this.#forgetQuestion();
  }

  /** Its account of that pool, for as long as it is a member. */
  of(desk: PoolDesk): Account {
    let account = this.#accounts.get(desk);
    if (account === undefined) {
      account = { desk, taken: 0, hearing: 0 };
      this.#accounts.set(desk, account);
    }
    return account;
  }

  /** Whether the next seat of that pool, which has so many, may be its. */
  covers(account: Account, seats: number): boolean {
    if (this.#isSilent) return false;
    if (!this.#isLimited || this.#takenOf(account) < mostUnanswered(seats)) return true;
    this.#awaiting.add(account.desk);
    if (this.#asked === null) this.#parts.onAwaited(this.#parts.clock.now());
    return false;
  }

  take(account: Account): void {
    account.taken = this.#takenOf(account) + 1;
    account.hearing = this.#hearings;
  }

  /** Asks it, and waits for its answer. `at`: the same for all who are asked together. */
  ask(at: number): void {
    if (!this.#isLimited || this.#isSilent || this.#asked !== null) return;
    const { clock, ping, onOverdue } = this.#parts;
    const question: Question = { at, cancel: () => {} };
    question.cancel = clock.after(answerWithinMs, () => {
      question.cancel = clock.after(answerWithinMs, () => onOverdue(question.at));
    });
    this.#asked = question;
    ping();
  }

  /** It is silent if it was asked no later than that, and has not answered. Returns whether that is news. */
  fallSilent(askedAt: number): boolean {
    if (this.#asked === null || this.#asked.at > askedAt) return false;
    this.#isSilent = true;
    this.#forgetQuestion();
    return true;
  }

  heard(): void {
    this.#hearings++;
    this.#isSilent = false;
    if (this.#asked === null) return;
    const desks = [...this.#awaiting];
    this.#forgetQuestion();
    for (const desk of desks) desk.lookAgain();
  }

  #takenOf({ taken, hearing }: Account): number {
    return hearing === this.#hearings ? taken : 0;
  }

  #forgetQuestion(): void {
    this.#asked?.cancel();
    this.#asked = null;
    this.#awaiting.clear();
  }
}
