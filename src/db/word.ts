import pg from 'pg';
import { GatewayError } from '../domain/errors.ts';
import { postgresTables } from './migrations/tables.ts';
import { SqliteFault } from './sqlite/sqlite-fault.ts';

/* The meaning of the database's errors. It is decided here, by SQLSTATE, and nowhere else:

     state     the state of the server or its data: the request is not at fault, and a retry may work
     refusal   a row that its table does not accept
     text      a text that the database cannot store: the client can send another one

   Any other error is a fault of the gateway. The server's messages are in its own language and name rows, so they go
   to the log; only names of our tables, numbers, characters and the words of a trigger are passed on. */
export type Word = StateWord | RefusalWord | TextWord;

export interface StateWord {
  readonly kind: 'state';
  readonly reason: string;
  /** The reason, and the operator's remedy. */
  readonly sentence: string;
  /** The subject: whether the database can be reached, what the server can do, or a table or some rows. */
  readonly about: 'connection' | 'server' | 'part';
}

interface RefusalWord {
  readonly kind: 'refusal';
  readonly reason: string;
}

interface TextWord {
  readonly kind: 'text';
  /** Ends a sentence that begins with the name of the text. */
  readonly reason: string;
  /** Whether this text may be the one. */
  readonly isMeant: (text: string) => boolean;
  /** Whether a match is certain; otherwise it counts only if no other text matches. */
  readonly isCertain: boolean;
}

/** Errors of connections have no class of their own, so the driver records them here. */
const metByConnections = new WeakSet<object>();

/** Runs work on a connection; `isOfDatabase` recognises its rejections. */
export const onWire = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (typeof error === 'object' && error !== null) metByConnections.add(error);
    throw error;
  }
};

/** Whether the error comes from the database, or from the connection to it. */
export const isOfDatabase = (error: unknown): boolean =>
  error instanceof pg.DatabaseError ||
  error instanceof SqliteFault ||
  (error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR') ||
  (typeof error === 'object' && error !== null && metByConnections.has(error));

/** Interprets an error of the database; other errors may look similar. */
export const wordOf = (error: unknown): Word | null => {
  if (error instanceof GatewayError || error instanceof TypeError || error instanceof RangeError) return null;
  if (error instanceof SqliteFault) return ofFile(error);
  const { code = '', severity, message = '' } = error as { code?: string; severity?: string; message?: string };
  if (message.startsWith('no such table')) return part(lackingTable(message));
  // Only a server that answers has a severity, and SQLite's file cannot be unreachable.
  if (severity === undefined) return code === 'ERR_SQLITE_ERROR' ? null : away(message);
  if (!(error instanceof pg.DatabaseError)) return null;
  const meaning = meanings[code] ?? meanings[code.slice(0, 2)];
  return meaning?.(error) ?? null;
};

/** The database keeps its data and accepts no change. */
export const isReadOnly = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '25006';

/** Another transaction conflicted with this one, which is rolled back as a whole and may run again. */
export const isRolledBack = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01');

type Meaning = (error: pg.DatabaseError) => Word;

const stateOf =
  (about: StateWord['about']) =>
  (reason: string, advice?: string): StateWord => ({
    kind: 'state',
    reason,
    sentence: advice === undefined ? `${reason} at the moment.` : `${reason}: ${advice}.`,
    about,
  });
const server = stateOf('server');
const connection = stateOf('connection');
const part = stateOf('part');
const refusing =
  (reason: (error: pg.DatabaseError) => string): Meaning =>
  error => ({ kind: 'refusal', reason: reason(error) });

const notReachable = 'The database is not reachable';
export const readOnlyReason = 'The database is read-only';
const readOnlyAdvice =
  'it is a standby, or default_transaction_read_only is on; nothing can be changed, and what is stored serves on';

export const readOnlySentence = `${readOnlyReason}: ${readOnlyAdvice}`;

/** By SQLSTATE, else by its class. */
const meanings: Readonly<Record<string, Meaning>> = {
  '08': () => connection(notReachable),
  '25006': () => server(readOnlyReason, readOnlyAdvice),
  '25P03': () =>
    server('The database has ended a transaction that was idle', 'idle_in_transaction_session_timeout is short'),
  '25P04': () => server('The database has ended a transaction that took long', 'transaction_timeout is short'),
  '28': () =>
    connection(
      'The database does not let the gateway in',
      'look at role and password in database.url, and pg_hba.conf',
    ),
  '3D': () => connection('The database that database.url names does not exist', 'create it, or name another one'),
  '3F': () => server('The schema with the tables of the gateway does not exist', 'bring it back, or set search_path'),
  '40': () => part('Others are changing the same rows', 'try again'),
  '42501': ({ message }) => part(...lackingRight(message)),
  '42P01': ({ message }) => part(lackingTable(message)),
  '42703': () =>
    part('A table of the database lacks a column', 'it was altered while the gateway runs; the log names it'),
  '44': refusing(() => 'a view with CHECK OPTION does not allow such a row'),
  '53': () => server('The database lacks memory or another resource', 'the log has its message'),
  '53100': () => server('The disk of the database is full', 'make room there'),
  '53300': () =>
    connection('The database lets no further connection in', 'raise max_connections, or end other sessions'),
  '55': () => part('The database is not in a state for this', 'the log has its message'),
  '55P03': () => part('Somebody else keeps the rows or their table locked', 'end that transaction, or wait for it'),
  '57': () => connection(notReachable),
  '57014': () => part('The database took too long for this', 'it may be overloaded, or somebody has cancelled it'),
  '58': () => server('The database cannot read or write its files', 'see its log'),
  XX: () => server('The database has met a fault of its own', 'see its log'),
  '23503': refusing(() => 'what it belongs to is gone'),
  '23514': refusing(({ table, constraint }) => `the table ${table} does not allow such a row (${constraint})`),
  '23502': refusing(({ table, column }) => `the table ${table} does not allow a row without ${column}`),
  '2200H': refusing(({ message }) => `there is no id left for a new row (${message})`),
  '23P01': refusing(({ constraint }) => `another row is in its way (${constraint})`),
  P0001: refusing(({ message }) => `a trigger there says: ${message.slice(0, 200)}`),
  '22': () => unknown('is nothing that the database can take'),
  '22001': ({ message }) => tooLong(message),
  '22021': ({ message }) => unheld(message),
  '22P05': ({ message }) => unheld(message),
  '54': () => unknown('is more than the database can take'),
};

/** Its message is a complete sentence. */
const ofFile = ({ message }: SqliteFault): Word => ({ ...server(message.slice(0, -1)), sentence: message });

/** A fault of the connection, not of the server. */
const away = (message: string): Word => {
  if (message === 'timeout exceeded when trying to connect')
    return connection('The database is not reachable, or all connections to it are busy');
  return connection(message.startsWith('the database was silent') ? 'The database does not answer' : notReachable);
};

const tableIn = (message: string): string | undefined =>
  postgresTables.find(({ name }) => new RegExp(`\\b${name}\\b`).test(message))?.name;

/** Dropped, renamed, or not restored yet. The message names the table, in any language. */
const lackingTable = (message: string): string => {
  const table = tableIn(message);
  return table === undefined ? 'The database lacks a table' : `The database has no table ${table}`;
};

const lackingRight = (message: string): [reason: string, advice: string] => {
  const table = tableIn(message);
  return table === undefined
    ? ['The database role lacks a right', 'the log names it']
    : [`The database role lacks a right on ${table}`, `its owner can GRANT SELECT, INSERT, UPDATE, DELETE ON ${table}`];
};

/** The server does not say which text it is. */
const unknown = (reason: string): Word => ({ kind: 'text', reason, isMeant: () => false, isCertain: false });

/** `value too long for type character varying(20)` */
const tooLong = (message: string): Word => {
  const most = Number(/\((\d+)\)/.exec(message)?.[1] ?? Number.NaN);
  return {
    kind: 'text',
    reason: Number.isNaN(most)
      ? 'is longer than its column'
      : `is longer than its column, which holds ${most} characters`,
    isMeant: text => [...text].length > most,
    isCertain: false,
  };
};

/**
 * `character with byte sequence 0xe7 0xa0 0x94 in encoding "UTF8" has no equivalent in encoding "LATIN1"`: in every
 * language the message has these bytes, and the encodings in quotes.
 */
const unheld = (message: string): Word => {
  const bytes = [...message.matchAll(/0x([0-9a-f]{2})/g)].map(([, hex = '']) => Number.parseInt(hex, 16));
  const character = Buffer.from(bytes).toString();
  const encoding = [...message.matchAll(/[A-Z][A-Z0-9_]+(?=\s?["»«”])/g)].at(-1)?.[0];
  const where = encoding === undefined ? '' : ` (its encoding is ${encoding})`;
  return {
    kind: 'text',
    reason: `holds ${JSON.stringify(character)}, which the database cannot store${where}`,
    isMeant: text => character !== '' && text.includes(character),
    isCertain: true,
  };
};
