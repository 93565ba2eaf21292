/**
 * Decides which process conducts a fleet and what this process may do now: the rules of
 * docs/decisions/0033-the-rules-of-a-fleet.md as a state machine without I/O, timers or promises. Every event takes `now`,
 * by this process's own monotonic clock, and returns the actions to carry out. The pool decides which request is next;
 * the reign decides whether it may be granted.
 */
import type { Action, FromConductor, FromMember, Hello, Seats } from './actions.ts';
import * as conducting from './conducting.ts';
import * as following from './following.ts';
import { budgetOf, mayGrant, reigns } from './holding.ts';
import { has, joined, type Listed, type MemberId } from './list.ts';
import { isGone, isIsolated, learn, newState, type Process, type State } from './process.ts';
import type { FleetRow } from './row.ts';
import { type Knock, type Rules, rules } from './rules.ts';
import { since, type Times } from './times.ts';

export interface ReignParts {
  readonly self: Listed;
  readonly times: Times;
  readonly chance: () => number;
  readonly rules?: Rules;
  /** Where a test goes on from a copied state. */
  readonly state?: State;
}

export type Role = 'conductor' | 'member' | 'candidate' | 'isolated';

/** The store's answer to an election that succeeded. */
export interface ElectionWon {
  readonly before: readonly Listed[];
  readonly row: FleetRow;
}

export class Reign {
  readonly #p: Process;

  constructor({ self, times, chance, rules: obeyed = rules, state = newState() }: ReignParts) {
    this.#p = { self, times, chance, rules: obeyed, state, actions: [] };
  }

  /** For display, and for tests. */
  get state(): Readonly<State> {
    return this.#p.state;
  }

  // ---- questions

  role(now: number): Role {
    if (this.#p.state.conducted !== null) return 'conductor';
    if (isIsolated(this.#p, now)) return 'isolated';
    return this.#p.state.contact.link === 'open' ? 'member' : 'candidate';
  }

  /** Asked before every start of a call. */
  mayStart(now: number): boolean {
    const { state, rules: obeyed } = this.#p;
    if (state.conducted !== null) return reigns(this.#p, now);
    return state.contact.link === 'open' && obeyed.mayStart(isIsolated(this.#p, now));
  }

  /** Whether the conductor may grant a seat to a request of that member. */
  mayGrant(member: MemberId, now: number): boolean {
    return mayGrant(this.#p, member, now);
  }

  /** How many seats of the pool may be held while some members are silent; null: all it has. */
  budget(pool: string): number | null {
    return budgetOf(this.#p, pool);
  }

  // ---- events of every process

  tick(now: number): readonly Action[] {
    return this.#on(now, p => {
      if (p.state.conducted !== null) conducting.conductTurn(p, p.state.conducted, now);
      else this.#followTurn(now);
      this.#departIfIdle();
    });
  }

  /** `isIdle`: it holds no seat and nothing waits. May be told again. */
  leave(isIdle: boolean, now: number): readonly Action[] {
    return this.#on(now, p => {
      if (p.state.leaving !== 'left') p.state.leaving = isIdle ? 'idle' : 'draining';
      this.#departIfIdle();
    });
  }

  /** Answers `read`; null where there is no row. Whoever could not read says nothing. */
  rowRead(row: FleetRow | null, sentAt: number, now: number): readonly Action[] {
    return this.#on(now, p => {
      const { state } = p;
      if (state.rowReadAt !== null && sentAt < state.rowReadAt) return;
      const isReleased = row !== null && row.holder === null;
      const wasReleased = state.row !== null && state.row.holder === null && state.row.epoch === row?.epoch;
      if (!isReleased) state.releasedAt = null;
      else if (!wasReleased) state.releasedAt = now;
      Object.assign(state, { row, rowReadAt: sentAt });
      if (row !== null) learn(p, row);
      this.#forgetTheGone();
      following.seek(p, now);
    });
  }

  /** Answers `elect`; null: another was elected, or nobody answered. */
  electionAnswered(ask: number, won: ElectionWon | null, now: number): readonly Action[] {
    return this.#on(now, p => {
      const { election, conducted, contact } = p.state;
      if (election?.ask !== ask || conducted !== null) return;
      p.state.election = null;
      if (won === null || contact.link === 'open') return void p.actions.push({ do: 'read' });
      const isStranger = !following.isListed(p, won.before, election.seen);
      conducting.begin(p, { row: won.row, isStranger, sentAt: election.sentAt }, now);
    });
  }

  /** An attempt to reach that process's own address: its answer to `knock`. */
  knocked(id: MemberId, how: Knock, now: number): readonly Action[] {
    return this.#on(now, p => {
      if (!p.rules.isProof(how) || isGone(p, id)) return;
      following.proveGone(p, id);
      if (p.state.conducted !== null) conducting.freeTheGone(p, p.state.conducted, now);
      else following.seek(p, now);
    });
  }

  // ---- events of a member

  /** The connection to whom `connect` named is open, and both sides have proved who they are. */
  opened(generation: number, now: number): readonly Action[] {
    return this.#on(now, p => following.opened(p, generation, now));
  }

  /** It could not be opened, or it closed. */
  ended(generation: number, how: Knock, now: number): readonly Action[] {
    return this.#on(now, p => following.ended(p, generation, how, now));
  }

  /**
   * A seat came that `mayStart` forbids to use. Put back, it would come again at once; the connection, whose answers are
   * too old, is closed instead, and the next turn's hello tells what waits.
   */
  seatedTooLate(now: number): readonly Action[] {
    return this.#on(now, following.hangUp);
  }

  told(generation: number, message: FromConductor, now: number): readonly Action[] {
    return this.#on(now, p => following.told(p, generation, message, now));
  }

  // ---- events of a conductor; whoever does not conduct may be told them too

  /** Answers `renew`. */
  renewed(ask: number, outcome: conducting.Renewed, now: number): readonly Action[] {
    return this.#conducting(now, (p, c) => {
      conducting.renewed(p, c, ask, outcome, now);
      this.#departIfIdle();
    });
  }

  /** Answers `conduct`: what this process holds and has freed. */
  bring(brings: readonly Seats[]): void {
    conducting.bringOwn(this.#p, brings);
  }

  greeted(hello: Hello, generation: number, now: number): readonly Action[] {
    return this.#on(now, p => {
      const { state } = p;
      const { member, epoch } = hello;
      if (state.conducted !== null && epoch > state.conducted.epoch) {
        conducting.abdicate(p, 'a member follows a higher epoch');
        state.epoch = epoch;
      }
      if (state.conducted !== null && epoch === state.conducted.epoch) {
        conducting.greeted(p, state.conducted, hello, generation, now);
        return;
      }
      const followed = state.contact.link === 'open' ? state.contact.to : null;
      const known = state.conducted === null ? followed : p.self;
      conducting.turnAway(p, member.id, generation, state.epoch, known);
    });
  }

  heard(from: MemberId, generation: number, message: FromMember, now: number): readonly Action[] {
    return this.#conducting(now, (p, c) => {
      if (conducting.isHeard(p, c, from, generation, now)) conducting.heard(p, c, from, message, now);
    });
  }

  /** Whether a message about tickets counts: it came on the newest connection of a member. */
  counts(from: MemberId, generation: number, now: number): boolean {
    const { conducted } = this.#p.state;
    return conducted !== null && conducting.isHeard(this.#p, conducted, from, generation, now);
  }

  /** A member's connection closed. */
  linkLost(from: MemberId, generation: number, now: number): readonly Action[] {
    return this.#conducting(now, (p, c) => conducting.linkLost(p, c, from, generation));
  }

  // ---- what every event shares

  #conducting(now: number, act: (p: Process, c: NonNullable<State['conducted']>) => void): readonly Action[] {
    return this.#on(now, p => {
      if (p.state.conducted !== null) act(p, p.state.conducted);
    });
  }

  #on(now: number, act: (p: Process) => void): readonly Action[] {
    this.#p.actions = [];
    // Before anything that the event brings: what has run out by now has run out.
    this.#settle(now);
    act(this.#p);
    this.#p.state.isIsolated &&= isIsolated(this.#p, now);
    return this.#p.actions;
  }

  #settle(now: number): void {
    const p = this.#p;
    const { state } = p;
    if (state.conducted !== null) {
      if (reigns(p, now)) state.contact.answeredAt = now;
      else state.conducted.isOver = p.rules.staysOver();
    }
    const isNow = isIsolated(p, now);
    if (isNow && !state.isIsolated) p.actions.push({ do: 'isolate' });
    state.isIsolated = isNow;
  }

  #followTurn(now: number): void {
    const p = this.#p;
    const { election } = p.state;
    following.beat(p, now);
    following.leaveTheLost(p, now);
    if (p.state.contact.link === 'open') return;
    // An answer that never comes is no reason to stand no more.
    if (election !== null && since(election.sentAt, now) > p.times.ttlMs) p.state.election = null;
    p.actions.push({ do: 'read' });
    following.seek(p, now);
  }

  #departIfIdle(): void {
    const p = this.#p;
    const { state } = p;
    if (state.leaving !== 'idle' || state.conducted !== null) return;
    const { generation, link } = state.contact;
    if (link === 'open') p.actions.push({ do: 'tellConductor', generation, message: { t: 'goodbye' } });
    following.hangUp(p);
    state.leaving = 'left';
    p.actions.push({ do: 'depart' });
  }

  /** Remembers no more of the gone than those who are named somewhere. */
  #forgetTheGone(): void {
    const { state } = this.#p;
    const named = joined(state.row?.members ?? [], state.told.members);
    const conductor = state.contact.to?.id;
    state.gone = state.gone.filter(id => id === conductor || has(named, id));
  }
}
