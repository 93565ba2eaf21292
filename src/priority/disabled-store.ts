import type { Kysely } from 'kysely';
import type { Database } from '../db/schema.ts';
import type { MappingSource } from './matcher.ts';

/** Rows that are switched off, in order of id. No snapshot has them. */
export const readDisabled = (db: Kysely<Database>): Promise<MappingSource[]> =>
  db
    .selectFrom('api_key_priority_mappings')
    .select(['id', 'pattern', 'match_type', 'priority', 'tenant_id', 'tenant_name', 'tenant_type'])
    .where('enabled', '=', false)
    .orderBy('id')
    .execute();
