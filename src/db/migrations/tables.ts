import {
  apiKeyRow,
  boostRow,
  consoleSessionRow,
  gatewayFleetRow,
  historyRow,
  mappingRow,
  mappingScheduleRow,
  modelRouteRow,
  poolScheduleRow,
  poolSettingRow,
  prioritySettingRow,
  providerColumns,
  providerEndpointRow,
  providerKeyRow,
  providerRow,
  routeColumns,
  type TableName,
  userRow,
} from '../schema.ts';

/** A table as it is created if it is missing; an existing table stays unchanged. */
export interface TableDefinition {
  readonly name: TableName;
  /** The version of the migration that creates it. */
  readonly since: number;
  /** The columns that the gateway reads and writes. */
  readonly required: readonly string[];
  readonly columns: string;
  /** Index name → its column. */
  readonly indexes: Readonly<Record<string, string>>;
  /** Whoever may read it could pass for a gateway: no default privilege of the schema makes it public. */
  readonly isSecret?: true;
  /** Where the role may not create it, the gateway does without. */
  readonly isOptional?: true;
}

/** The record of the migrations that were applied. */
export const ledger = 'tokligence_migrations';

const pgNow = 'TIMESTAMPTZ NOT NULL DEFAULT NOW()';
/** The same text format in which PostgreSQL's rows are read. */
const sqliteNow = `TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))`;

const timestamps = (now: string): string => `created_at ${now}, updated_at ${now}`;
const pgTimestamps = timestamps(pgNow);
const sqliteTimestamps = timestamps(sqliteNow);

const users = (id: string, stamps: string): TableDefinition => ({
  name: 'users',
  since: 1,
  required: Object.keys(userRow.properties),
  columns: `id ${id}, email TEXT UNIQUE NOT NULL, role TEXT NOT NULL, display_name TEXT,
    status TEXT NOT NULL DEFAULT 'active', ${stamps}`,
  indexes: { idx_users_role: 'role' },
});

const apiKeys = (id: string, stamps: string, timestamp: string): TableDefinition => ({
  name: 'api_keys',
  since: 1,
  required: Object.keys(apiKeyRow.properties),
  columns: `id ${id}, user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    key_hash TEXT UNIQUE NOT NULL, key_prefix TEXT NOT NULL, scopes TEXT, expires_at ${timestamp}, ${stamps}`,
  indexes: { idx_api_keys_user: 'user_id', idx_api_keys_prefix: 'key_prefix' },
});

const mappings: TableDefinition = {
  name: 'api_key_priority_mappings',
  since: 1,
  required: Object.keys(mappingRow.properties),
  columns: `id SERIAL PRIMARY KEY, pattern TEXT NOT NULL UNIQUE,
    priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
    match_type TEXT NOT NULL CHECK (match_type IN ('exact', 'prefix', 'suffix', 'contains', 'regex')),
    tenant_id TEXT, tenant_name TEXT, tenant_type TEXT, description TEXT,
    enabled BOOLEAN NOT NULL DEFAULT TRUE, ${pgTimestamps}, created_by TEXT`,
  indexes: {
    idx_api_key_priority_mappings_pattern: 'pattern',
    idx_api_key_priority_mappings_tenant_id: 'tenant_id',
    idx_api_key_priority_mappings_priority: 'priority',
  },
};

const prioritySettings: TableDefinition = {
  name: 'api_key_priority_config',
  since: 1,
  required: Object.keys(prioritySettingRow.properties),
  columns: `key TEXT PRIMARY KEY, value TEXT NOT NULL, description TEXT, updated_at ${pgNow}`,
  indexes: {},
};

const poolSettings = (now: string): TableDefinition => ({
  name: 'scheduler_pool_config',
  since: 2,
  required: Object.keys(poolSettingRow.properties),
  columns: `pool TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, description TEXT, updated_at ${now},
    PRIMARY KEY (pool, key)`,
  indexes: {},
});

const isLevel = 'CHECK (priority BETWEEN 0 AND 9)';

// No foreign keys: a mappings table may be an older one without a key to refer to, and TRUNCATE would fail. Triggers
// (triggers.ts) delete a mapping's boost and schedules with it.
const boosts: TableDefinition = {
  name: 'api_key_priority_boosts',
  since: 3,
  required: Object.keys(boostRow.properties),
  columns: `mapping_id INTEGER PRIMARY KEY, priority INTEGER NOT NULL ${isLevel}, until TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL, created_at ${pgNow}, created_by TEXT`,
  indexes: {},
};

const windowColumns = (stamps: string): string =>
  `weekdays TEXT NOT NULL, start_time TEXT NOT NULL, end_time TEXT NOT NULL, zone TEXT NOT NULL,
    description TEXT, ${stamps}, created_by TEXT`;

const mappingSchedules: TableDefinition = {
  name: 'api_key_priority_schedules',
  since: 3,
  required: Object.keys(mappingScheduleRow.properties),
  columns: `id SERIAL PRIMARY KEY, mapping_id INTEGER NOT NULL, priority INTEGER NOT NULL ${isLevel},
    ${windowColumns(pgTimestamps)}`,
  indexes: { idx_api_key_priority_schedules_mapping: 'mapping_id' },
};

const poolSchedules = (id: string, stamps: string): TableDefinition => ({
  name: 'scheduler_pool_schedules',
  since: 3,
  required: Object.keys(poolScheduleRow.properties),
  columns: `id ${id}, pool TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, ${windowColumns(stamps)}`,
  indexes: { idx_scheduler_pool_schedules_pool: 'pool' },
});

/** The images are JSON text of whole rows; `id` is also the order in which changes were made. */
const history: TableDefinition = {
  name: 'api_key_priority_history',
  since: 4,
  required: Object.keys(historyRow.properties),
  columns: `id BIGSERIAL PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(), actor TEXT NOT NULL,
    via TEXT NOT NULL, db_role TEXT NOT NULL, object TEXT NOT NULL, object_id TEXT NOT NULL, kind TEXT NOT NULL,
    before JSONB, after JSONB, restores BIGINT`,
  indexes: { idx_api_key_priority_history_object: 'object, object_id, id' },
};

// No foreign keys here either: an older installation's tables may have no key to refer to. A session is read together
// with its key and its user, and is invalid without them.
const consoleSessions = (timestamp: string): TableDefinition => ({
  name: 'console_sessions',
  since: 5,
  required: Object.keys(consoleSessionRow.properties),
  columns: `token_hash TEXT PRIMARY KEY, key_id BIGINT NOT NULL, user_id BIGINT NOT NULL,
    created_at ${timestamp} NOT NULL, last_seen_at ${timestamp} NOT NULL, expires_at ${timestamp} NOT NULL`,
  indexes: { idx_console_sessions_user: 'user_id' },
});

const fleets: TableDefinition = {
  name: 'gateway_fleets',
  since: 6,
  // `proof` is of a later migration, which a role may lack the rights for.
  required: Object.keys(gatewayFleetRow.properties).filter(column => column !== 'proof'),
  columns: `fleet TEXT PRIMARY KEY, epoch BIGINT NOT NULL, holder UUID, url TEXT, renewed_at TIMESTAMPTZ NOT NULL,
    members JSONB NOT NULL, secret BYTEA NOT NULL`,
  indexes: {},
  isSecret: true,
  isOptional: true,
};

const textColumns = (names: readonly string[]): string => names.map(name => `${name} TEXT`).join(', ');
const isEnabled = 'enabled BOOLEAN NOT NULL DEFAULT TRUE';
const written = `${pgTimestamps}, created_by TEXT`;

// No foreign keys between them: a key or an endpoint may belong to a provider of the file. A gateway whose role may not
// create them has the providers of its file.
const providers: TableDefinition = {
  name: 'providers',
  since: 8,
  required: Object.keys(providerRow.properties),
  columns: `name TEXT PRIMARY KEY, ${textColumns(providerColumns)}, ${isEnabled}, description TEXT, ${written}`,
  indexes: {},
  isOptional: true,
};

const providerEndpoints: TableDefinition = {
  name: 'provider_endpoints',
  since: 8,
  required: Object.keys(providerEndpointRow.properties),
  columns: `provider TEXT NOT NULL, url TEXT NOT NULL, position INTEGER NOT NULL DEFAULT 0, ${isEnabled}, ${written},
    PRIMARY KEY (provider, url)`,
  indexes: {},
  isOptional: true,
};

const providerKeys: TableDefinition = {
  name: 'provider_keys',
  since: 8,
  required: Object.keys(providerKeyRow.properties),
  columns: `id TEXT PRIMARY KEY, provider TEXT NOT NULL, origins TEXT NOT NULL, sealed TEXT NOT NULL,
    master_key_id TEXT NOT NULL, fingerprint TEXT NOT NULL, description TEXT, set_aside_at TIMESTAMPTZ, why TEXT,
    ${written}`,
  indexes: { idx_provider_keys_provider: 'provider' },
  isSecret: true,
  isOptional: true,
};

const modelRoutes: TableDefinition = {
  name: 'model_routes',
  since: 8,
  required: Object.keys(modelRouteRow.properties),
  columns: `name TEXT PRIMARY KEY, ${textColumns(routeColumns)}, ${isEnabled}, description TEXT, ${written}`,
  indexes: {},
  isOptional: true,
};

/** Ordered so that each table refers only to earlier ones. */
export const postgresTables: readonly TableDefinition[] = [
  users('SERIAL PRIMARY KEY', pgTimestamps),
  apiKeys('SERIAL PRIMARY KEY', pgTimestamps, 'TIMESTAMPTZ'),
  mappings,
  prioritySettings,
  poolSettings(pgNow),
  boosts,
  mappingSchedules,
  poolSchedules('SERIAL PRIMARY KEY', pgTimestamps),
  history,
  consoleSessions('TIMESTAMPTZ'),
  fleets,
  providers,
  providerEndpoints,
  providerKeys,
  modelRoutes,
];

/** Whether the gateway cannot do its work without that table. */
export const isNeeded = (name: string): boolean =>
  !postgresTables.some(table => table.name === name && table.isOptional === true);

/** Personal maps no keys, so it has no table for mappings. */
export const sqliteTables: readonly TableDefinition[] = [
  users('INTEGER PRIMARY KEY AUTOINCREMENT', sqliteTimestamps),
  apiKeys('INTEGER PRIMARY KEY AUTOINCREMENT', sqliteTimestamps, 'TEXT'),
  poolSettings(sqliteNow),
  poolSchedules('INTEGER PRIMARY KEY AUTOINCREMENT', sqliteTimestamps),
  consoleSessions('TEXT'),
];

/** Returns the statements that create the missing tables of one migration, with their indexes. */
export const createMissing = (
  tables: readonly TableDefinition[],
  version: number,
  existing: ReadonlySet<string>,
): string[] =>
  tables
    .filter(table => table.since === version && !existing.has(table.name))
    .flatMap(table => [
      `CREATE TABLE ${table.name} (${table.columns})`,
      ...(table.isSecret === true ? [`REVOKE ALL ON ${table.name} FROM PUBLIC`] : []),
      ...Object.entries(table.indexes).map(([name, column]) => `CREATE INDEX ${name} ON ${table.name}(${column})`),
    ]);

/** Returns one sentence for each column or table that the gateway needs and does not find. */
export const missingParts = (
  tables: readonly TableDefinition[],
  columns: ReadonlyMap<string, ReadonlySet<string>>,
): string[] =>
  tables.flatMap(table => {
    const found = columns.get(table.name);
    if (found === undefined) return table.isOptional === true ? [] : [`table ${table.name} is missing`];
    return table.required
      .filter(column => !found.has(column))
      .map(column => `column ${table.name}.${column} is missing`);
  });
