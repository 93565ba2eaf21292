/**
 * Kysely's driver for a SQLite file. It has two connections: one writes, and writers take turns at it; the other reads,
 * so that no read waits behind a writer that waits for another process's lock. (In WAL mode, which every file uses,
 * readers and a writer do not block each other.)
 *
 * A transaction begins IMMEDIATE: it has the lock before its first statement, or has no effect at all.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Clock } from '../../domain/clock.ts';
import { lockedSentence, SqliteFault } from './sqlite-fault.ts';
import type { SqliteHandle } from './sqlite-handle.ts';

interface DriverParts {
  readonly writer: SqliteHandle;
  readonly reader: SqliteHandle;
  readonly clock: Clock;
}

/** The longest wait of a statement, or of a whole transaction, for locks and its turn. */
const waitMs = 3_000;

export const sqliteDialect = (parts: DriverParts): Dialect => ({
  createDriver: () => sqliteDriver(parts),
  createQueryCompiler: () => new SqliteQueryCompiler(),
  createAdapter: () => new ConcurrentAdapter(),
  createIntrospector: db => new SqliteIntrospector(db),
});

/** By default Kysely would run all callers one after the other, readers included. */
class ConcurrentAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

const sqliteDriver = (parts: DriverParts): Driver => {
  const turns = new Turns(parts.clock);
  // Kysely passes the object that acquireConnection returned.
  const own = (connection: DatabaseConnection) => connection as SqliteSession;
  return {
    async init() {
      const deadline = parts.clock.now() + waitMs;
      await parts.writer.run({ text: 'PRAGMA journal_mode = WAL', parameters: [], deadline });
    },
    acquireConnection: async () => new SqliteSession(parts, turns),
    beginTransaction: connection => own(connection).begin(),
    commitTransaction: connection => own(connection).commit(),
    rollbackTransaction: connection => own(connection).rollback(),
    releaseConnection: async () => {},
    async destroy() {
      parts.reader.close();
      parts.writer.close();
    },
  };
};

interface OpenTransaction {
  readonly deadline: number;
  readonly endTurn: () => void;
}

/** A connection as Kysely sees it: runs the statements of one caller, one after the other. */
class SqliteSession implements DatabaseConnection {
  readonly #parts: DriverParts;
  readonly #turns: Turns;
  #transaction: OpenTransaction | null = null;

  constructor(parts: DriverParts, turns: Turns) {
    this.#parts = parts;
    this.#turns = turns;
  }

  async executeQuery<Row>({ sql: text, parameters, query }: CompiledQuery): Promise<QueryResult<Row>> {
    const { reader, writer, clock } = this.#parts;
    if (this.#transaction !== null) return this.#inTransaction<Row>(this.#transaction, { text, parameters });
    const deadline = clock.now() + waitMs;
    if (query.kind === 'SelectQueryNode') return reader.run<Row>({ text, parameters, deadline });
    const endTurn = await this.#turns.take(deadline);
    try {
      return await writer.run<Row>({ text, parameters, deadline });
    } finally {
      endTurn();
    }
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    yield await this.executeQuery<Row>(query);
  }

  async begin(): Promise<void> {
    const deadline = this.#parts.clock.now() + waitMs;
    const endTurn = await this.#turns.take(deadline);
    try {
      await this.#parts.writer.run({ text: 'BEGIN IMMEDIATE', parameters: [], deadline });
      this.#transaction = { deadline, endTurn };
    } catch (error) {
      endTurn();
      throw error;
    }
  }

  async commit(): Promise<void> {
    if (this.#transaction !== null) await this.#inTransaction(this.#transaction, { text: 'COMMIT', parameters: [] });
    this.#end();
  }

  async rollback(): Promise<void> {
    try {
      if (this.#parts.writer.isInTransaction) this.#parts.writer.runNow({ text: 'ROLLBACK', parameters: [] });
    } finally {
      this.#end();
    }
  }

  async #inTransaction<Row>(
    { deadline }: OpenTransaction,
    statement: Pick<CompiledQuery, 'parameters'> & { readonly text: string },
  ): Promise<QueryResult<Row>> {
    // A transaction that SQLite has rolled back must not continue statement by statement.
    if (!this.#parts.writer.isInTransaction)
      throw new SqliteFault('The database file took nothing of this: the transaction was rolled back.', {
        isLocked: false,
      });
    return this.#parts.writer.run<Row>({ ...statement, deadline });
  }

  #end(): void {
    this.#transaction?.endTurn();
    this.#transaction = null;
  }
}

/** Admits one writer at a time, in order of arrival. */
class Turns {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #isTaken = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves to the function that ends the turn. Rejects if the turn has not come by the deadline. */
  take(deadline: number): Promise<() => void> {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return Promise.resolve(() => this.#pass());
    }
    return new Promise((resolve, reject) => {
      const begin = () => {
        cancel();
        resolve(() => this.#pass());
      };
      const cancel = this.#clock.after(deadline - this.#clock.now(), () => {
        this.#waiting.delete(begin);
        reject(new SqliteFault(lockedSentence, { isLocked: true }));
      });
      this.#waiting.add(begin);
    });
  }

  #pass(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#isTaken = false;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
