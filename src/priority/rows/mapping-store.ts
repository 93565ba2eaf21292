import { type Kysely, sql, type Transaction } from 'kysely';
import { legible } from '../../db/legible.ts';
import { recorded } from '../../db/recorded.ts';
import { atOneMoment } from '../../db/retried.ts';
import {
  type BoostRow,
  type Database,
  type MappingRow,
  type MappingScheduleRow,
  mappingRow,
  type PrioritySettingRow,
  prioritySettingRow,
} from '../../db/schema.ts';
import { errors } from '../../domain/errors.ts';
import type { MappingSource } from '../matching/matcher.ts';
import { digestOfExact } from '../matching/pattern.ts';
import type { MappingPatch, NewMapping } from './mapping-rules.ts';
import type { SettingChange, StoredSetting } from './settings.ts';
import { readTimings } from './timing-store.ts';

export interface StoredRows {
  /** Enabled rows in order of id. */
  readonly mappings: MappingSource[];
  readonly settings: StoredSetting[];
  /** Of all mappings, enabled or not; ended boosts too. */
  readonly boosts: BoostRow[];
  readonly schedules: MappingScheduleRow[];
}

/** A row, and the ETag of its version. */
export type StoredMapping = MappingRow & { readonly etag: string };

/** Rows decoded at a stretch: one to two milliseconds of work. */
const pageSize = 500;

export const table = 'api_key_priority_mappings';
const matchColumns = ['id', 'pattern', 'match_type', 'priority', 'tenant_id', 'tenant_name', 'tenant_type'] as const;

/** The rows of api_key_priority_mappings and api_key_priority_config. */
export class MappingStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Everything that a snapshot is made of, as of one moment. */
  async readAll(): Promise<StoredRows> {
    return atOneMoment(this.#db, async trx => {
      const settings = await readSettings(trx);
      const mappings: MappingSource[] = [];
      for (let page = await readPage(trx, 0); page.length > 0; page = await readPage(trx, page.at(-1)?.id ?? 0)) {
        mappings.push(...page);
        if (page.length < pageSize) break;
      }
      return { mappings, settings, ...(await readTimings(trx)) };
    });
  }

  /** Null: there is no such row. */
  async find(id: number): Promise<StoredMapping | null> {
    return (await readRow(this.#db, id)) ?? null;
  }

  async create(mapping: NewMapping, createdBy: string): Promise<StoredMapping> {
    return this.#writing(createdBy, async trx => {
      await refuseSamePattern(trx, mapping, null);
      const values = { tenant_id: null, tenant_name: null, tenant_type: null, description: null, ...given(mapping) };
      return trx
        .insertInto(table)
        .values({ ...values, created_by: createdBy })
        .returningAll()
        .returning(etag)
        .executeTakeFirstOrThrow();
    });
  }

  /** Null: there is no such row. `check` sees the row as it is and as it will be, and throws where it must not. */
  async update(
    id: number,
    patch: MappingPatch,
    { actor, check }: { actor?: string | undefined; check: (before: StoredMapping, after: MappingRow) => void },
  ): Promise<StoredMapping | null> {
    return this.#writing(actor, async trx => {
      const before = await lockRow(trx, id);
      if (!before) return null;
      const { etag: _version, ...row } = before;
      const after = { ...row, ...given(patch) };
      check(before, after);
      if (Object.keys(given(patch)).length === 0) return before;
      if (patch.pattern !== undefined || patch.match_type !== undefined) await refuseSamePattern(trx, after, id);
      const changed = trx.updateTable(table).set({ ...given(patch), updated_at: sql<string>`now()` });
      return changed.where('id', '=', id).returningAll().returning(etag).executeTakeFirstOrThrow();
    });
  }

  /** Answers the row that was there; null: there was none. `check` as for `update`. */
  async remove(
    id: number,
    { actor, check }: { actor?: string | undefined; check: (before: StoredMapping) => void },
  ): Promise<StoredMapping | null> {
    return this.#writing(actor, async trx => {
      const before = await lockRow(trx, id);
      if (!before) return null;
      check(before);
      await trx.deleteFrom(table).where('id', '=', id).execute();
      // A trigger does this for all deletions, where the database role may create it.
      await trx.deleteFrom('api_key_priority_boosts').where('mapping_id', '=', id).execute();
      await trx.deleteFrom('api_key_priority_schedules').where('mapping_id', '=', id).execute();
      return before;
    });
  }

  /** Answers all settings that are stored then. */
  async writeSettings(changes: readonly SettingChange[], actor?: string): Promise<StoredSetting[]> {
    return recorded(this.#db, { actor, lock: 'mappings' }, async trx => {
      for (const { key, value } of changes) {
        if (value === null) await trx.deleteFrom('api_key_priority_config').where('key', '=', key).execute();
        else await upsertSetting(trx, { key, value });
      }
      return readSettings(trx);
    });
  }

  /** One writer of mappings at a time among gateways, so that the check for a same pattern holds. */
  #writing<T>(actor: string | undefined, write: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
    return recorded(this.#db, { actor, lock: 'mappings' }, write);
  }
}

/** PostgreSQL never changes a row in place: the transaction that wrote a row's version names that version. */
export const etag = sql<string>`'"' || xmin || '"'`.as('etag');

export const readRow = async (db: Kysely<Database>, id: number): Promise<StoredMapping | undefined> =>
  legible(mappingRow, await rowOf(db, id).execute())[0];

const lockRow = async (trx: Transaction<Database>, id: number): Promise<StoredMapping | undefined> =>
  legible(mappingRow, await rowOf(trx, id).forUpdate().execute())[0];

const rowOf = (db: Kysely<Database>, id: number) => db.selectFrom(table).selectAll().select(etag).where('id', '=', id);

const readPage = async (trx: Transaction<Database>, afterId: number): Promise<MappingSource[]> => {
  const page = trx.selectFrom(table).select(matchColumns).where('enabled', '=', true).where('id', '>', afterId);
  return legible(mappingRow, await page.orderBy('id').limit(pageSize).execute());
};

const readSettings = async (trx: Transaction<Database>): Promise<StoredSetting[]> =>
  legible(prioritySettingRow, await trx.selectFrom('api_key_priority_config').select(['key', 'value']).execute());

const upsertSetting = (trx: Transaction<Database>, row: Pick<PrioritySettingRow, 'key' | 'value'>) =>
  trx
    .insertInto('api_key_priority_config')
    .values({ ...row, description: null })
    .onConflict(conflict => conflict.column('key').doUpdateSet({ value: row.value, updated_at: sql<string>`now()` }))
    .execute();

/** Both spellings of one exact key, in clear and as sha256:<hex>, count as the same pattern. */
export async function refuseSamePattern(
  trx: Transaction<Database>,
  { pattern, match_type }: Pick<MappingRow, 'pattern' | 'match_type'>,
  ownId: number | null,
): Promise<void> {
  const digest = match_type === 'exact' ? digestOfExact(pattern) : null;
  const same = await trx
    .selectFrom(table)
    .select('id')
    .where(row => {
      const sameText = row('pattern', '=', pattern);
      if (digest === null) return sameText;
      const sameKey = sql<boolean>`match_type = 'exact' AND (lower(pattern) = ${`sha256:${digest}`}
        OR encode(sha256(convert_to(pattern, 'UTF8')), 'hex') = ${digest})`;
      return row.or([sameText, sameKey]);
    })
    .where('id', 'is distinct from', ownId)
    .limit(1)
    .executeTakeFirst();
  if (same) throw errors.conflict(`Mapping ${same.id} already has this pattern.`, 'pattern');
}

/** Without the fields that are absent: Kysely would take `undefined` for a value. */
export function given<Fields extends object>(
  fields: Fields,
): { [Field in keyof Fields]: Exclude<Fields[Field], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Field in keyof Fields]: Exclude<Fields[Field], undefined> };
}
