import type { Kysely, Transaction } from 'kysely';
import type { Database } from './schema.ts';
import { isRolledBack } from './word.ts';

const triesAtMost = 3;

/**
 * Runs `run` again if the database rolled it back because of another transaction (a deadlock, a conflict with replay on
 * a standby). `run` is one transaction or one statement, so a failed run has had no effect.
 */
export async function retried<T>(run: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (tries === triesAtMost || !isRolledBack(error)) throw error;
    }
  }
}

/** Reads several results as of one moment. `read` may run more than once. PostgreSQL only. */
export const atOneMoment = <T>(db: Kysely<Database>, read: (trx: Transaction<Database>) => Promise<T>): Promise<T> =>
  retried(() => db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(read));
