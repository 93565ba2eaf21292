import type { Kysely, Transaction } from 'kysely';
import { legible } from '../db/legible.ts';
import { recorded } from '../db/recorded.ts';
import { type Database, type PoolScheduleRow, poolScheduleRow, poolSettingRow } from '../db/schema.ts';
import type { StoredValue } from './effective-pool.ts';
import type { PoolChange } from './pool-patch.ts';

const table = 'scheduler_pool_config';

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
    return Map.groupBy(legible(poolSettingRow, rows), ({ pool }) => pool);
  }

  /** By the name of the pool, in order of id. */
  async readSchedules(): Promise<Map<string, PoolScheduleRow[]>> {
    const rows = await this.#db.selectFrom('scheduler_pool_schedules').selectAll().orderBy('id').execute();
    return Map.groupBy(legible(poolScheduleRow, rows), ({ pool }) => pool);
  }

  /** `check` sees the rows of the pool as they are before, and throws where the changes must not be made. */
  async write(
    pool: string,
    changes: readonly PoolChange[],
    { actor, now, check }: { actor?: string | undefined; now: string; check: (rows: readonly StoredValue[]) => void },
  ): Promise<void> {
    await recorded(this.#db, { actor, lock: 'pools' }, async trx => {
      const before = await trx.selectFrom(table).select(['key', 'value']).where('pool', '=', pool).execute();
      check(legible(poolSettingRow, before));
      for (const { key, value } of changes) {
        if (value === null) await trx.deleteFrom(table).where('pool', '=', pool).where('key', '=', key).execute();
        else await upsert(trx, { pool, key, value, now });
      }
    });
  }
}

const upsert = (
  trx: Transaction<Database>,
  { pool, key, value, now }: { pool: string; key: string; value: string; now: string },
) =>
  trx
    .insertInto(table)
    .values({ pool, key, value, description: null, updated_at: now })
    .onConflict(conflict => conflict.columns(['pool', 'key']).doUpdateSet({ value, updated_at: now }))
    .execute();
