import type { Generated } from 'kysely';
import { type Static, Type } from 'typebox';
import { mappingRow } from '../domain/mapping.ts';
import { fields, id, moment, nullable, ofEach } from '../domain/shape.ts';

export { mappingRow } from '../domain/mapping.ts';

/* The shape of each table's rows, written once: row types and Kysely's Database derive from it. It promises only
   what the tables themselves enforce: `role`, `status` and `tenant_type` have no CHECK and may be written by hand,
   so readers must accept any text.

   Timestamps are ISO-8601 texts in UTC with milliseconds (`2026-01-31T12:00:00.000Z`) in both databases: they
   compare and sort as text, and go into JSON unchanged. */
export const userRow = fields({
  id,
  email: Type.String(),
  role: Type.String(),
  display_name: nullable(Type.String()),
  status: Type.String(),
  created_at: moment,
  updated_at: moment,
});

export const apiKeyRow = fields({
  id,
  user_id: id,
  /** Lowercase hex SHA-256 of the whole key. */
  key_hash: Type.String(),
  key_prefix: Type.String(),
  /** A JSON array. */
  scopes: nullable(Type.String()),
  expires_at: nullable(moment),
  created_at: moment,
  updated_at: moment,
});

export const prioritySettingRow = fields({
  key: Type.String(),
  value: Type.String(),
  description: nullable(Type.String()),
  updated_at: moment,
});

/** One setting of one pool, spelled as in `[pool.NAME]` of the file. */
export const poolSettingRow = fields({
  pool: Type.String(),
  key: Type.String(),
  value: Type.String(),
  description: nullable(Type.String()),
  updated_at: moment,
});

export const changeKinds = ['create', 'update', 'delete'] as const;

/** A change of a mapping, a setting, a boost or a schedule. */
export const historyRow = fields({
  id,
  at: moment,
  /** The caller of the admin API, else the database role. */
  actor: Type.String(),
  via: Type.Enum(['api', 'sql']),
  /** The role that was logged in at the database; `actor` is what its session claimed. */
  db_role: Type.String(),
  object: Type.String(),
  object_id: Type.String(),
  kind: Type.Enum([...changeKinds]),
  before: nullable(Type.Record(Type.String(), Type.Unknown())),
  after: nullable(Type.Record(Type.String(), Type.Unknown())),
  /** The entry that this change restored. */
  restores: nullable(id),
});

/** A priority that a mapping has until a moment; the mapping's own row stays unchanged. */
export const boostRow = fields({
  mapping_id: id,
  priority: mappingRow.properties.priority,
  until: moment,
  reason: Type.String(),
  created_at: moment,
  created_by: nullable(Type.String()),
});

/** The window of a schedule; texts, because they are written by hand too. */
const window = {
  /** `mon,tue,…,sun`: the days on which a window begins. */
  weekdays: Type.String(),
  /** `HH:MM` on the clocks of the zone; an end that is not after the start is on the next day. */
  start_time: Type.String(),
  end_time: Type.String(),
  /** A name of the IANA database. */
  zone: Type.String(),
};
const scheduleColumns = {
  ...window,
  description: nullable(Type.String()),
  created_at: moment,
  updated_at: moment,
  created_by: nullable(Type.String()),
};

/** A priority that a mapping has in recurring windows. */
export const mappingScheduleRow = fields({
  id,
  mapping_id: id,
  priority: mappingRow.properties.priority,
  ...scheduleColumns,
});

/** A value that a setting of a pool has in recurring windows. */
export const poolScheduleRow = fields({
  id,
  pool: Type.String(),
  key: Type.String(),
  value: Type.String(),
  ...scheduleColumns,
});

/** A sign-in to the console. The cookie holds the token, which is stored nowhere. */
export const consoleSessionRow = fields({
  /** Lowercase hex SHA-256 of the token. */
  token_hash: Type.String(),
  /** The key that opened the session, and the key's user: a session lives no longer than either. */
  key_id: id,
  user_id: id,
  created_at: moment,
  /** Updated at most once a minute. */
  last_seen_at: moment,
  expires_at: moment,
});

/** The conductor of the gateways of this database that belong together (fleet/). */
export const gatewayFleetRow = fields({
  fleet: Type.String(),
  epoch: Type.Integer(),
  /** The conductor, and where it is reached; null: nobody conducts. */
  holder: nullable(Type.String()),
  url: nullable(Type.String()),
  renewed_at: moment,
  members: Type.Unknown(),
  /** By it the gateways of the fleet know each other. */
  secret: Type.Unsafe<Uint8Array>({}),
  /** The transaction that wrote the row last; null, and missing where a role may not add it: not known. */
  proof: Type.Optional(nullable(Type.String())),
});

const text = nullable(Type.String());
const stamps = { created_at: moment, updated_at: moment, created_by: text };

/**
 * What a row says of a provider, over `[provider.NAME]` of the file: each column as the file spells that key, null where
 * the file or the default holds. A key of the configuration that is no column stands in the file only.
 */
export const providerColumns = [
  'type',
  'models',
  'max_concurrent',
  'pool',
  'connect_timeout_sec',
  'first_byte_timeout_sec',
  'idle_timeout_sec',
  'total_timeout_sec',
  'forward_priority',
  'pass_headers',
  'proxy',
  'health_path',
  'affinity',
  'retry_unsafe',
  'passthrough',
  'service_ms',
  'chunk_ms',
] as const;
export type ProviderColumn = (typeof providerColumns)[number];

export const providerRow = fields({
  name: Type.String(),
  ...(ofEach(Object.fromEntries(providerColumns.map(column => [column, null])), () => text) as Record<
    ProviderColumn,
    typeof text
  >),
  /** False: there is no such provider, whatever the file says. */
  enabled: Type.Boolean(),
  description: text,
  ...stamps,
});

/** One URL of a provider; with any row the file's base_url counts no more. */
export const providerEndpointRow = fields({
  provider: Type.String(),
  url: Type.String(),
  /** Those with lower numbers come first. */
  position: Type.Integer(),
  enabled: Type.Boolean(),
  ...stamps,
});

/** A key of an upstream, sealed (providers/sealing.ts). */
export const providerKeyRow = fields({
  id: Type.String(),
  provider: Type.String(),
  /** The origins that it was entered for, sorted, with blanks between. */
  origins: Type.String(),
  sealed: Type.String(),
  /** Which master key it is sealed with. */
  master_key_id: Type.String(),
  fingerprint: Type.String(),
  description: text,
  /** From then on it is not used, and why. */
  set_aside_at: nullable(moment),
  why: text,
  ...stamps,
});

/** What a row says of a route, over `[model.NAME]` of the file. */
export const routeColumns = ['targets', 'aliases', 'spill_after_sec', 'spill_levels'] as const;
export type RouteColumn = (typeof routeColumns)[number];

export const modelRouteRow = fields({
  name: Type.String(),
  ...(ofEach(Object.fromEntries(routeColumns.map(column => [column, null])), () => text) as Record<
    RouteColumn,
    typeof text
  >),
  enabled: Type.Boolean(),
  description: text,
  ...stamps,
});

export type UserRow = Static<typeof userRow>;
export type ApiKeyRow = Static<typeof apiKeyRow>;
export type MappingRow = Static<typeof mappingRow>;
export type PrioritySettingRow = Static<typeof prioritySettingRow>;
type PoolSettingRow = Static<typeof poolSettingRow>;
export type HistoryRow = Static<typeof historyRow>;
export type BoostRow = Static<typeof boostRow>;
export type MappingScheduleRow = Static<typeof mappingScheduleRow>;
export type PoolScheduleRow = Static<typeof poolScheduleRow>;
export type ConsoleSessionRow = Static<typeof consoleSessionRow>;
type GatewayFleetRow = Static<typeof gatewayFleetRow>;
export type ProviderRow = Static<typeof providerRow>;
export type ProviderEndpointRow = Static<typeof providerEndpointRow>;
export type ProviderKeyRow = Static<typeof providerKeyRow>;
export type ModelRouteRow = Static<typeof modelRouteRow>;

type Table<Row, Filled extends keyof Row> = {
  [Column in keyof Row]: Column extends Filled ? Generated<Row[Column]> : Row[Column];
};

/** The tables as Kysely sees them; the second argument names the columns that the database can fill. */
export interface Database {
  users: Table<UserRow, 'id' | 'status' | 'created_at' | 'updated_at'>;
  api_keys: Table<ApiKeyRow, 'id' | 'created_at' | 'updated_at'>;
  api_key_priority_mappings: Table<MappingRow, 'id' | 'enabled' | 'created_at' | 'updated_at'>;
  api_key_priority_config: Table<PrioritySettingRow, 'updated_at'>;
  scheduler_pool_config: Table<PoolSettingRow, 'updated_at'>;
  api_key_priority_history: Table<HistoryRow, 'id' | 'at'>;
  api_key_priority_boosts: Table<BoostRow, 'created_at'>;
  api_key_priority_schedules: Table<MappingScheduleRow, 'id' | 'created_at' | 'updated_at'>;
  scheduler_pool_schedules: Table<PoolScheduleRow, 'id' | 'created_at' | 'updated_at'>;
  console_sessions: Table<ConsoleSessionRow, never>;
  gateway_fleets: Table<GatewayFleetRow, never>;
  providers: Table<ProviderRow, Exclude<keyof ProviderRow, 'name'>>;
  provider_endpoints: Table<ProviderEndpointRow, Exclude<keyof ProviderEndpointRow, 'provider' | 'url'>>;
  provider_keys: Table<ProviderKeyRow, 'created_at' | 'updated_at' | 'description' | 'set_aside_at' | 'why'>;
  model_routes: Table<ModelRouteRow, Exclude<keyof ModelRouteRow, 'name'>>;
}

export type TableName = keyof Database;
/** The tables whose changes a gateway must learn of. */
export const tableNames: readonly TableName[] = [
  'users',
  'api_keys',
  'api_key_priority_mappings',
  'api_key_priority_config',
  'scheduler_pool_config',
  'api_key_priority_boosts',
  'api_key_priority_schedules',
  'scheduler_pool_schedules',
  'console_sessions',
  'gateway_fleets',
  'providers',
  'provider_endpoints',
  'provider_keys',
  'model_routes',
];
