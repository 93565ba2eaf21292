// Changes that no ordinary trigger reports: each takes effect within two seconds of the watcher's clock.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Looks } from '../../src/db/changes/looks.ts';
import { onConnection, openPostgres } from '../../src/db/postgres/postgres.ts';
import { limitedRole } from '../support/limited-role.ts';
import { freshDatabase, privateServer, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { everything, listening, watched, watchedByHand } from '../support/watched.ts';

const users = `INSERT INTO users (email, role) VALUES (gen_random_uuid() || '@x', 'gateway_user')`;
const mappings = 'api_key_priority_mappings';
const inserting: Readonly<Record<string, string>> = {
  users,
  [mappings]: `INSERT INTO ${mappings} (pattern, priority, match_type) VALUES (gen_random_uuid(), 1, 'prefix')`,
};
const notifying = `SELECT tgname AS name, tgenabled AS enabled FROM pg_trigger
  WHERE tgrelid = $1::regclass AND tgname LIKE 'tokligence_changes%' ORDER BY 1`;
const asTheyHaveToBe = [
  { name: 'tokligence_changes', enabled: 'A' },
  { name: 'tokligence_changes_replicated', enabled: 'R' },
];
const swap = (table: string) => `BEGIN; ALTER TABLE ${table} RENAME TO swapped_away;
  CREATE TABLE ${table} (LIKE swapped_away INCLUDING ALL); INSERT INTO ${table} SELECT * FROM swapped_away; COMMIT`;

/** One connection, as an operator at psql has it. */
const operatorAt = async (t: TestContext, { url }: TestDatabase) => {
  const { pool, close } = openPostgres(url);
  const client = await pool.connect();
  t.after(async () => {
    client.release(true);
    await close();
  });
  return client;
};

const silent: Readonly<Record<string, { change: string; tables: readonly string[] }>> = {
  'rows written with triggers disabled, which are enabled again in the same transaction': {
    change: `BEGIN; ALTER TABLE users DISABLE TRIGGER ALL; ${users}; ALTER TABLE users ENABLE TRIGGER ALL; COMMIT`,
    tables: ['users'],
  },
  'rows written with triggers disabled, which stay so': {
    change: `ALTER TABLE users DISABLE TRIGGER ALL; ${users}`,
    tables: ['users'],
  },
  'a table that is swapped for its copy': { change: swap(mappings), tables: [mappings] },
  'a table that is dropped and restored, its triggers last': {
    change: `CREATE TABLE saved AS TABLE ${mappings}; DROP TABLE ${mappings};
      CREATE TABLE ${mappings} (id SERIAL PRIMARY KEY, pattern TEXT NOT NULL UNIQUE, priority INTEGER NOT NULL,
        match_type TEXT NOT NULL, tenant_id TEXT, tenant_name TEXT, tenant_type TEXT, description TEXT,
        enabled BOOLEAN NOT NULL DEFAULT TRUE, created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
        updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), created_by TEXT);
      INSERT INTO ${mappings} SELECT * FROM saved;
      CREATE TRIGGER tokligence_changes AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${mappings}
        FOR EACH STATEMENT EXECUTE FUNCTION tokligence_notify_change()`,
    tables: [mappings],
  },
  'tables that change places with those of another schema': {
    change: `CREATE SCHEMA other; BEGIN; ${['users', mappings]
      .map(
        table => `CREATE TABLE other.${table} (LIKE public.${table} INCLUDING DEFAULTS);
          ALTER TABLE public.${table} RENAME TO old_${table}; ALTER TABLE other.${table} SET SCHEMA public`,
      )
      .join('; ')}; COMMIT`,
    tables: [mappings, 'users'],
  },
};

for (const [how, { change, tables }] of Object.entries(silent)) {
  test(`reported within two seconds: ${how}; and what is written after it`, async t => {
    const database = await freshDatabase(t);
    const gateway = await watchedByHand(t, database.url);
    const operator = await operatorAt(t, database);
    await operator.query(change);
    const seen = await gateway.reported();
    assert.deepEqual(seen.tables, tables);
    assert.ok(seen.ms <= 2_000, `${seen.ms} ms`);
    for (const table of tables) {
      await operator.query(`SET session_replication_role = origin; ${inserting[table]}`);
      const after = await gateway.reported();
      assert.ok(after.tables.some(name => name === table) && after.ms <= 2_000, `${table}: ${after.ms} ms`);
    }
  });
}

test('rows written while triggers of replication fire are heard of', async t => {
  const database = await freshDatabase(t);
  const gateway = watched(t, database.url);
  await listening(gateway);
  const operator = await operatorAt(t, database);
  await operator.query(`SET session_replication_role = replica; ${users}`);
  assert.deepEqual(await gateway.reports.next(), ['users']);
  await operator.query('DELETE FROM users');
  assert.deepEqual(await gateway.reports.next(), ['users']);
});

test('a trigger that is disabled for a while is noticed although it ends as it began', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, database.url);
  await database.query(`BEGIN; ALTER TABLE users DISABLE TRIGGER tokligence_changes; ${users};
    ALTER TABLE users ENABLE ALWAYS TRIGGER tokligence_changes; COMMIT`);
  const seen = await gateway.reported();
  assert.deepEqual(seen.tables, ['users']);
  assert.ok(seen.ms <= 2_000, `${seen.ms} ms`);
});

test('a table that is rewritten, as by VACUUM FULL, is reported once', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, database.url);
  await database.query('VACUUM FULL users');
  assert.deepEqual((await gateway.reported()).tables, ['users']);
  await gateway.pass(5_000);
  assert.equal(gateway.reports.waiting, 0);
});

test('triggers that a table lost are made again, and those that were disabled enabled, once all has settled', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, database.url);
  await database.query(swap(mappings));
  await database.query('ALTER TABLE users DISABLE TRIGGER ALL; ALTER TABLE users ENABLE TRIGGER ALL');
  await gateway.reported();
  // A restore creates its triggers last, and would fail if they existed.
  await gateway.pass(4_000);
  assert.deepEqual(await database.query(notifying, [mappings]), []);
  await gateway.pass(3_000);
  for (const table of [mappings, 'users'])
    assert.deepEqual(await database.query(notifying, [table]), asTheyHaveToBe, table);
  const recording = `SELECT count(*)::int AS n FROM pg_trigger WHERE tgrelid = $1::regclass AND tgname ~ 'history|end'`;
  assert.deepEqual(await database.query(recording, [mappings]), [{ n: 5 }]);
  const made = gateway.log.lines.filter(line => /^info Made the triggers of/.test(line));
  assert.deepEqual(made, [`info Made the triggers of users, ${mappings} again`]);
});

test('while pg_restore is at work no trigger is made', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, database.url);
  const restore = await operatorAt(t, database);
  await restore.query(`SET application_name = 'pg_restore'; DROP TRIGGER tokligence_changes ON users`);
  await gateway.pass(10_000);
  await restore.query(`CREATE TRIGGER tokligence_changes AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION tokligence_notify_change(); SET application_name = 'psql'`);
  await gateway.pass(8_000);
  assert.deepEqual(await database.query(notifying, ['users']), asTheyHaveToBe);
});

test('a table that an operator keeps locked gets its triggers later, and nobody waits for long because of them', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, database.url);
  const operator = await operatorAt(t, database);
  await operator.query('DROP TRIGGER tokligence_changes_replicated ON users');
  await operator.query(`BEGIN; ${users}`);
  await gateway.pass(7_000);
  assert.deepEqual(await database.query(notifying, ['users']), asTheyHaveToBe.slice(0, 1));
  assert.match(gateway.log.lines.join('\n'), /changes of users every second: somebody keeps that locked/);
  // A session that waited for the lock would block this statement.
  await database.query(users);
  await operator.query('COMMIT');
  await gateway.pass(12_000);
  assert.deepEqual(await database.query(notifying, ['users']), asTheyHaveToBe);
});

test('without ownership the tables are read each second', async t => {
  const database = await freshDatabase(t);
  await database.query('DROP TRIGGER tokligence_changes_replicated ON users');
  const gateway = await watchedByHand(t, (await limitedRole(t, database)).url);
  const operator = await operatorAt(t, database);
  await operator.query(`SET session_replication_role = replica; ${users}`);
  const seen = await gateway.reported();
  assert.deepEqual(seen.tables, ['users']);
  assert.ok(seen.ms <= 2_000, `${seen.ms} ms`);
  assert.match(gateway.log.lines.join('\n'), /^warn Looking for changes of users every second: only the owner may/);
});

test('a refusal of the server is logged with its reason, and tried again when the rights change', async t => {
  const database = await freshDatabase(t);
  const { url, role } = await limitedRole(t, database);
  await database.query(`ALTER TABLE users OWNER TO ${role}; DROP FUNCTION tokligence_notify_change CASCADE`);
  const gateway = await watchedByHand(t, url);
  await gateway.pass(60_000);
  const told = gateway.log.lines.filter(line => line.includes('the server refused'));
  assert.deepEqual(told, [
    'warn Looking for changes of users every second: the server refused the triggers there ' +
      '(permission denied for schema public)',
  ]);
  await database.query(`GRANT CREATE ON SCHEMA public TO ${role}`);
  await gateway.pass(20_000);
  assert.deepEqual(await database.query(notifying, ['users']), asTheyHaveToBe);
  await database.query(`ALTER TABLE users OWNER TO CURRENT_USER; DROP FUNCTION tokligence_notify_change CASCADE`);
});

test('while no transaction ends the tables are not read', async t => {
  const server = await privateServer(t);
  const database = await server.migrated('ours');
  const looks = new Looks();
  /** Returns how often the table was read by this many looks. */
  const scansOf = async (count: number): Promise<number> => {
    const scans = `SELECT seq_scan::int AS n FROM pg_stat_user_tables WHERE relname = 'users'`;
    const before = (await database.query(scans))[0]?.n;
    const { pool, close } = openPostgres(database.url);
    for (let look = 0; look < count; look++)
      await onConnection(pool, t.signal, client => looks.look(client, 'public', false));
    // A session reports the statistics of its reads when it ends, at the latest.
    await pool.query('SELECT pg_stat_force_next_flush()');
    await close();
    return (await database.query(scans))[0]?.n - before;
  };
  assert.ok((await scansOf(1)) >= 1);
  // The server itself may sometimes end one.
  assert.ok((await scansOf(30)) <= 5);
  await database.query(users);
  assert.ok((await scansOf(1)) >= 1);
});

test('a view, a partitioned table and one with children in the place of ours are looked at each second', async t => {
  const database = await freshDatabase(t);
  await database.query(`ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people;
    DROP TABLE api_key_priority_config;
    CREATE TABLE api_key_priority_config (key TEXT, value TEXT NOT NULL, description TEXT,
      updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), PRIMARY KEY (key)) PARTITION BY LIST (key);
    CREATE TABLE of_all_keys PARTITION OF api_key_priority_config DEFAULT;
    CREATE TABLE more_mappings () INHERITS (${mappings})`);
  const gateway = await watchedByHand(t, database.url);
  const changes = {
    users: users.replace('users', 'people'),
    api_key_priority_config: `INSERT INTO of_all_keys (key, value) VALUES ('enabled', 'true')`,
    [mappings]: `INSERT INTO more_mappings (pattern, priority, match_type) VALUES ('a', 1, 'prefix')`,
  };
  for (const [table, change] of Object.entries(changes)) {
    await database.query(change);
    const { tables, ms } = await gateway.reported();
    assert.deepEqual(tables, [table]);
    assert.ok(ms <= 2_000, `${table}: ${ms} ms`);
  }
});

test('an ordinary statement does not run the trigger for rows, and tells of itself once', async t => {
  const operator = await operatorAt(t, await freshDatabase(t));
  const calls = async (role: string) => {
    await operator.query(`SET session_replication_role = ${role}`);
    const { rows } = await operator.query<{ 'QUERY PLAN': string }>(`EXPLAIN ANALYZE
      INSERT INTO users (email, role) SELECT i || '${role}', 'x' FROM generate_series(1, 1000) i`);
    const triggers = rows.map(row => row['QUERY PLAN']).filter(line => line.startsWith('Trigger'));
    return triggers.map(line => line.replace(/: time=\S+/, '')).sort();
  };
  assert.deepEqual(await calls('origin'), ['Trigger tokligence_changes calls=1']);
  assert.deepEqual(await calls('replica'), [
    'Trigger tokligence_changes calls=1',
    'Trigger tokligence_changes_replicated calls=1000',
  ]);
});

test('rows that logical replication brings are heard of, their deletion and a TRUNCATE too', async t => {
  const server = await privateServer(t, { wal_level: 'logical' });
  const [source, target] = [await server.migrated('source'), await server.migrated('target')];
  const insert = inserting[mappings] ?? '';
  await source.query(`CREATE PUBLICATION ours FOR TABLE ${mappings}; ${insert}`);
  // Created in one step, a subscription within one server would wait for itself.
  await source.query(`SELECT pg_create_logical_replication_slot('ours', 'pgoutput')`);
  const gateway = watched(t, target.url);
  await listening(gateway);
  await target.query(`CREATE SUBSCRIPTION ours CONNECTION '${source.url}' PUBLICATION ours
    WITH (create_slot = false, slot_name = 'ours')`);
  assert.deepEqual(await gateway.reports.next(), [mappings]);
  const [update, remove] = [`UPDATE ${mappings} SET priority = 2`, `DELETE FROM ${mappings}`];
  for (const change of [insert, update, remove, insert, `TRUNCATE ${mappings}`]) {
    await source.query(change);
    assert.deepEqual(await gateway.reports.next(), [mappings], change);
  }
  assert.deepEqual(await target.query(`SELECT * FROM ${mappings}`), []);
  // The entries of the history are the source's; entries of this server would record every row twice.
  assert.deepEqual(await target.query('SELECT * FROM api_key_priority_history'), []);
  assert.deepEqual(gateway.log.lines, []);
});

test('a commit that becomes visible long after it was written to the WAL is seen', async t => {
  const server = await privateServer(t);
  const database = await server.migrated('ours');
  const { pool, close } = openPostgres(database.url);
  t.after(close);
  const looks = new Looks();
  const look = async () => (await onConnection(pool, t.signal, client => looks.look(client, 'public', false))).changed;
  assert.deepEqual([...(await look())].sort(), everything);
  // No standby of that name will ever confirm the commit.
  await server.query(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`);
  await server.query('SELECT pg_reload_conf()');
  const writing = database.query(users);
  const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'`;
  await until(async () => (await server.query(waiting)).length === 1);
  assert.deepEqual(await look(), []);
  await server.query(`SELECT pg_cancel_backend(pid) FROM (${waiting}) w`);
  await writing;
  assert.deepEqual(await look(), ['users']);
});

test('a database that stands still does not keep a stop waiting', async t => {
  const database = await freshDatabase(t);
  const gateway = watched(t, database.url);
  await listening(gateway);
  // A lock that blocks our looks and nothing else.
  const operator = await operatorAt(t, database);
  await operator.query('BEGIN; LOCK TABLE pg_catalog.pg_trigger IN ACCESS EXCLUSIVE MODE');
  await until(async () => {
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    return (await operator.query(waiting)).rowCount === 1;
  });
  const began = performance.now();
  await gateway.watch.stop();
  assert.ok(performance.now() - began < 5_000);
});
