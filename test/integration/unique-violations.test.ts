// The meaning of a unique violation depends on its constraint.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { openSqlite, runStatements } from '../../src/db/sqlite/sqlite.ts';
import { IdentityStore } from '../../src/identity/identity-store.ts';
import { existingInstallation } from '../support/existing-installation.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { limitedRole } from '../support/limited-role.ts';
import { emptyDatabase, freshDatabase, type TestDatabase } from '../support/postgres.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const base = '/admin/api-key-priority';
const hours = { weekdays: ['mon'], start: '08:00', end: '09:00', zone: 'UTC' };
let drawn = 0;
const user = () => ({ email: `user-${drawn++}@x`, role: 'gateway_user' });
const mapping = () => ({ pattern: `tok_${drawn++}*`, priority: 1, match_type: 'prefix' });

/** Rows with explicit IDs, as copied from another installation: the sequences do not count them. */
const copied = `
  INSERT INTO users (id, email, role) SELECT i, i || '@copied', 'gateway_user' FROM generate_series(2, 9) i;
  INSERT INTO api_keys (id, user_id, key_hash, key_prefix) SELECT i, 2, i, 'tok_' FROM generate_series(2, 9) i;
  INSERT INTO api_key_priority_mappings (id, pattern, priority, match_type)
    SELECT i, 'copied' || i, 1, 'exact' FROM generate_series(1, 9) i;
  INSERT INTO api_key_priority_schedules (id, mapping_id, priority, weekdays, start_time, end_time, zone)
    SELECT i, 9, 3, 'tue', '08:00', '09:00', 'UTC' FROM generate_series(1, 9) i;
  INSERT INTO scheduler_pool_schedules (id, pool, key, value, weekdays, start_time, end_time, zone)
    SELECT i, 'other', 'policy', 'strict', 'tue', '08:00', '09:00', 'UTC' FROM generate_series(1, 9) i;
  INSERT INTO api_key_priority_history (id, actor, via, db_role, object, object_id, kind)
    SELECT i, 'copied', 'sql', 'copied', 'setting', 'x', 'create' FROM generate_series(1, 500) i ON CONFLICT DO NOTHING;
  SELECT setval('api_key_priority_history_id_seq', 1, false)`;

const writes: readonly [string, string, string, object][] = [
  ['a user', 'POST', '/admin/users', user()],
  ['a key', 'POST', '/admin/api-keys', { user_id: 2 }],
  ['a mapping', 'POST', `${base}/mappings`, mapping()],
  ['mappings from a file', 'POST', `${base}/mappings/import`, { mappings: [mapping(), mapping()] }],
  ['a boost', 'POST', `${base}/mappings/1/boost`, { priority: 0, for: 60, reason: 'r' }],
  ['a schedule', 'POST', `${base}/schedules`, { mapping_id: 1, priority: 1, ...hours }],
  ['a setting', 'PUT', `${base}/config`, { default_priority: 3 }],
  ['a setting of a pool', 'PUT', '/admin/scheduler/pools/local', { policy: 'strict' }],
  [
    'a schedule of a pool',
    'POST',
    '/admin/scheduler/pools/local/schedules',
    { key: 'policy', value: 'strict', ...hours },
  ],
];

for (const [what, method, path, body] of writes) {
  test(`${what} is written beside rows that were copied with their ids`, async t => {
    const database = await freshDatabase(t);
    const { admin } = await startGateway(t, { ini, database: database.url });
    await database.query(copied);
    const answer = await admin(method, path, body);
    assert.ok([200, 201].includes(answer.status), JSON.stringify(answer));
    const [entry] = await database.query('SELECT max(id)::int AS id FROM api_key_priority_history');
    if (!['a user', 'a key'].includes(what)) assert.ok(entry?.id > 500, `the history ends with ${entry?.id}`);
  });
}

test('a deleted row comes back under its id although the sequences lag behind', async t => {
  const database = await freshDatabase(t);
  const { admin } = await startGateway(t, { ini, database: database.url });
  const created = await admin('POST', `${base}/mappings`, mapping());
  assert.equal((await admin('DELETE', `${base}/mappings/${created.body.id}`)).status, 200);
  await database.query(copied.replace('generate_series(1, 9) i;', 'generate_series(2, 9) i;'));
  const { body } = await admin('GET', `${base}/history?object=mapping&object_id=1&kind=create`);
  const restored = await admin('POST', `${base}/history/${body.history[0].id}/restore`);
  assert.equal(restored.status, 200, JSON.stringify(restored.body));
  assert.equal((await admin('POST', `${base}/mappings`, mapping())).status, 201);
});

test('the first admin is made at the start although the sequences lag behind', async t => {
  const database = await freshDatabase(t);
  await database.query(`${copied.split(';')[0]}; INSERT INTO users (id, email, role) VALUES (1, 'one@copied', 'x');
    INSERT INTO api_keys (id, user_id, key_hash, key_prefix) SELECT i, 2, i, 'tok_' FROM generate_series(1, 9) i`);
  const gateway = await startGateway(t, { ini, database: database.url });
  assert.equal((await gateway.admin('GET', '/admin/users')).status, 200);
  assert.deepEqual(
    gateway.log.filter(line => line.includes('Cannot use the database')),
    [],
  );
});

test('concurrent writes all succeed, and no sequence goes backwards', async t => {
  const database = await freshDatabase(t);
  const { url, query } = database;
  const [one, other] = [await startGateway(t, { ini, database: url }), await startGateway(t, { ini, database: url })];
  await query(copied);
  const creating = ({ admin }: TestGateway) => Array.from({ length: 10 }, () => admin('POST', '/admin/users', user()));
  // SQL clients get the IDs that are taken, as before; the later IDs are the ones that matter.
  const bySql = Array.from({ length: 10 }, (_, at) =>
    query(`INSERT INTO users (email, role) VALUES ('${at}@psql', 'x')`).catch(error => error.code),
  );
  const answers = await Promise.all([...creating(one), ...creating(other)]);
  await Promise.all(bySql);
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
  const ids = answers.map(({ body }) => body.id);
  assert.equal(new Set(ids).size, 20);
  const [after] = await query(`SELECT last_value::int AS last, (SELECT max(id) FROM users) AS max FROM users_id_seq`);
  assert.ok(after?.last >= after?.max, JSON.stringify(after));
});

test('a dry run foresees the id that the row gets', async t => {
  const database = await freshDatabase(t);
  const { admin } = await startGateway(t, { ini, database: database.url });
  const broad = { pattern: 'tok_*', priority: 1, match_type: 'prefix', tenant_id: 'broad' };
  await database.query(`INSERT INTO api_key_priority_mappings (id, pattern, priority, match_type, tenant_id)
    VALUES (1, 'tok_admin*', 1, 'prefix', 'one'), (2, 'tok_admin_*', 1, 'prefix', 'two')`);
  // Of equal priorities the smaller ID wins: with ID 1 it would match the admin's key.
  const tried = await admin('POST', `${base}/mappings?dry_run=true`, broad);
  assert.equal(tried.body.impact.keys.changed, 0, JSON.stringify(tried.body));
});

test('a pattern or an e-mail that is taken is a 409 that names the field, whatever the constraint is called', async t => {
  const database = await freshDatabase(t);
  const { admin } = await startGateway(t, { ini, database: database.url });
  await database.query(`ALTER TABLE users RENAME CONSTRAINT users_email_key TO "Eine Adresse";
    ALTER TABLE api_key_priority_mappings RENAME CONSTRAINT api_key_priority_mappings_pattern_key TO odd`);
  const [address, pattern] = [user(), mapping()];
  assert.equal((await admin('POST', '/admin/users', address)).status, 201);
  assert.equal((await admin('POST', `${base}/mappings`, pattern)).status, 201);
  const again = [
    await admin('POST', '/admin/users', address),
    await admin('POST', `${base}/mappings`, pattern),
    ...(await Promise.all([1, 2].map(() => admin('POST', '/admin/users', { ...address, email: 'both@x' })))),
  ];
  const conflicts = again.filter(({ status }) => status === 409).map(({ body }) => body.error.param);
  assert.deepEqual(conflicts, ['email', 'pattern', 'email'], JSON.stringify(again));
});

test('a constraint of the operator is told of as what it is', async t => {
  const database = await freshDatabase(t);
  const { admin } = await startGateway(t, { ini, database: database.url });
  await database.query(`ALTER TABLE users ADD UNIQUE (display_name, role), ADD CONSTRAINT short CHECK (length(email) < 20),
    ADD COLUMN phone TEXT; CREATE UNIQUE INDEX one_tenant ON api_key_priority_mappings (lower(tenant_id))`);
  await admin('POST', '/admin/users', { ...user(), display_name: 'Ann' });
  await admin('POST', `${base}/mappings`, { ...mapping(), tenant_id: 'a' });
  const told = async (path: string, body: object) => {
    const answer = await admin('POST', path, body);
    return [answer.status, answer.body.error?.message, answer.body.error?.param];
  };
  assert.deepEqual(await told('/admin/users', { ...user(), display_name: 'Ann' }), [
    409,
    'There is already another row of users with this display_name and role.',
    'display_name',
  ]);
  assert.deepEqual(await told(`${base}/mappings`, { ...mapping(), tenant_id: 'A' }), [
    409,
    'There is already another row of api_key_priority_mappings with this lower(tenant_id).',
    null,
  ]);
  assert.deepEqual(await told('/admin/users', { ...user(), email: 'a@a-very-long-name-of-a-host' }), [
    409,
    'The database refuses this: the table users does not allow such a row (short).',
    null,
  ]);
  await database.query(
    `ALTER TABLE api_keys ADD COLUMN team TEXT NOT NULL DEFAULT ''; ALTER TABLE api_keys ALTER team DROP DEFAULT`,
  );
  assert.deepEqual(await told('/admin/api-keys', { user_id: 1 }), [
    409,
    'The database refuses this: the table api_keys does not allow a row without team.',
    null,
  ]);
});

test('when there is no id left the answer says so', async t => {
  const database = await freshDatabase(t);
  const { admin } = await startGateway(t, { ini, database: database.url });
  await database.query(`SELECT setval('users_id_seq', 2147483647)`);
  const { status, body } = await admin('POST', '/admin/users', user());
  assert.equal(status, 409);
  assert.match(body.error.message, /there is no id left for a new row \(.*users_id_seq.*2147483647/);
});

/** The ways in which other installations generate IDs. */
const sources: Readonly<Record<string, { readonly change: string; readonly isMended: boolean }>> = {
  'an identity column': {
    change: `ALTER TABLE users ALTER id DROP DEFAULT; ALTER TABLE users ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 1)`,
    isMended: true,
  },
  'a sequence that belongs to no column': {
    change: `ALTER SEQUENCE users_id_seq OWNED BY NONE; ALTER SEQUENCE users_id_seq RENAME TO "All ids"`,
    isMended: true,
  },
  'a sequence of another schema, with quotes in its name': {
    change: `CREATE SCHEMA "Else where"; CREATE SEQUENCE "Else where"."a""b"; ALTER TABLE users ALTER id SET DEFAULT nextval('"Else where"."a""b"')`,
    isMended: true,
  },
  'a sequence behind which even the largest id is taken': {
    change: `INSERT INTO users (id, email, role) VALUES (2147483647, 'largest@x', 'x')`,
    isMended: true,
  },
  'a function': {
    change: `CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER TABLE users ALTER id SET DEFAULT one()`,
    isMended: false,
  },
};

for (const [source, { change, isMended }] of Object.entries(sources)) {
  test(`ids from ${source}: ${isMended ? 'set forward' : 'a 503 that says what is wrong'}`, async t => {
    const database = await freshDatabase(t);
    const { admin } = await startGateway(t, { ini, database: database.url });
    await database.query(copied);
    await database.query(change);
    const answer = await admin('POST', '/admin/users', user());
    if (isMended) return assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.deepEqual(
      [answer.status, answer.body.error.message],
      [
        503,
        'The table users gives a new row the id of another one (users_pkey), and no sequence is found behind its ids.',
      ],
    );
  });
}

test('a role that may only use the sequences sets them forward step by step; one that may not is told', async t => {
  const database = await freshDatabase(t);
  const { url, role } = await limitedRole(t, database);
  await migrate(database);
  const { admin } = await startGateway(t, { ini, database: url });
  await database.query(copied);
  assert.equal((await admin('POST', '/admin/users', user())).status, 201);
  assert.equal((await admin('POST', `${base}/mappings`, mapping())).status, 201);
  // The triggers use the sequence with their owner's rights, the gateway with its own.
  await database.query(`REVOKE ALL ON SEQUENCE api_key_priority_history_id_seq FROM ${role};
    SELECT setval('api_key_priority_history_id_seq', 1, false)`);
  const refused = await admin('POST', `${base}/mappings`, mapping());
  assert.equal(refused.status, 503);
  assert.match(
    refused.body.error.message,
    /api_key_priority_history_id_seq could not be set forward \(has the database role UPDATE/,
  );
});

const migrate = async ({ url }: TestDatabase) => {
  const { pool, close } = openPostgres(url);
  await migratePostgres(pool);
  await close();
};

test('an installation without a unique e-mail gets users and its admin', async t => {
  const database = await emptyDatabase(t);
  await database.query(existingInstallation);
  await database.query(`ALTER TABLE users DROP CONSTRAINT users_email_key; CREATE UNIQUE INDEX ON users (lower(email));
    ALTER TABLE api_keys DROP CONSTRAINT api_keys_key_hash_key, ADD UNIQUE (key_hash) DEFERRABLE INITIALLY DEFERRED`);
  const { admin } = await startGateway(t, { ini, database: database.url });
  const address = user();
  assert.equal((await admin('POST', '/admin/users', address)).status, 201);
  const again = await admin('POST', '/admin/users', address);
  assert.deepEqual([again.status, again.body.error.param], [409, 'email']);
});

const sqliteStore = async (t: TestContext, tables: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'clash-test-'));
  const sqlite = openSqlite(join(folder, 'gateway.db'));
  t.after(async () => {
    await sqlite.close();
    await rm(folder, { recursive: true });
  });
  for (const _ of runStatements(join(folder, 'gateway.db'), tables));
  return new IdentityStore(sqlite.db);
};

test('in SQLite too a clash is what its constraint says', async t => {
  const store = await sqliteStore(
    t,
    `CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, role TEXT NOT NULL, display_name TEXT,
       status TEXT NOT NULL DEFAULT 'active', created_at TEXT, updated_at TEXT, UNIQUE (display_name, role));
     CREATE UNIQUE INDEX one_address ON users (lower(email));
     INSERT INTO users (id, email, role, display_name) VALUES (7, 'Seven@x', 'gateway_user', 'Ann')`,
  );
  const insert = (email: string, display_name: string | null) =>
    store.insertUser({ email, role: 'gateway_user', display_name });
  assert.equal((await insert('eight@x', null))?.id, 8);
  assert.equal(await insert('seven@x', null), null);
  await assert.rejects(insert('nine@x', 'Ann'), {
    code: 'conflict',
    message: 'There is already another row of users with this display_name and role.',
    param: 'display_name',
  });
});
