import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Clock } from '../../domain/clock.ts';
import { changesChannel } from '../migrations/triggers.ts';
import { connectionOptions, impatientSocket, pause } from '../postgres/postgres.ts';

export interface ListenOptions {
  readonly url: string;
  /** The embedded database. */
  readonly isEmbedded?: boolean;
  /**
   * The pool through which other connections write: the nonce goes through it, to prove that their notifications arrive
   * here.
   */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The nonce was received: from now on nothing is missed until the session ends. */
  onVerified: () => void;
  onNotified: (payload: string) => void;
}

/** The end of a session: `deaf` if the nonce did not arrive, else the connection was lost. */
export type SessionEnd = { readonly deaf: true } | { readonly deaf: false; readonly error: unknown };

const nonceWithinMs = 2_000;
/** A dead network is noticed by silence, so queries are sent this often. */
const askEveryMs = 2_000;
const silenceMs = 5_000;

/** Runs one listening connection, from connecting to its end; leaves nothing open. Never rejects. */
export const listenSession = async (options: ListenOptions): Promise<SessionEnd> => {
  const socket = impatientSocket(silenceMs);
  const over = new AbortController();
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve(over.abort())));
  const leave = () => socket.destroy();
  options.signal.addEventListener('abort', leave, { once: true });
  const client = new pg.Client({ ...connectionOptions(options.url, silenceMs, options), stream: () => socket });
  let lost: unknown = new Error('the connection was closed');
  client.on('error', error => {
    lost = error;
  });
  try {
    options.signal.throwIfAborted();
    await client.connect();
    const heard = await hearNonce(client, options, over.signal);
    if (!heard && !over.signal.aborted) return { deaf: true };
    if (heard) options.onVerified();
    await keepAsking(client, options.clock, over.signal);
    return { deaf: false, error: lost };
  } catch (error) {
    return { deaf: false, error };
  } finally {
    options.signal.removeEventListener('abort', leave);
    socket.destroy();
    await closed;
  }
};

/**
 * Listens, then notifies through the pool: true once the notification arrives, false after two seconds or at the end.
 */
const hearNonce = async (client: pg.Client, options: ListenOptions, over: AbortSignal): Promise<boolean> => {
  const nonce = `nonce:${randomBytes(12).toString('hex')}`;
  const heard = new AbortController();
  client.on('notification', ({ payload }) => {
    if (payload === nonce) heard.abort();
    else if (payload !== undefined) options.onNotified(payload);
  });
  await client.query(`LISTEN ${changesChannel}`);
  await options.pool.query('SELECT pg_notify($1, $2)', [changesChannel, nonce]);
  await pause(options.clock, nonceWithinMs, AbortSignal.any([heard.signal, over]));
  return heard.signal.aborted;
};

const keepAsking = async (client: pg.Client, clock: Clock, over: AbortSignal): Promise<void> => {
  while (!over.aborted) {
    await client.query('SELECT 1');
    await pause(clock, askEveryMs, over);
  }
};
