import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { QueryResult } from 'kysely';
import type { Clock } from '../../domain/clock.ts';
import type { Events } from '../../telemetry/events.ts';
import { pause } from '../postgres/postgres.ts';
import { asSqliteFault, isLocked, SqliteFault } from './sqlite-fault.ts';

export interface HandleParts {
  readonly file: string;
  readonly clock: Clock;
  /** Returns a number from 0 to 1: processes that wait for the same lock should not retry in step. */
  readonly random: () => number;
  readonly log: Pick<Events, 'info' | 'warn'>;
  /** Aborts all waits. */
  readonly closing: AbortSignal;
}

interface Statement {
  readonly text: string;
  readonly parameters: readonly unknown[];
  /** A time of the clock after which a lock is not waited for any longer. */
  readonly deadline: number;
}

const firstRetryMs = 2;
const lastRetryMs = 50;
/** A wait for a lock is reported after this time. */
const tellAfterMs = 2_000;
/** The longest run of SQLite's work without letting anything else run. */
const turnMs = 5;

/**
 * One connection to the file. SQLite runs in the thread that serves requests, so it never waits for a lock: it reports
 * the lock at once, and the statement is tried again on a timer.
 */
export class SqliteHandle {
  readonly #parts: HandleParts;
  readonly #sqlite: DatabaseSync;
  /** The fault that was last logged; null if there is none. */
  #told: string | null = null;
  #workedMs = 0;

  constructor(parts: HandleParts) {
    this.#parts = parts;
    this.#sqlite = new DatabaseSync(parts.file, { timeout: 0, enableForeignKeyConstraints: true });
  }

  /** SQLite ends a transaction itself if it cannot continue, as with a full disk. */
  get isInTransaction(): boolean {
    return this.#sqlite.isOpen && this.#sqlite.isTransaction;
  }

  /** The fault of the file, or a lock that has lasted for two seconds; null if there is none. */
  get fault(): string | null {
    return this.#told?.slice(0, -1) ?? null;
  }

  close(): void {
    if (this.#sqlite.isOpen) this.#sqlite.close();
  }

  /** Throws `SqliteFault` if the file or its lock is the cause. */
  async run<Row>(statement: Statement): Promise<QueryResult<Row>> {
    const { clock, closing, random } = this.#parts;
    const start = clock.now();
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(2 * retryMs, lastRetryMs)) {
      try {
        const result = this.runNow<Row>(statement);
        this.#tellEnd();
        await this.#letOthersRun();
        return result;
      } catch (error) {
        if (!isLocked(error)) throw this.#toldOf(error);
        if (clock.now() - start >= tellAfterMs) this.#toldOf(error);
        if (clock.now() >= statement.deadline) throw error;
      }
      await pause(clock, retryMs * (1 + random()), closing);
      if (closing.aborted) throw closedFault();
    }
  }

  /** Runs the statement without waiting for a lock. */
  runNow<Row>({ text, parameters }: Pick<Statement, 'text' | 'parameters'>): QueryResult<Row> {
    if (!this.#sqlite.isOpen) throw closedFault();
    const start = this.#parts.clock.now();
    try {
      return this.#execute<Row>(text, parameters);
    } catch (error) {
      throw asSqliteFault(error);
    } finally {
      this.#workedMs += this.#parts.clock.now() - start;
    }
  }

  #execute<Row>(text: string, parameters: readonly unknown[]): QueryResult<Row> {
    const statement = this.#sqlite.prepare(text);
    const bound = parameters.map(bindable);
    if (statement.columns().length > 0) {
      // Otherwise one number beyond 2^53 would fail the whole statement.
      statement.setReadBigInts(true);
      return { rows: statement.all(...bound).map(row => plainRow(row) as Row) };
    }
    const { changes, lastInsertRowid } = statement.run(...bound);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  /** A loop of statements would otherwise block the thread, because none of them waits for anything. */
  async #letOthersRun(): Promise<void> {
    if (this.#workedMs < turnMs) return;
    this.#workedMs = 0;
    await nextTurn();
  }

  #toldOf(error: unknown): unknown {
    if (error instanceof SqliteFault && this.#told !== error.message) {
      const more = error.isLocked ? 'waiting for it' : reasonOf(error.cause);
      this.#parts.log.warn(`SQLite: ${error.message.slice(0, -1)}: ${this.#parts.file} (${more})`);
      this.#told = error.message;
    }
    return error;
  }

  #tellEnd(): void {
    if (this.#told === null) return;
    this.#told = null;
    this.#parts.log.info('SQLite: the database file can be used again');
  }
}

const closedFault = () => new SqliteFault('The database file is being closed.', { isLocked: false });

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const bindable = (value: unknown): SQLInputValue => {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`SQLite cannot store a value of type ${typeof value}`);
};

/** SQLite stores any type in any column: each value is read as a text, a number or null. */
const plainRow = (row: Readonly<Record<string, SQLOutputValue>>): Record<string, string | number | null> => {
  const plain: Record<string, string | number | null> = {};
  for (const [column, value] of Object.entries(row)) {
    if (typeof value === 'bigint') plain[column] = Number(value);
    else plain[column] = value instanceof Uint8Array ? Buffer.from(value).toString() : value;
  }
  return plain;
};
