import { errors, GatewayError } from '../domain/errors.ts';
import { refusalOf } from './clash.ts';
import { SqliteFault } from './sqlite-fault.ts';
import { postgresTables } from './tables.ts';

/** Classes of SQLSTATE that tell of the server's state, not of the statement: connection, resources, shutdown. */
const passing = ['08', '53', '57'];
const undefinedTable = '42P01';

/**
 * What an admin is answered: a database that cannot do it now is `unavailable`, a row that its table refuses a
 * `conflict`; every other fault stays what it is.
 */
export async function answered<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof SqliteFault) throw errors.unavailable(error.message, 1);
    const reason = unavailability(error);
    if (reason !== null) throw errors.unavailable(`${reason} at the moment.`, 1);
    const refusal = refusalOf(error);
    throw refusal === null ? error : errors.conflict(`The database refuses this: ${refusal}.`);
  }
}

/** The only place that decides what the database's word means: why it cannot do anything of the kind now, or null. */
export function unavailability(error: unknown): string | null {
  if (error instanceof GatewayError || error instanceof TypeError || error instanceof RangeError) return null;
  // Its message is a sentence already.
  if (error instanceof SqliteFault) return error.message.slice(0, -1);
  const { code = '', severity, message = '' } = error as { code?: string; severity?: string; message?: string };
  if (code === undefinedTable || message.startsWith('no such table')) return lacking(message);
  // Only a server that answers has a severity, and SQLite's file does not go away.
  const isAway = severity === undefined ? code !== 'ERR_SQLITE_ERROR' : passing.includes(code.slice(0, 2));
  return isAway ? 'The database is not reachable' : null;
}

/** Dropped, renamed away, or not restored yet. The message names it, in whatever language. */
function lacking(message: string): string {
  const table = postgresTables.find(({ name }) => new RegExp(`\\b${name}\\b`).test(message));
  return table === undefined ? 'The database lacks a table' : `The database has no table ${table.name}`;
}
