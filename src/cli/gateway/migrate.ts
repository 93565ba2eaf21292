import type { Config } from '../../config/config-loader.ts';
import { shownUrl } from '../../config/postgres-url.ts';
import { startEmbedded } from '../../db/embedded/embedded.ts';
import { type Migrated, migratePostgres, migrateSqlite, SchemaFault } from '../../db/migrations/migrations.ts';
import { openPostgres } from '../../db/postgres/postgres.ts';
import { openSqlite, sqliteFile } from '../../db/sqlite/sqlite.ts';
import { SqliteFault } from '../../db/sqlite/sqlite-fault.ts';
import { type Clock, systemClock } from '../../domain/clock.ts';
import { CliFault, exitCodes } from './exit.ts';

interface Outcome {
  readonly where: string;
  readonly created: readonly string[];
}

export async function migrate({ gateway, database }: Config, tell: (text: string) => void): Promise<Outcome> {
  if (gateway.edition === 'personal') return migrateFile(sqliteFile(gateway.dataDir), tell);
  if (database.url !== null) return { where: shownUrl(database.url), ...(await migrateUrl(database.url)) };
  const log = { info: () => {}, warn: tell, error: tell };
  const embedded = await startEmbedded({ dataDir: gateway.dataDir, log });
  try {
    return { where: `embedded PostgreSQL in ${gateway.dataDir}`, ...(await migrateUrl(embedded.url, true)) };
  } finally {
    await embedded.stop();
  }
}

/** Nothing else keeps the command alive while it waits for the lock of the file. */
const clock: Clock = {
  ...systemClock,
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

async function migrateFile(file: string, tell: (text: string) => void): Promise<Outcome> {
  const sqlite = openSqlite(file, { clock, log: { info: () => {}, warn: tell } });
  try {
    const tables = async () => (await sqlite.db.introspection.getTables()).map(({ name }) => name);
    const before = new Set(await tables());
    await migrateSqlite(sqlite.db);
    return { where: file, created: (await tables()).filter(name => !before.has(name)) };
  } catch (error) {
    throw asFault(error);
  } finally {
    await sqlite.close();
  }
}

async function migrateUrl(url: string, isEmbedded = false): Promise<Pick<Migrated, 'created'>> {
  const { pool, close } = openPostgres(url, { isEmbedded });
  try {
    return await migratePostgres(pool);
  } catch (error) {
    throw asFault(error);
  } finally {
    await close();
  }
}

/** A database that is unusable as it is means a failure; one that does not answer is unreachable. */
function asFault(error: unknown): unknown {
  if (error instanceof SchemaFault) return new CliFault(exitCodes.failed, error.message);
  if (error instanceof SqliteFault) return new CliFault(exitCodes.unreachable, error.message);
  const isConnection =
    error instanceof Error && 'code' in error && /^(E[A-Z]+|08\d{3}|57P0\d)$/.test(String(error.code));
  return isConnection ? new CliFault(exitCodes.unreachable, `cannot reach the database: ${error.message}`) : error;
}
