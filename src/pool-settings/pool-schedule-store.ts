import type { Kysely, Transaction } from 'kysely';
import { legible } from '../db/legible.ts';
import { recorded } from '../db/recorded.ts';
import { type Database, type PoolScheduleRow, poolScheduleRow } from '../db/schema.ts';
import type { RuleTexts } from '../schedules/schedules.ts';

const table = 'scheduler_pool_schedules';

type PoolScheduleFields = RuleTexts & Pick<PoolScheduleRow, 'pool' | 'key' | 'value' | 'description'>;

/** Sees the other schedules of the same setting, and throws where this one must not be beside them. */
export type CheckPoolSchedule = (fields: PoolScheduleFields, others: readonly PoolScheduleRow[]) => void;

interface PoolScheduleWrite {
  readonly check: CheckPoolSchedule;
  readonly actor: string;
  readonly now: string;
}

/** The rows of scheduler_pool_schedules, in either database. */
export class PoolScheduleStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async create(fields: PoolScheduleFields, { check, actor, now }: PoolScheduleWrite): Promise<PoolScheduleRow> {
    return this.#writing(actor, async trx => {
      check(fields, await othersOf(trx, fields, 0));
      return trx
        .insertInto(table)
        .values({ ...fields, created_by: actor, created_at: now, updated_at: now })
        .returningAll()
        .executeTakeFirstOrThrow();
    });
  }

  /** Null: the pool has no such schedule. `change` answers what it is to hold from now on. */
  async update(
    pool: string,
    id: number,
    change: (before: PoolScheduleRow) => PoolScheduleFields,
    { check, actor, now }: PoolScheduleWrite,
  ): Promise<PoolScheduleRow | null> {
    return this.#writing(actor, async trx => {
      const own = trx.selectFrom(table).selectAll().where('id', '=', id).where('pool', '=', pool);
      const [before] = legible(poolScheduleRow, await own.execute());
      if (!before) return null;
      const after = change(before);
      check(after, await othersOf(trx, after, id));
      const changed = trx.updateTable(table).set({ ...after, updated_at: now });
      return changed.where('id', '=', id).returningAll().executeTakeFirstOrThrow();
    });
  }

  /** False: the pool has no such schedule. */
  async remove(pool: string, id: number, actor: string): Promise<boolean> {
    return this.#writing(actor, async trx => {
      const removed = await trx.deleteFrom(table).where('id', '=', id).where('pool', '=', pool).executeTakeFirst();
      return removed.numDeletedRows > 0n;
    });
  }

  #writing<T>(actor: string, write: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
    return recorded(this.#db, { actor, lock: 'pools' }, write);
  }
}

const othersOf = async (
  trx: Transaction<Database>,
  { pool, key }: Pick<PoolScheduleFields, 'pool' | 'key'>,
  id: number,
): Promise<PoolScheduleRow[]> => {
  const ofKey = trx.selectFrom(table).selectAll().where('pool', '=', pool).where('key', '=', key);
  return legible(poolScheduleRow, await ofKey.where('id', '<>', id).orderBy('id').execute());
};
