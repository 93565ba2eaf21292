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
  /** Called for connections that break while idle; the pool replaces them itself. */
  onError?: (error: Error) => void;
  maxConnections?: number;
  /** A database that sends nothing for this long counts as lost: the statement fails, its connection is dropped. */
  silenceMs?: number;
  observer?: Observer;
  /** Whether this is the embedded database. */
  isEmbedded?: boolean;
}

const unobserved: Observer = { note: () => {}, worked: () => {} };

/**
 * Opens a pool; connects at the first use, and again after a connection was lost. A lost connection never ends the
 * process: it fails the statements that were using it.
 */
export const openPostgres = (url: string, options: PostgresOptions = {}): Postgres => {
  const silenceMs = options.silenceMs ?? 10_000;
  const pool = new pg.Pool({
    ...connectionOptions(url, silenceMs, options),
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: Math.min(5_000, silenceMs),
    // An idle connection is closed before its silence would count as a fault.
    idleTimeoutMillis: silenceMs / 2,
  });
  const onError = options.onError ?? (() => {});
  pool.on('error', onError);
  // The pool handles errors only while a connection is idle; without a handler, a connection that breaks between two
  // statements of a transaction would emit an unhandled 'error' event.
  pool.on('connect', client => client.on('error', () => {}));
  const db = new Kysely<Database>({ dialect: postgresDialect(pool, options.observer ?? unobserved) });
  return {
    db,
    pool,
    // Kysely ends the pool only if Kysely has used it.
    close: async () => {
      await db.destroy();
      if (!pool.ending) await pool.end();
    },
  };
};

/**
 * Lends a connection of the pool to `work`. If `work` fails, the connection is closed, which rolls back its open
 * transaction. It is closed at once when the signal aborts, even if the server does not answer.
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
 * The options that all our connections share. Silence is measured on the socket, on this side: `statement_timeout`
 * would not notice a dead network, and poolers refuse it as a start parameter.
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
 * All options of the embedded database are known. An option that is missing here is taken by `pg` from the environment
 * (PGOPTIONS, PGSSLMODE, PGSSLNEGOTIATION, PGREPLICATION), which describes another database of the person who started
 * the gateway. An empty text would count as missing.
 */
export const knownOfEmbedded = {
  ssl: false,
  sslnegotiation: 'postgres',
  replication: 'false',
  options: '-c datestyle=ISO',
} as const;

/** Creates a socket that breaks when nothing is sent or received for `silenceMs`. */
export const impatientSocket = (silenceMs: number): Socket => {
  const socket = new Socket();
  return socket.setTimeout(silenceMs, () => socket.destroy(new Error(`the database was silent for ${silenceMs} ms`)));
};

/** PostgreSQL's numbers of the types that rows hold in another form than `pg` reads by default. */
const oid = { int8: 20, timestamp: 1114, timestamptz: 1184, numeric: 1700 } as const;

/** Set on our connections only: `pg.types` would affect every other user of the package. */
const rowTypes: pg.CustomTypesConfig = {
  getTypeParser: (type: number, format?: 'text' | 'binary') => {
    if (type === oid.timestamptz && format !== 'binary') return isoTimestamp;
    // An older table may have a column without a zone; its values are UTC.
    if (type === oid.timestamp && format !== 'binary') return (text: string) => isoTimestamp(withZone(text));
    // IDs, counts and priorities; an installation may use BIGSERIAL or NUMERIC for them.
    if ((type === oid.int8 || type === oid.numeric) && format !== 'binary') return Number;
    return pg.types.getTypeParser(type, format);
  },
};

const earliest = '0001-01-01T00:00:00.000Z';
const latest = '9999-12-31T23:59:59.999Z';
const readTimestamp: (text: string) => unknown = pg.types.getTypeParser(oid.timestamptz, 'text');

/**
 * The one rule for unusual moments: `infinity`, years of more than four digits and years BC become the nearest moment
 * that an ISO text can express, so that no row breaks its reader. A text that is no moment becomes the earliest one: an
 * `expires_at` that cannot be read must not become "never expires".
 */
export const isoTimestamp = (text: string): string => {
  const read = readTimestamp(text);
  if (read === Number.POSITIVE_INFINITY) return latest;
  if (read === Number.NEGATIVE_INFINITY || !(read instanceof Date)) return earliest;
  // Outside the range of a Date; PostgreSQL's earliest years fit in it.
  if (Number.isNaN(read.getTime())) return /^\d{5,}-/.test(text) ? latest : earliest;
  const iso = read.toISOString();
  if (iso.startsWith('+')) return latest;
  return iso.startsWith('-') || iso < earliest ? earliest : iso;
};

/** `2026-01-31 12:00:00`, perhaps followed by BC. */
const withZone = (text: string): string => text.replace(/^[\d: .-]*\d/, '$&+00');

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Called for the first failure and then for each one with another text. */
  onFailure: (error: unknown) => void;
  /** Faults that a retry cannot cure are thrown. */
  isFatal: (error: unknown) => boolean;
}

const retryEveryMs = 500;

/** Calls `attempt` twice a second until it succeeds; rejects on a fatal fault or when the signal aborts. */
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
