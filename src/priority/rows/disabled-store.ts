import type { Kysely } from 'kysely';
import { legible } from '../../db/legible.ts';
import { type Database, mappingRow } from '../../db/schema.ts';
import type { MappingSource } from '../matching/matcher.ts';

/** Rows that are switched off, in order of id. No snapshot has them. */
export const readDisabled = async (db: Kysely<Database>): Promise<MappingSource[]> => {
  const rows = db
    .selectFrom('api_key_priority_mappings')
    .select(['id', 'pattern', 'match_type', 'priority', 'tenant_id', 'tenant_name', 'tenant_type'])
    .where('enabled', '=', false);
  return legible(mappingRow, await rows.orderBy('id').execute());
};
