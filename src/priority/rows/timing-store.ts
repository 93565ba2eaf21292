import { type Kysely, sql, type Transaction } from 'kysely';
import { legible } from '../../db/legible.ts';
import { recorded } from '../../db/recorded.ts';
import { atOneMoment } from '../../db/retried.ts';
import {
  type BoostRow,
  boostRow,
  type Database,
  type MappingRow,
  type MappingScheduleRow,
  mappingScheduleRow,
} from '../../db/schema.ts';
import type { RuleTexts } from '../../schedules/schedules.ts';

const boosts = 'api_key_priority_boosts';
const schedules = 'api_key_priority_schedules';
const mappings = 'api_key_priority_mappings';

/** The subject of a schedule: the fields by which people know a mapping. */
export type ScheduledMapping = Pick<MappingRow, 'pattern' | 'tenant_id' | 'tenant_name'>;

/** `mapping`: null where there is none, or none any more. */
export type StoredSchedule = MappingScheduleRow & { readonly mapping: ScheduledMapping | null };

type ScheduleFields = RuleTexts & Pick<MappingScheduleRow, 'mapping_id' | 'priority' | 'description'>;

export interface ScheduleFilter {
  readonly mapping_id?: number | undefined;
  readonly limit: number;
  readonly offset: number;
}

/** All of them; called within the transaction that reads the mappings. */
export async function readTimings(
  trx: Transaction<Database>,
): Promise<{ boosts: BoostRow[]; schedules: MappingScheduleRow[] }> {
  return {
    boosts: legible(boostRow, await trx.selectFrom(boosts).selectAll().execute()),
    schedules: legible(mappingScheduleRow, await trx.selectFrom(schedules).selectAll().orderBy('id').execute()),
  };
}

/** Sees the other schedules of the same mapping, and throws where this one must not be beside them. */
export type CheckSchedule = (fields: ScheduleFields, others: readonly MappingScheduleRow[]) => void;

/** The rows of api_key_priority_boosts and api_key_priority_schedules. */
export class TimingStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** In the place of the boost that the mapping may have. False: there is no such mapping. */
  async boost(boost: Omit<BoostRow, 'created_at'>, actor: string): Promise<boolean> {
    const { mapping_id, priority, until, reason, created_by } = boost;
    return recorded(this.#db, { actor, lock: 'mappings' }, async trx => {
      if (!(await hasMapping(trx, mapping_id))) return false;
      await trx
        .insertInto(boosts)
        .values(boost)
        .onConflict(conflict =>
          conflict
            .column('mapping_id')
            .doUpdateSet({ priority, until, reason, created_by, created_at: sql<string>`now()` }),
        )
        .execute();
      return true;
    });
  }

  /** False: it had none that lasts beyond `now`. */
  async endBoost(mappingId: number, { now, actor }: { now: number; actor: string }): Promise<boolean> {
    return recorded(this.#db, { actor, lock: 'mappings' }, async trx => {
      const ended = await trx.deleteFrom(boosts).where('mapping_id', '=', mappingId).returning('until').execute();
      return ended.some(({ until }) => Date.parse(until) > now);
    });
  }

  async list({ mapping_id, limit, offset }: ScheduleFilter): Promise<{ schedules: StoredSchedule[]; total: number }> {
    return atOneMoment(this.#db, async trx => {
      let wanted = trx.selectFrom(schedules);
      if (mapping_id !== undefined) wanted = wanted.where('mapping_id', '=', mapping_id);
      const { total } = await wanted.select(row => row.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
      const page = wanted.selectAll().select(itsMapping).orderBy('mapping_id').orderBy('id');
      return { schedules: legible(mappingScheduleRow, await page.limit(limit).offset(offset).execute()), total };
    });
  }

  /** Null: there is no such mapping. */
  async create(fields: ScheduleFields, check: CheckSchedule, actor: string): Promise<StoredSchedule | null> {
    return recorded(this.#db, { actor, lock: 'mappings' }, async trx => {
      if (!(await hasMapping(trx, fields.mapping_id))) return null;
      check(fields, await othersOf(trx, fields.mapping_id, 0));
      return trx
        .insertInto(schedules)
        .values({ ...fields, created_by: actor })
        .returningAll()
        .returning(itsMapping)
        .executeTakeFirstOrThrow();
    });
  }

  /** Null: there is no such schedule. `change` answers what it is to hold from now on. */
  async update(
    id: number,
    change: (before: MappingScheduleRow) => ScheduleFields,
    { check, actor }: { check: CheckSchedule; actor: string },
  ): Promise<StoredSchedule | null> {
    return recorded(this.#db, { actor, lock: 'mappings' }, async trx => {
      const own = trx.selectFrom(schedules).selectAll().where('id', '=', id).forUpdate();
      const [before] = legible(mappingScheduleRow, await own.execute());
      if (!before) return null;
      const after = change(before);
      check(after, await othersOf(trx, before.mapping_id, id));
      const changed = trx.updateTable(schedules).set({ ...after, updated_at: sql<string>`now()` });
      return changed.where('id', '=', id).returningAll().returning(itsMapping).executeTakeFirstOrThrow();
    });
  }

  /** False: there was no such schedule. */
  async remove(id: number, actor: string): Promise<boolean> {
    return recorded(this.#db, { actor, lock: 'mappings' }, async trx => {
      const removed = await trx.deleteFrom(schedules).where('id', '=', id).executeTakeFirst();
      return removed.numDeletedRows > 0n;
    });
  }
}

const itsMapping = sql<ScheduledMapping | null>`(SELECT jsonb_build_object(
  'pattern', m.pattern, 'tenant_id', m.tenant_id, 'tenant_name', m.tenant_name)
  FROM api_key_priority_mappings m WHERE m.id = mapping_id)`.as('mapping');

const hasMapping = async (trx: Transaction<Database>, id: number): Promise<boolean> =>
  (await trx.selectFrom(mappings).select('id').where('id', '=', id).executeTakeFirst()) !== undefined;

const othersOf = async (trx: Transaction<Database>, mappingId: number, id: number): Promise<MappingScheduleRow[]> => {
  const others = trx.selectFrom(schedules).selectAll().where('mapping_id', '=', mappingId).where('id', '<>', id);
  return legible(mappingScheduleRow, await others.orderBy('id').execute());
};
