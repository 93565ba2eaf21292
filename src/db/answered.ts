import { errors, GatewayError } from '../domain/errors.ts';
import { SqliteFault } from './sqlite-fault.ts';

/** Classes of SQLSTATE that tell of the server's state, not of the statement: connection, resources, shutdown. */
const passing = ['08', '53', '57'];

/** What an admin is answered: a database that is away is `unavailable`, every other fault stays what it is. */
export async function answered<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof SqliteFault) throw errors.unavailable(error.message, 1);
    throw isDatabaseAway(error) ? errors.unavailable('The database is not reachable at the moment.', 1) : error;
  }
}

function isDatabaseAway(error: unknown): boolean {
  if (error instanceof GatewayError || error instanceof TypeError || error instanceof RangeError) return false;
  const { code = '', severity } = error as { code?: string; severity?: string };
  // Only a server that answers has a severity; what SQLite says of a statement is none of its file.
  if (severity !== undefined) return passing.includes(code.slice(0, 2));
  return code !== 'ERR_SQLITE_ERROR';
}
