import type { TableName } from './schema.ts';

export interface RecordedTable {
  readonly table: TableName;
  /** The history's name for a row of it. */
  readonly object: string;
  /** The columns that identify a row; joined by `/` they are an entry's `object_id`. */
  readonly key: readonly string[];
  /** A column that no entry holds. */
  readonly without?: string;
}

/** The tables whose every change becomes an entry of api_key_priority_history. */
export const recordedTables = [
  { table: 'api_key_priority_mappings', object: 'mapping', key: ['id'] },
  { table: 'api_key_priority_config', object: 'setting', key: ['key'] },
  { table: 'scheduler_pool_config', object: 'pool_setting', key: ['pool', 'key'] },
  { table: 'api_key_priority_boosts', object: 'boost', key: ['mapping_id'] },
  { table: 'api_key_priority_schedules', object: 'schedule', key: ['id'] },
  { table: 'scheduler_pool_schedules', object: 'pool_schedule', key: ['id'] },
  { table: 'providers', object: 'provider', key: ['name'] },
  { table: 'provider_endpoints', object: 'provider_endpoint', key: ['provider', 'url'] },
  { table: 'provider_keys', object: 'provider_key', key: ['id'], without: 'sealed' },
  { table: 'model_routes', object: 'model_route', key: ['name'] },
] as const satisfies readonly RecordedTable[];
export type RecordedObject = (typeof recordedTables)[number]['object'];
