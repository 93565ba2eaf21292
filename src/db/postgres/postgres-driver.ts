/**
 * Kysely's driver for PostgreSQL, with a bound on the time of every statement: each runs in a transaction, its own or
 * the caller's, that begins with these bounds. They are set for the transaction alone (SET LOCAL), because a pooler
 * gives the session to other clients afterwards, and refuses most settings at connection time.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import type pg from 'pg';
import type { FaultsMet, Purpose } from '../faults-met.ts';
import { onWire } from '../word.ts';

/** The longest wait of a statement for a lock, such as one that an operator holds in psql. */
const lockMs = 4_000;
/** Less than the silence after which a connection counts as lost, so that the server reports the timeout. */
const statementMs = 9_000;

/** Moments are read as ISO texts, whatever the default style of the database or the role is. */
const bounds = `SET LOCAL statement_timeout = ${statementMs}; SET LOCAL lock_timeout = ${lockMs}; SET LOCAL datestyle = ISO`;

/** Called for every statement or transaction that failed or worked. */
export type Observer = Pick<FaultsMet, 'note' | 'worked'>;

export const postgresDialect = (pool: pg.Pool, observer: Observer): Dialect => ({
  createDriver: () => boundedDriver(new PostgresDriver({ pool }), observer),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: db => new PostgresIntrospector(db),
});

/** Kysely's own type. */
type Connection = Parameters<PostgresDriver['releaseConnection']>[0];

const boundedDriver = (inner: PostgresDriver, observer: Observer): Driver => {
  // Kysely passes the object that acquireConnection returned.
  const own = (connection: DatabaseConnection) => connection as BoundedConnection;
  return {
    init: () => inner.init(),
    async acquireConnection() {
      try {
        const connection = await onWire(() => inner.acquireConnection());
        return new BoundedConnection(inner, connection as Connection, observer);
      } catch (error) {
        observer.note(error, ['read', 'write']);
        throw error;
      }
    },
    beginTransaction: (connection, settings) => own(connection).begin(settings),
    commitTransaction: connection => own(connection).commit(),
    rollbackTransaction: connection => own(connection).rollback(),
    releaseConnection: connection => own(connection).release(),
    destroy: () => inner.destroy(),
  };
};

class BoundedConnection implements DatabaseConnection {
  readonly #driver: PostgresDriver;
  readonly #connection: Connection;
  readonly #observer: Observer;
  /** The purpose of the transaction; null outside of one. */
  #purpose: Purpose | null = null;

  constructor(driver: PostgresDriver, connection: Connection, observer: Observer) {
    this.#driver = driver;
    this.#connection = connection;
    this.#observer = observer;
  }

  begin(settings: TransactionSettings): Promise<void> {
    return this.#begin(settings, settings.accessMode === 'read only' ? 'read' : 'write');
  }

  async commit(): Promise<void> {
    const purpose = this.#purpose ?? 'write';
    await this.#observed(purpose, () => this.#driver.commitTransaction(this.#connection));
    this.#purpose = null;
    this.#observer.worked(purpose);
  }

  async rollback(): Promise<void> {
    this.#purpose = null;
    await onWire(() => this.#driver.rollbackTransaction(this.#connection));
  }

  release(): Promise<void> {
    return this.#driver.releaseConnection(this.#connection);
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const run = () => this.#connection.executeQuery<Row>(query);
    if (this.#purpose !== null) return this.#observed(this.#purpose, run);
    const purpose = purposeOf(query);
    await this.#begin({}, purpose);
    try {
      const result = await this.#observed(purpose, run);
      await this.commit();
      return result;
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    yield await this.executeQuery<Row>(query);
  }

  /** One message, so that the bounds cost no extra round trip. */
  async #begin({ isolationLevel, accessMode }: TransactionSettings, purpose: Purpose): Promise<void> {
    const level = isolationLevel === undefined ? '' : ` ISOLATION LEVEL ${isolationLevel}`;
    const begin = `START TRANSACTION${level}${accessMode === undefined ? '' : ` ${accessMode}`}`;
    this.#purpose = purpose;
    try {
      const query = CompiledQuery.raw(`${begin}; ${bounds}`);
      await this.#observed(purpose, () => this.#connection.executeQuery(query));
    } catch (error) {
      await this.#abandon();
      throw error;
    }
  }

  async #observed<T>(purpose: Purpose, work: () => Promise<T>): Promise<T> {
    try {
      return await onWire(work);
    } catch (error) {
      this.#observer.note(error, [purpose]);
      throw error;
    }
  }

  /** A connection that cannot even roll back is closed when it is released, and its transaction with it. */
  async #abandon(): Promise<void> {
    await this.rollback().catch(() => {});
  }
}

/** The purpose of a single statement; raw ones are recognised by their first word. */
const purposeOf = ({ query, sql }: CompiledQuery): Purpose =>
  query.kind === 'SelectQueryNode' || (query.kind === 'RawNode' && /^\s*(?:SELECT|WITH)\b/i.test(sql))
    ? 'read'
    : 'write';
