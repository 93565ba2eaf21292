import { type Kysely, PostgresAdapter, sql, type Transaction } from 'kysely';
import type { Database } from '../db/schema.ts';
import type { StoredValue } from './effective-pool.ts';
import type { PoolChange } from './pool-patch.ts';

const table = 'scheduler_pool_config';
/** Any number, as long as every gateway takes the same one. */
const writersLock = 7_430_119_003;

/** The rows of scheduler_pool_config, in either database. */
export class PoolSettingsStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** By the name of the pool. */
  async readAll(): Promise<Map<string, StoredValue[]>> {
    const rows = await this.#db
      .selectFrom(table)
      .select(['pool', 'key', 'value'])
      .orderBy('pool')
      .orderBy('key')
      .execute();
    return Map.groupBy(rows, ({ pool }) => pool);
  }

  /** `check` sees the rows of the pool as they are before, and throws where the changes must not be made. */
  async write(
    pool: string,
    changes: readonly PoolChange[],
    { now, check }: { now: string; check: (rows: readonly StoredValue[]) => void },
  ): Promise<void> {
    await this.#db.transaction().execute(async trx => {
      await lockWriters(trx, pool);
      check(await trx.selectFrom(table).select(['key', 'value']).where('pool', '=', pool).execute());
      for (const { key, value } of changes) {
        if (value === null) await trx.deleteFrom(table).where('pool', '=', pool).where('key', '=', key).execute();
        else await upsert(trx, { pool, key, value, now });
      }
    });
  }
}

/** One writer at a time among gateways, so that what was checked is what is stored. */
const lockWriters = async (trx: Transaction<Database>, pool: string): Promise<void> => {
  if (trx.getExecutor().adapter instanceof PostgresAdapter) {
    await sql`SELECT pg_advisory_xact_lock(${writersLock})`.execute(trx);
  } else {
    // SQLite lets one connection write; whoever begins with a write waits for the others here.
    await trx.deleteFrom(table).where('pool', '=', pool).where('key', '=', '').execute();
  }
};

const upsert = (
  trx: Transaction<Database>,
  { pool, key, value, now }: { pool: string; key: string; value: string; now: string },
) =>
  trx
    .insertInto(table)
    .values({ pool, key, value, description: null, updated_at: now })
    .onConflict(conflict => conflict.columns(['pool', 'key']).doUpdateSet({ value, updated_at: now }))
    .execute();
