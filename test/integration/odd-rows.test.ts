// An unforeseen row breaks neither the lists nor the requests nor a start.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runStatements, sqliteFile } from '../../src/db/sqlite/sqlite.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const personal = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const ini = `[api_key_priority]\nenabled = true\n${personal}`;
const base = '/admin/api-key-priority';

/** Everything that reads rows and returns them. */
const reading = [
  '/admin/users',
  '/admin/users?q=odd',
  '/admin/api-keys',
  '/admin/api-keys?q=tok',
  `${base}/mappings?limit=1000`,
  `${base}/mappings?state=faulty`,
  `${base}/mappings?state=boosted`,
  `${base}/mappings?sort=updated_at`,
  `${base}/mappings?q=odd`,
  `${base}/mappings/export`,
  `${base}/status`,
  `${base}/config`,
  `${base}/history?limit=1000`,
  `${base}/schedules`,
  `${base}/schedules/preview`,
  `${base}/lint`,
  '/admin/scheduler/stats',
  '/admin/scheduler/pools',
  '/admin/scheduler/pools/local/schedules',
  '/admin/scheduler/pools/local/schedules/preview',
];

const assertAllRead = async ({ url }: TestGateway, key: string, paths = reading): Promise<void> => {
  for (const path of paths) {
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(response.status, 200, `${path}: ${(await response.text()).slice(0, 300)}`);
  }
};

/** Asserts that the live lanes are sent. */
const assertLanes = async ({ url }: TestGateway, key: string): Promise<void> => {
  const leaving = new AbortController();
  const { body } = await fetch(`${url}/admin/scheduler/stream`, {
    headers: { authorization: `Bearer ${key}` },
    signal: leaving.signal,
  });
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes('event: lanes')) break;
  }
  leaving.abort();
  assert.match(text, /event: lanes/);
};

const adminKey = 'tok_admin_key_of_the_tests_0123456789';

/** Asserts that rows beside the odd ones work, and that a gateway starts with all of them. */
const assertGoesOn = async (t: Parameters<typeof startGateway>[0], database: TestDatabase): Promise<TestGateway> => {
  const gateway = await startGateway(t, { ini, database: database.url });
  await assertAllRead(gateway, adminKey);
  await assertLanes(gateway, adminKey);
  const created = await gateway.admin('POST', `${base}/mappings`, {
    pattern: 'tok_even*',
    match_type: 'prefix',
    priority: 2,
  });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  const key = await gateway.createKey('even');
  assert.equal((await gateway.chat(key)).headers.get('x-tokligence-priority'), '2');
  assert.equal((await gateway.admin('POST', `${base}/reload`)).status, 200);
  return gateway;
};

const moments = [
  'infinity',
  '-infinity',
  '294276-12-31 23:59:59.999999+00',
  '4713-01-01 00:00:00+00 BC',
  '0001-06-01 BC',
];

for (const moment of moments) {
  test(`rows with the moment ${moment} everywhere are shown, and serve`, async t => {
    const database = await freshDatabase(t);
    const at = `'${moment}'`;
    await database.query(`
      INSERT INTO users (id, email, role, created_at, updated_at) VALUES (900, 'odd@x', 'root_admin', ${at}, ${at});
      INSERT INTO api_keys (id, user_id, key_hash, key_prefix, expires_at, created_at, updated_at)
        VALUES (900, 900, encode(sha256('tok_odd'), 'hex'), 'tok_odd', ${at}, ${at}, ${at});
      INSERT INTO api_key_priority_mappings (id, pattern, match_type, priority, created_at, updated_at)
        VALUES (900, 'tok_odd*', 'prefix', 4, ${at}, ${at});
      INSERT INTO api_key_priority_config (key, value, updated_at) VALUES ('default_priority', '6', ${at});
      INSERT INTO scheduler_pool_config (pool, key, value, updated_at) VALUES ('local', 'policy', 'strict', ${at});
      INSERT INTO api_key_priority_boosts (mapping_id, priority, until, reason, created_at) VALUES (900, 1, ${at}, 'r', ${at});
      INSERT INTO api_key_priority_schedules (mapping_id, priority, weekdays, start_time, end_time, zone, created_at, updated_at)
        VALUES (900, 3, 'mon', '08:00', '09:00', 'UTC', ${at}, ${at});
      INSERT INTO scheduler_pool_schedules (pool, key, value, weekdays, start_time, end_time, zone, created_at, updated_at)
        VALUES ('local', 'policy', 'wfq', 'mon', '08:00', '09:00', 'UTC', ${at}, ${at});
      INSERT INTO console_sessions (token_hash, key_id, user_id, created_at, last_seen_at, expires_at)
        VALUES (encode(sha256('${'s'.repeat(43)}'), 'hex'), 900, 900, ${at}, ${at}, ${at});
      UPDATE api_key_priority_history SET at = ${at};
      INSERT INTO api_key_priority_history (at, actor, via, db_role, object, object_id, kind, before, after)
        SELECT ${at}, 'a', 'sql', 'r', 'mapping', '900', 'update', to_jsonb(m), to_jsonb(m)
          FROM api_key_priority_mappings m WHERE id = 900`);
    const gateway = await assertGoesOn(t, database);
    const { body } = await gateway.admin('GET', '/admin/users?q=odd');
    assert.match(body.users[0].created_at, /^(0001-01-01T00:00:00.000|9999-12-31T23:59:59.999)Z$/);
    const odd = await gateway.admin('GET', '/admin/users', undefined, 'tok_odd');
    assert.equal(odd.status, body.users[0].created_at.startsWith('9999') ? 200 : 401, 'its key has expired, or not');
  });
}

test('rows with nothing where something has to be are shown or left out', async t => {
  const database = await freshDatabase(t);
  await database.query(`
    DO $$ DECLARE c record; BEGIN
      FOR c IN SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_name NOT IN ('id', 'version')
          AND (table_name, column_name) NOT IN (SELECT table_name, column_name FROM information_schema.table_constraints
            JOIN information_schema.key_column_usage USING (table_schema, table_name, constraint_name)
            WHERE table_schema = 'public' AND constraint_type = 'PRIMARY KEY')
      LOOP EXECUTE format('ALTER TABLE %I ALTER COLUMN %I DROP NOT NULL', c.table_name, c.column_name); END LOOP; END $$;
    INSERT INTO users (id, status, created_at, updated_at) VALUES (900, NULL, NULL, NULL);
    INSERT INTO api_keys (id, user_id, created_at, updated_at) VALUES (900, 900, NULL, NULL);
    INSERT INTO api_key_priority_mappings (id, enabled, created_at, updated_at) VALUES (900, NULL, NULL, NULL), (901, true, NULL, NULL);
    INSERT INTO api_key_priority_mappings (id, enabled, match_type, priority) VALUES (902, true, 'exact', 1), (903, true, 'regex', 1);
    INSERT INTO api_key_priority_config (key) VALUES ('default_priority'), ('mode');
    INSERT INTO scheduler_pool_config (pool, key) VALUES ('local', 'policy');
    INSERT INTO api_key_priority_boosts (mapping_id) VALUES (900), (901);
    INSERT INTO api_key_priority_boosts (mapping_id, priority) VALUES (902, 1);
    INSERT INTO api_key_priority_schedules (id, mapping_id) VALUES (900, 901), (901, NULL);
    INSERT INTO scheduler_pool_schedules (id, pool) VALUES (900, 'local'), (901, NULL);
    INSERT INTO providers (name, enabled, created_at, updated_at) VALUES ('odd', NULL, NULL, NULL), ('local', true, NULL, NULL);
    INSERT INTO provider_endpoints (provider, url, enabled) VALUES ('odd', 'http://127.0.0.1:9/v1', NULL);
    INSERT INTO provider_keys (id, provider, origins, sealed) VALUES ('k1', 'odd', NULL, NULL), ('k2', NULL, NULL, NULL);
    INSERT INTO model_routes (name, enabled, targets) VALUES ('odd', NULL, NULL);
    INSERT INTO console_sessions (token_hash) VALUES ('x');
    INSERT INTO api_key_priority_history (id) VALUES (900)`);
  await assertGoesOn(t, database);
});

test('entries of the history that hold anything are shown', async t => {
  const database = await freshDatabase(t);
  const images = [
    '"a text"',
    '5',
    '[1, 2]',
    'null',
    '{"until": "2026-99-99T00:00:00Z", "created_at": "0044-03-15T12:00:00+00:00 BC"}',
  ];
  for (const image of images) {
    await database.query(
      `INSERT INTO api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after)
       VALUES ('a', 'sql', 'r', 'mapping', '1', 'update', $1, $1)`,
      [image],
    );
  }
  const gateway = await assertGoesOn(t, database);
  const { body } = await gateway.admin('GET', `${base}/history?object_id=1&kind=update`);
  for (const { id } of body.history) {
    const restored = await gateway.admin('POST', `${base}/history/${id}/restore`);
    assert.ok([200, 409].includes(restored.status), JSON.stringify(restored.body));
  }
});

test('numbers beyond what they may be, in tables that do not check them, are faults of their rows', async t => {
  const database = await freshDatabase(t);
  await database.query(`
    ALTER TABLE api_key_priority_mappings DROP CONSTRAINT api_key_priority_mappings_priority_check,
      ALTER COLUMN priority TYPE numeric, ALTER COLUMN id TYPE bigint;
    ALTER TABLE users ALTER COLUMN id TYPE bigint;
    INSERT INTO users (id, email, role, status) VALUES (9007199254740993, 'odd@x', 'gateway_user', 'what');
    INSERT INTO api_key_priority_mappings (id, pattern, match_type, priority) VALUES
      (900, 'tok_a*', 'prefix', 99), (901, 'tok_b*', 'prefix', -1), (902, 'tok_c*', 'prefix', 2.5),
      (903, 'tok_d*', 'prefix', 'NaN'), (9007199254740993, 'tok_z*', 'prefix', 1)`);
  const gateway = await assertGoesOn(t, database);
  const { body } = await gateway.admin('GET', `${base}/mappings?state=faulty`);
  assert.deepEqual(body.mappings.map((row: { id: number }) => row.id).sort(), [900, 901, 902, 903]);
  await until(() => gateway.log.some(line => line.includes('Skipped mapping 900')));
});

test('in a SQLite file rows may hold anything, too', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'odd-rows-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const options = { ini: personal, env: { TOKLIGENCE_GATEWAY_DATA_DIR: dataDir } };
  const first = await startGateway(t, options);
  await first.createKey();
  await first.app.stop();
  const odd = ["'infinity'", "'never'", "x'00ff'", '12', "'99999-01-01'", '1e300'];
  const rows = odd.map(
    (value, at) => `
      INSERT INTO users (id, email, role, display_name, status, created_at, updated_at)
        VALUES (${900 + at}, ${value} || ${at}, ${value}, ${value}, ${value}, ${value}, ${value});
      INSERT INTO api_keys (id, user_id, key_hash, key_prefix, scopes, expires_at, created_at, updated_at)
        VALUES (${900 + at}, 1, ${value} || ${at}, ${value}, ${value}, ${value}, ${value}, ${value});
      INSERT INTO scheduler_pool_config (pool, key, value, updated_at) VALUES ('local', ${value}, ${value}, ${value});
      INSERT INTO scheduler_pool_schedules (pool, key, value, weekdays, start_time, end_time, zone, created_at, updated_at)
        VALUES ('local', ${value}, ${value}, ${value}, ${value}, ${value}, ${value}, ${value}, ${value});
      INSERT INTO console_sessions VALUES (${value} || ${at}, ${value}, ${value}, ${value}, ${value}, ${value});`,
  );
  const huge = `INSERT INTO users (id, email, role) VALUES (9007199254740993, 'huge@x', 'gateway_user');`;
  for (const _ of runStatements(sqliteFile(dataDir), rows.join('') + huge));
  const gateway = await startGateway(t, options);
  await assertAllRead(
    gateway,
    adminKey,
    reading.filter(path => !path.startsWith(base)),
  );
  await assertLanes(gateway, adminKey);
  const { body } = await gateway.admin('GET', '/admin/users?limit=1000');
  assert.equal(body.total, 3 + odd.length);
  const key = await gateway.admin('POST', '/admin/api-keys', { user_id: 2 });
  assert.equal((await gateway.chat(key.body.key)).status, 200);
});
