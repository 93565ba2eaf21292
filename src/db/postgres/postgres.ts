import { Socket } from 'node:net';
import { Kysely } from 'kysely';
import pg from 'pg';
import type { Clock } from '../../domain/clock.ts';
import type { Database } from '../schema.ts';
import { type Observer, postgresDialect } from './postgres-driver.ts';

export interface Postgres {
  readonly db: Kysely<Database>;
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

export interface PostgresOptions {
  /** Told about connections that break while nobody uses them; the pool replaces them by itself. */
  onError?: (error: Error) => void;
  maxConnections?: number;
  /** A database that says nothing for this long counts as lost: the statement fails, its connection is dropped. */
  silenceMs?: number;
  observer?: Observer;
  /** The embedded database. */
  isEmbedded?: boolean;
}

const unobserved: Observer = { note: () => {}, worked: () => {} };

/**
 * Opens a pool; connects only when first used, and again whenever a connection was lost. A lost
 * connection never ends the process: it fails the statements that were using it.
 */
export const openPostgres = (url: string, options: PostgresOptions = {}): Postgres => {
  const silenceMs = options.silenceMs ?? 10_000;
  const pool = new pg.Pool({
    ...connectionOptions(url, silenceMs, options),
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: Math.min(5_000, silenceMs),
    // An idle connection leaves before its silence would look like a fault.
    idleTimeoutMillis: silenceMs / 2,
  });
  const onError = options.onError ?? (() => {});
  pool.on('error', onError);
  // The pool listens only while a connection is idle; one that breaks between two statements of a
  // transaction would otherwise be an unhandled 'error' event.
  pool.on('connect', client => client.on('error', () => {}));
  const db = new Kysely<Database>({ dialect: postgresDialect(pool, options.observer ?? unobserved) });
  return {
    db,
    pool,
    // Kysely ends the pool only if it has used it.
    close: async () => {
      await db.destroy();
      if (!pool.ending) await pool.end();
    },
  };
};

/**
 * Lends a connection of the pool to `work`. It is closed instead of given back where that fails, which rolls
 * back what it left open, and at once when the signal aborts, however long the server would take.
 */
export const onConnection = async <T>(
  pool: pg.Pool,
  signal: AbortSignal,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> => {
  const client = await pool.connect();
  const end = Promise.withResolvers<never>();
  const leave = () => end.reject(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  let isSound = false;
  try {
    signal.throwIfAborted();
    const answer = await Promise.race([work(client), end.promise]);
    isSound = true;
    return answer;
  } finally {
    signal.removeEventListener('abort', leave);
    client.release(!isSound);
  }
};

/**
 * What every connection of ours has in common. Silence is measured on the socket, on this side:
 * `statement_timeout` would not notice a dead network, and poolers refuse it as a start parameter.
 */
export const connectionOptions = (
  url: string,
  silenceMs: number,
  { isEmbedded = false }: Pick<PostgresOptions, 'isEmbedded'> = {},
): pg.ClientConfig => ({
  ...(isEmbedded ? knownOfEmbedded : {}),
  connectionString: url,
  application_name: 'tokligence-gateway',
  keepAlive: true,
  keepAliveInitialDelayMillis: 5_000,
  types: rowTypes,
  stream: () => impatientSocket(silenceMs),
});

/**
 * Of the embedded database all is known. What is not said here `pg` would take from the environment (PGOPTIONS,
 * PGSSLMODE, PGSSLNEGOTIATION, PGREPLICATION), which is about some other database of whoever started the gateway.
 * An empty text would count as not said.
 */
export const knownOfEmbedded = {
  ssl: false,
  sslnegotiation: 'postgres',
  replication: 'false',
  options: '-c datestyle=ISO',
} as const;

/** A socket that breaks when nothing comes or goes for `silenceMs`. */
export const impatientSocket = (silenceMs: number): Socket => {
  const socket = new Socket();
  return socket.setTimeout(silenceMs, () => socket.destroy(new Error(`the database was silent for ${silenceMs} ms`)));
};

/** PostgreSQL's numbers for the types that rows carry otherwise than `pg` reads them by default. */
const oid = { int8: 20, timestamp: 1114, timestamptz: 1184, numeric: 1700 } as const;

/** Set on our connections only: `pg.types` would change every other user of the package. */
const rowTypes: pg.CustomTypesConfig = {
  getTypeParser: (type: number, format?: 'text' | 'binary') => {
    if (type === oid.timestamptz && format !== 'binary') return isoTimestamp;
    // An older table may have a column without a zone; what is written there is UTC.
    if (type === oid.timestamp && format !== 'binary') return (text: string) => isoTimestamp(withZone(text));
    // Ids, counts and priorities; an installation may have chosen BIGSERIAL or NUMERIC.
    if ((type === oid.int8 || type === oid.numeric) && format !== 'binary') return Number;
    return pg.types.getTypeParser(type, format);
  },
};

const earliest = '0001-01-01T00:00:00.000Z';
const latest = '9999-12-31T23:59:59.999Z';
const readTimestamp: (text: string) => unknown = pg.types.getTypeParser(oid.timestamptz, 'text');

/**
 * The one rule for odd moments: `infinity`, years beyond four digits and years before Christ become the nearest
 * moment that an ISO text can say, so that no row takes down what reads it. A text that says no moment at all becomes
 * the earliest: an `expires_at` that cannot be read must not become "never expires".
 */
export const isoTimestamp = (text: string): string => {
  const read = readTimestamp(text);
  if (read === Number.POSITIVE_INFINITY) return latest;
  if (read === Number.NEGATIVE_INFINITY || !(read instanceof Date)) return earliest;
  // Beyond what a Date can hold; what PostgreSQL can say before Christ fits.
  if (Number.isNaN(read.getTime())) return /^\d{5,}-/.test(text) ? latest : earliest;
  const iso = read.toISOString();
  if (iso.startsWith('+')) return latest;
  return iso.startsWith('-') || iso < earliest ? earliest : iso;
};

/** `2026-01-31 12:00:00`, perhaps with a BC behind it. */
const withZone = (text: string): string => text.replace(/^[\d: .-]*\d/, '$&+00');

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Told about the first failure and then about each one that reads differently. */
  onFailure: (error: unknown) => void;
  /** Faults that another try cannot cure are thrown. */
  isFatal: (error: unknown) => boolean;
}

const retryEveryMs = 500;

/** Tries `attempt` until it succeeds, twice a second; rejects when it fails for good or the signal aborts. */
export const retryUntilDone = async <T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> => {
  let said = '';
  for (;;) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (options.isFatal(error)) throw error;
      if (String(error) !== said) options.onFailure(error);
      said = String(error);
    }
    await pause(options.clock, retryEveryMs, options.signal);
  }
};

/** Resolves after `delayMs`, or at once when the signal aborts. */
export const pause = (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) return resolve();
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
