/** The writes of mappings up to the point where something would be written. */
import { type Kysely, sql, type Transaction } from 'kysely';
import { atOneMoment } from '../../db/retried.ts';
import type { Database } from '../../db/schema.ts';
import type { NewMapping } from './mapping-rules.ts';
import { given, type MappingStore, readRow, refuseSamePattern, type StoredMapping } from './mapping-store.ts';

export class RehearsalStore implements Pick<MappingStore, 'create' | 'update' | 'remove'> {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** With the id that the next row gets, and no version or times: there is no such row. */
  async create(mapping: NewMapping, createdBy: string): Promise<StoredMapping> {
    return this.#reading(async trx => {
      await refuseSamePattern(trx, mapping, null);
      return {
        tenant_id: null,
        tenant_name: null,
        tenant_type: null,
        description: null,
        enabled: true,
        ...given(mapping),
        id: await readNextId(trx),
        created_by: createdBy,
        created_at: '',
        updated_at: '',
        etag: '',
      };
    });
  }

  update: MappingStore['update'] = async (id, patch, { check }) =>
    this.#reading(async trx => {
      const before = await readRow(trx, id);
      if (!before) return null;
      const { etag, ...row } = before;
      const after = { ...row, ...given(patch) };
      check(before, after);
      if (patch.pattern !== undefined || patch.match_type !== undefined) await refuseSamePattern(trx, after, id);
      return { ...after, etag };
    });

  remove: MappingStore['remove'] = async (id, { check }) =>
    this.#reading(async trx => {
      const before = await readRow(trx, id);
      if (before) check(before);
      return before ?? null;
    });

  #reading<T>(read: (trx: Transaction<Database>) => Promise<T>): Promise<T> {
    return atOneMoment(this.#db, read);
  }
}

/**
 * Returns the ID of the next new row, or the first of `count` IDs, unless another writer takes it. A sequence that lags
 * behind existing IDs is set forward (db/clash.ts).
 */
export async function readNextId(trx: Transaction<Database>, count = 1): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    SELECT CASE WHEN EXISTS (SELECT FROM api_key_priority_mappings WHERE id >= next AND id < next + ${count})
      THEN (SELECT max(id) + 1 FROM api_key_priority_mappings) ELSE next END AS id
    FROM (SELECT coalesce(pg_sequence_last_value(
      pg_get_serial_sequence('api_key_priority_mappings', 'id')::regclass), 0)::int + 1 AS next) s`.execute(trx);
  return rows[0]?.id ?? 1;
}
