import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type Migrated, migratePostgres, SchemaFault } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { existingInstallation } from '../support/existing-installation.ts';
import { limitedRole } from '../support/limited-role.ts';
import { emptyDatabase, freshDatabase, type TestDatabase } from '../support/postgres.ts';

const migrate = async (url: string): Promise<Migrated> => {
  const { pool, close } = openPostgres(url);
  try {
    return await migratePostgres(pool);
  } finally {
    await close();
  }
};

const ourTables = [
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
  'model_routes',
  'provider_endpoints',
  'provider_keys',
  'providers',
  'api_key_priority_history',
];

/** Everything of a table that must stay: columns, constraints, indexes, and each row with its version. */
const portrait = async ({ query }: TestDatabase, table: string) => ({
  columns: await query(
    `SELECT attname, atttypid::regtype, attnotnull, attnum, pg_get_expr(adbin, adrelid) AS filled
       FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum`,
    [table],
  ),
  constraints: await query(
    'SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::regclass ORDER BY 1',
    [table],
  ),
  indexes: await query('SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 ORDER BY 1', [table]),
  rows: await query(`SELECT xmin::text, ctid::text, * FROM ${table} ORDER BY id`),
});

test('a new database gets all tables, and a second run changes nothing', async t => {
  const database = await emptyDatabase(t);
  const first = await migrate(database.url);
  assert.deepEqual([...first.created].sort(), [...ourTables, 'tokligence_migrations'].sort());
  assert.equal(first.schema, 'public');
  assert.equal(first.triggers, true);
  const before = await portrait(database, 'api_key_priority_mappings');
  assert.deepEqual(await migrate(database.url), {
    schema: 'public',
    created: [],
    isReadOnly: false,
    triggers: true,
    recording: 'triggers',
  });
  assert.deepEqual(await portrait(database, 'api_key_priority_mappings'), before);
  const versions = await database.query('SELECT version FROM tokligence_migrations');
  assert.deepEqual(versions, [
    { version: 1 },
    { version: 2 },
    { version: 3 },
    { version: 4 },
    { version: 5 },
    { version: 6 },
    { version: 7 },
    { version: 8 },
  ]);
});

test('the new tables hold their rules', async t => {
  const { query } = await freshDatabase(t);
  const insert = (pattern: string, priority: number, type: string) =>
    query('INSERT INTO api_key_priority_mappings (pattern, priority, match_type) VALUES ($1, $2, $3)', [
      pattern,
      priority,
      type,
    ]);
  await insert('a*', 9, 'prefix');
  await assert.rejects(insert('a*', 1, 'prefix'), /unique/);
  await assert.rejects(insert('b', 10, 'prefix'), /check constraint/);
  await assert.rejects(insert('b', -1, 'prefix'), /check constraint/);
  await assert.rejects(insert('b', 1, 'glob'), /check constraint/);
  await query(`INSERT INTO users (email, role) VALUES ('a@b', 'gateway_user')`);
  await query(`INSERT INTO api_keys (user_id, key_hash, key_prefix) VALUES (1, 'h', 'tok_')`);
  await query('DELETE FROM users');
  assert.deepEqual(await query('SELECT * FROM api_keys'), []);
  const indexes = await query(`SELECT indexname AS name FROM pg_indexes WHERE indexname LIKE 'idx_%' ORDER BY 1`);
  assert.deepEqual(
    indexes.map(index => index.name),
    [
      'idx_api_key_priority_history_object',
      'idx_api_key_priority_mappings_pattern',
      'idx_api_key_priority_mappings_priority',
      'idx_api_key_priority_mappings_tenant_id',
      'idx_api_key_priority_schedules_mapping',
      'idx_api_keys_prefix',
      'idx_api_keys_user',
      'idx_console_sessions_user',
      'idx_provider_keys_provider',
      'idx_scheduler_pool_schedules_pool',
      'idx_users_role',
    ],
  );
});

test('a mapping that is deleted by SQL takes its boost and its schedules with it, and no others', async t => {
  const { query } = await freshDatabase(t);
  const arrange = async () => {
    await query(`INSERT INTO api_key_priority_mappings (id, pattern, priority, match_type)
      VALUES (1, 'a*', 5, 'prefix'), (2, 'b*', 5, 'prefix')`);
    await query(`INSERT INTO api_key_priority_boosts (mapping_id, priority, until, reason)
      VALUES (1, 0, 'infinity', 'r'), (2, 0, 'infinity', 'r')`);
    await query(`INSERT INTO api_key_priority_schedules (mapping_id, priority, weekdays, start_time, end_time, zone)
      VALUES (1, 3, 'mon', '18:00', '08:00', 'UTC'), (2, 3, 'mon', '18:00', '08:00', 'UTC')`);
  };
  const left = () =>
    query(`SELECT mapping_id FROM api_key_priority_boosts UNION ALL
      SELECT mapping_id FROM api_key_priority_schedules`);
  await arrange();
  await query('DELETE FROM api_key_priority_mappings WHERE id = 1');
  assert.deepEqual(await left(), [{ mapping_id: 2 }, { mapping_id: 2 }]);
  await query('TRUNCATE api_key_priority_mappings');
  assert.deepEqual(await left(), []);
});

test('an existing installation keeps its columns, constraints, indexes and rows, twice', async t => {
  const database = await emptyDatabase(t);
  await database.query(existingInstallation);
  const before = [await portrait(database, 'users'), await portrait(database, 'api_keys')];
  const first = await migrate(database.url);
  assert.deepEqual(first.created.toSorted(), [
    'api_key_priority_boosts',
    'api_key_priority_config',
    'api_key_priority_history',
    'api_key_priority_mappings',
    'api_key_priority_schedules',
    'console_sessions',
    'gateway_fleets',
    'model_routes',
    'provider_endpoints',
    'provider_keys',
    'providers',
    'scheduler_pool_config',
    'scheduler_pool_schedules',
    'tokligence_migrations',
  ]);
  assert.equal(first.triggers, true);
  await migrate(database.url);
  assert.deepEqual([await portrait(database, 'users'), await portrait(database, 'api_keys')], before);
});

test('a database of the version before is brought up to date, and keeps what it has', async t => {
  const database = await freshDatabase(t);
  await database.query(`DROP TABLE scheduler_pool_config; DELETE FROM tokligence_migrations WHERE version > 1;
    INSERT INTO api_key_priority_mappings (pattern, priority, match_type) VALUES ('a*', 1, 'prefix')`);
  const before = await portrait(database, 'api_key_priority_mappings');
  assert.deepEqual(await migrate(database.url), {
    schema: 'public',
    created: ['scheduler_pool_config'],
    isReadOnly: false,
    triggers: true,
    recording: 'triggers',
  });
  assert.deepEqual(await portrait(database, 'api_key_priority_mappings'), before);
  assert.deepEqual(await database.query('SELECT version FROM tokligence_migrations ORDER BY 1'), [
    { version: 1 },
    { version: 2 },
    { version: 3 },
    { version: 4 },
    { version: 5 },
    { version: 6 },
    { version: 7 },
    { version: 8 },
  ]);
});

test('a missing column is named with its table, and the refused database is left as it was', async t => {
  const database = await emptyDatabase(t);
  await database.query(existingInstallation);
  await database.query('ALTER TABLE api_keys DROP COLUMN key_prefix, DROP COLUMN expires_at');
  await assert.rejects(migrate(database.url), error => {
    assert.ok(error instanceof SchemaFault);
    assert.match(error.message, /column api_keys\.key_prefix is missing; column api_keys\.expires_at is missing/);
    return true;
  });
  const tables = await database.query(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`);
  assert.deepEqual(tables, [{ name: 'api_keys' }, { name: 'users' }]);
});

test('a table that was dropped after it had been made is named', async t => {
  const database = await freshDatabase(t);
  await database.query('DROP TABLE api_key_priority_config');
  await assert.rejects(migrate(database.url), {
    name: 'SchemaFault',
    message: /table api_key_priority_config is missing/,
  });
});

test('a database of a newer gateway is refused', async t => {
  const database = await freshDatabase(t);
  await database.query(`INSERT INTO tokligence_migrations (version, name) VALUES (99, 'from the future')`);
  await assert.rejects(migrate(database.url), {
    name: 'SchemaFault',
    message: /at version 99, made by a newer gateway/,
  });
});

test('a role that may not create anything works on a complete database, without triggers', async t => {
  const database = await emptyDatabase(t);
  await migrate(database.url);
  await database.query('DROP FUNCTION tokligence_notify_change CASCADE; DROP TABLE tokligence_migrations');
  const { url: limited } = await limitedRole(t, database);
  assert.deepEqual(await migrate(limited), {
    schema: 'public',
    created: [],
    isReadOnly: false,
    triggers: false,
    recording: 'triggers',
  });
  // The owner's next start adds what the role could not.
  assert.equal((await migrate(database.url)).triggers, true);
  assert.equal((await migrate(limited)).triggers, true);
});

test('a role that may not create missing tables is told which, and what to do', async t => {
  const database = await emptyDatabase(t);
  await database.query(existingInstallation);
  const { url: limited } = await limitedRole(t, database);
  await assert.rejects(migrate(limited), {
    name: 'SchemaFault',
    message:
      /may not create tables in schema public, and api_key_priority_mappings, api_key_priority_config, scheduler_pool_config, api_key_priority_boosts, api_key_priority_schedules, scheduler_pool_schedules, api_key_priority_history, console_sessions, gateway_fleets, providers, provider_endpoints, provider_keys, model_routes must be created/,
  });
});

const versions = 'SELECT version FROM tokligence_migrations WHERE version > 5 ORDER BY 1';

test('a role that may not create the table of fleets does without, and an owner who starts later adds it', async t => {
  const database = await freshDatabase(t);
  await database.query('DROP TABLE gateway_fleets; DELETE FROM tokligence_migrations WHERE version > 5');
  const { url: limited } = await limitedRole(t, database);
  assert.deepEqual((await migrate(limited)).created, []);
  assert.deepEqual(await database.query(versions), []);
  assert.deepEqual((await migrate(database.url)).created, ['gateway_fleets']);
  assert.deepEqual(await database.query(versions), [{ version: 6 }, { version: 7 }, { version: 8 }]);
});

test('a role that does not own the table of fleets leaves it as it is, whatever else it may create', async t => {
  const database = await freshDatabase(t);
  await database.query(
    'ALTER TABLE gateway_fleets DROP COLUMN proof; DELETE FROM tokligence_migrations WHERE version = 7',
  );
  const { url: limited, role } = await limitedRole(t, database);
  await database.query(`GRANT CREATE ON SCHEMA public TO ${role}`);
  t.after(() => database.query(`REVOKE CREATE ON SCHEMA public FROM ${role}`));
  await migrate(limited);
  assert.deepEqual(await database.query(versions), [{ version: 6 }, { version: 8 }]);
  await migrate(database.url);
  assert.deepEqual(await database.query(versions), [{ version: 6 }, { version: 7 }, { version: 8 }]);
});

const notifying = `SELECT tgrelid::regclass::text AS "table", tgname AS name, tgenabled AS enabled FROM pg_trigger
  WHERE tgname LIKE 'tokligence_changes%' AND tgrelid::regclass::text = ANY($1) ORDER BY 1, 2`;
const asTheyHaveToBe = (table: string) => [
  { table, name: 'tokligence_changes', enabled: 'A' },
  { table, name: 'tokligence_changes_replicated', enabled: 'R' },
];

test('triggers of an earlier version fire in sessions that replicate from the next start on', async t => {
  const database = await freshDatabase(t);
  const tables = ['console_sessions', 'users'];
  for (const table of tables)
    await database.query(`DROP TRIGGER tokligence_changes_replicated ON ${table};
      ALTER TABLE ${table} ENABLE TRIGGER tokligence_changes`);
  const before = await portrait(database, 'users');
  assert.equal((await migrate(database.url)).triggers, true);
  assert.deepEqual(await database.query(notifying, [tables]), tables.flatMap(asTheyHaveToBe));
  assert.deepEqual(await portrait(database, 'users'), before);
});

test('a notifying trigger that is disabled is enabled again; one that records stays disabled', async t => {
  const database = await freshDatabase(t);
  await database.query('ALTER TABLE api_key_priority_config DISABLE TRIGGER USER');
  const { triggers, recording } = await migrate(database.url);
  assert.deepEqual([triggers, recording], [true, 'gateway']);
  assert.deepEqual(
    await database.query(notifying, [['api_key_priority_config']]),
    asTheyHaveToBe('api_key_priority_config'),
  );
});

test('a start does not touch parts of the schema that are right already', async t => {
  const database = await freshDatabase(t);
  const versions = `SELECT oid, xmin::text FROM pg_trigger UNION ALL SELECT oid, xmin::text FROM pg_proc
    WHERE proname LIKE 'tokligence%' ORDER BY 1`;
  const before = await database.query(versions);
  await migrate(database.url);
  assert.deepEqual(await database.query(versions), before);
});

test('a role with the right to create triggers in tables of another makes those it may', async t => {
  const database = await emptyDatabase(t);
  await database.query(existingInstallation);
  const { url, role } = await limitedRole(t, database);
  await database.query(`GRANT CREATE ON SCHEMA public TO ${role}; GRANT TRIGGER ON users, api_keys TO ${role}`);
  assert.equal((await migrate(url)).triggers, false);
  // Only the owner can keep a row trigger out of ordinary statements.
  assert.deepEqual(await database.query(notifying, [['users', 'api_keys', 'console_sessions']]), [
    { table: 'api_keys', name: 'tokligence_changes', enabled: 'O' },
    ...asTheyHaveToBe('console_sessions'),
    { table: 'users', name: 'tokligence_changes', enabled: 'O' },
  ]);
  assert.equal((await migrate(database.url)).triggers, true);
});

test('a role that may not record may notify all the same', async t => {
  const database = await freshDatabase(t);
  const { url, role } = await limitedRole(t, database);
  const config = 'api_key_priority_config';
  await database.query(`GRANT TRIGGER ON ${config} TO ${role}; DROP TRIGGER tokligence_changes ON ${config};
    DROP TRIGGER tokligence_changes_replicated ON ${config}; DROP TRIGGER tokligence_history_insert ON ${config}`);
  // Only the owner may attach the functions that record.
  assert.deepEqual(await migrate(url), {
    schema: 'public',
    created: [],
    isReadOnly: false,
    triggers: false,
    recording: 'gateway',
  });
  assert.deepEqual(await database.query(notifying, [[config]]), [
    { table: config, name: 'tokligence_changes', enabled: 'O' },
  ]);
});

test('a view in the place of a table costs its triggers, not the start', async t => {
  const database = await freshDatabase(t);
  await database.query('ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people');
  const { triggers, recording } = await migrate(database.url);
  assert.deepEqual([triggers, recording], [false, 'triggers']);
});

test('the tables go into the first schema of the search path', async t => {
  const database = await emptyDatabase(t);
  await database.query('CREATE SCHEMA app');
  await database.query(existingInstallation);
  const url = `${database.url}?options=${encodeURIComponent('-c search_path=missing,app,public')}`;
  assert.equal((await migrate(url)).schema, 'app');
  const tables = await database.query(`SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'app'`);
  assert.deepEqual(tables, [{ n: 16 }]);
});

test('gateways that start at the same time do not disturb each other', async t => {
  const database = await emptyDatabase(t);
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url)));
  assert.equal(results.filter(result => result.created.length > 0).length, 1);
  assert.ok(results.every(result => result.triggers));
});

test('a table locked by somebody costs the triggers, not the start', async t => {
  const database = await emptyDatabase(t);
  await database.query(existingInstallation);
  const { pool, close } = openPostgres(database.url);
  const operator = await pool.connect();
  await operator.query(`BEGIN; UPDATE users SET phone = '2' WHERE id = 1`);
  assert.equal((await migrate(database.url)).triggers, false);
  assert.deepEqual(await database.query(notifying, [['api_keys', 'users']]), asTheyHaveToBe('api_keys'));
  await operator.query('COMMIT');
  operator.release();
  await close();
  assert.equal((await migrate(database.url)).triggers, true);
});

test('the example of eight tenants can be run twice, and keeps what was edited since', async t => {
  const { query } = await freshDatabase(t);
  const example = await readFile(new URL('../../config/examples/eight-tenants.sql', import.meta.url), 'utf8');
  await query(example);
  await query(`UPDATE api_key_priority_mappings SET priority = 4 WHERE tenant_id = 'dept-dev'`);
  await query(example);
  const rows = await query('SELECT tenant_id, priority FROM api_key_priority_mappings ORDER BY id');
  assert.deepEqual(
    rows.map(row => `${row.tenant_id} ${row.priority}`),
    [
      'dept-prod 0',
      'dept-ml 1',
      'dept-analytics 2',
      'dept-dev 4',
      'ext-enterprise 5',
      'ext-premium 6',
      'ext-standard 7',
      'ext-free 9',
    ],
  );
});

test('the example of eight tenants leaves a tenant alone that has another pattern already', async t => {
  const { query } = await freshDatabase(t);
  await query(`INSERT INTO api_key_priority_mappings (pattern, priority, match_type, tenant_id)
    VALUES ('tok_prod*', 0, 'prefix', 'dept-prod')`);
  await query(await readFile(new URL('../../config/examples/eight-tenants.sql', import.meta.url), 'utf8'));
  const rows = await query(`SELECT pattern FROM api_key_priority_mappings WHERE tenant_id = 'dept-prod'`);
  assert.deepEqual(rows, [{ pattern: 'tok_prod*' }]);
});
