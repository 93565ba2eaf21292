/** Carries out what a reign asks of the row, and tells it the answers. What fails is told as no answer; it asks again. */
import type { Clock } from '../domain/clock.ts';
import { SaidOnce } from '../domain/structures/said-once.ts';
import type { FleetStore } from './fleet-store.ts';
import type { Action } from './reign/actions.ts';
import type { Reign } from './reign/reign.ts';

export type Statement = Extract<Action, { readonly do: 'read' | 'elect' | 'renew' | 'release' }>;

/** Tells the reign the answer. */
type Told = (now: number) => readonly Action[];

export interface StatementsParts {
  readonly store: FleetStore;
  readonly reign: Reign;
  readonly clock: Clock;
  readonly perform: (actions: readonly Action[]) => void;
  /** A statement failed, for another reason than the last time. */
  readonly onFailure: (what: Statement['do'], error: unknown) => void;
}

export class Statements {
  readonly #parts: StatementsParts;
  #isStopped = false;
  /** The kinds of statements that are being answered, with the next one of each, which a newer one replaces. */
  readonly #underWay = new Map<Statement['do'], Statement | null>();
  readonly #running = new Set<Promise<void>>();
  readonly #said = new SaidOnce<Statement['do']>();

  constructor(parts: StatementsParts) {
    this.#parts = parts;
  }

  /** One of each kind at a time: a slow database is not asked more and more. */
  ask(statement: Statement): void {
    if (this.#isStopped) return;
    if (!this.#underWay.has(statement.do)) this.#begin(statement);
    else if (statement.do !== 'read') this.#underWay.set(statement.do, statement);
  }

  /** Resolves when what was asked for has been answered; nobody is told any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  #begin(statement: Statement): void {
    this.#underWay.set(statement.do, null);
    const running = this.#answer(statement).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** What it leads to may be the next one. */
  #ended({ do: kind }: Statement): void {
    const next = this.#underWay.get(kind) ?? null;
    this.#underWay.delete(kind);
    if (next !== null && !this.#isStopped) this.#begin(next);
  }

  async #answer(statement: Statement): Promise<void> {
    const { reign, clock, perform, onFailure } = this.#parts;
    const sentAt = clock.now();
    let answer: Told | undefined;
    try {
      answer = await this.#execute(statement, sentAt);
      this.#said.isOver(statement.do);
    } catch (error) {
      if (this.#said.isNews(statement.do, String(error))) onFailure(statement.do, error);
      if (statement.do === 'elect') answer = now => reign.electionAnswered(statement.ask, null, now);
      if (statement.do === 'renew') answer = now => reign.renewed(statement.ask, null, now);
    }
    this.#ended(statement);
    if (answer !== undefined && !this.#isStopped) perform(answer(clock.now()));
  }

  /** Returns how the reign is told. */
  async #execute(statement: Statement, sentAt: number): Promise<Told | undefined> {
    const { store, reign } = this.#parts;
    switch (statement.do) {
      case 'read': {
        const row = await store.read();
        return now => reign.rowRead(row, sentAt, now);
      }
      case 'elect': {
        const won = await store.elect(statement.election);
        return now => reign.electionAnswered(statement.ask, won, now);
      }
      case 'renew': {
        const outcome = await store.renew(statement.renewal);
        return now => reign.renewed(statement.ask, outcome, now);
      }
      case 'release':
        await store.release(statement.released);
        return undefined;
    }
  }
}
