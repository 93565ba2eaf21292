// The gateway with a database that answers with faults.
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import { findPostmaster, openCluster, startServer, stopServer } from '../../src/db/embedded/embedded-cluster.ts';
import { closedFolder } from '../support/accounts.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { limitedRole } from '../support/limited-role.ts';
import { emptyDatabase, freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const mappings = '/admin/api-key-priority/mappings';

interface Readiness {
  readonly status: string;
  readonly reasons?: readonly string[];
}
const readiness = async ({ url }: Pick<TestGateway, 'url'>) =>
  (await (await fetch(`${url}/readyz`)).json()) as Readiness;

const writes: readonly [method: string, path: string, body?: object][] = [
  ['POST', '/admin/users', { email: 'a@x', role: 'gateway_user' }],
  ['PUT', '/admin/users/1', { display_name: 'x' }],
  ['POST', '/admin/api-keys', { user_id: 1 }],
  ['DELETE', '/admin/api-keys/1'],
  ['POST', mappings, { pattern: 'tok_new*', match_type: 'prefix', priority: 1 }],
  ['PUT', `${mappings}/1`, { priority: 5 }],
  ['DELETE', `${mappings}/1`],
  ['POST', `${mappings}/1/boost`, { priority: 0, for: 60, reason: 'r' }],
  ['POST', `${mappings}/import`, { mappings: [{ pattern: 'tok_i*', match_type: 'prefix', priority: 1 }] }],
  ['PUT', '/admin/api-key-priority/config', { enabled: true }],
  ['PUT', '/admin/scheduler/pools/local', { policy: 'strict' }],
  ['POST', '/admin/session', { key: adminKey }],
];

const assertWritesRefused = async ({ admin }: TestGateway, sentence: RegExp): Promise<void> => {
  for (const [method, path, body] of writes) {
    const answer = await admin(method, path, body);
    assert.deepEqual([answer.status, answer.body.error?.code], [503, 'unavailable'], `${method} ${path}`);
    assert.match(answer.body.error.message, sentence, `${method} ${path}`);
  }
};

const assertReads = async ({ admin }: TestGateway): Promise<void> => {
  for (const path of ['/admin/users', '/admin/api-keys', mappings, '/admin/api-key-priority/history'])
    assert.equal((await admin('GET', path)).status, 200, path);
};

/** A key and a mapping, created while writes succeed. */
const filled = async (t: TestContext, url: string): Promise<string> => {
  const gateway = await startGateway(t, { ini, database: url });
  const key = await gateway.createKey('a');
  const made = await gateway.admin('POST', mappings, { pattern: 'tok_a*', match_type: 'prefix', priority: 2 });
  assert.equal(made.status, 201);
  await gateway.app.stop();
  return key;
};

const nameOf = ({ url }: Pick<TestDatabase, 'url'>): string => new URL(url).pathname.slice(1);

/** Applies to new sessions, and there are no others. */
const setReadOnly = async (database: TestDatabase, value: 'on' | 'off'): Promise<void> => {
  const { query } = database;
  await query(
    `BEGIN READ WRITE; ALTER DATABASE ${nameOf(database)} SET default_transaction_read_only = ${value}; COMMIT`,
  );
  await query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
};

test('a read-only database serves from the start on, says so everywhere, and is written to once it takes that', async t => {
  const database = await freshDatabase(t);
  const key = await filled(t, database.url);
  await setReadOnly(database, 'on');
  const gateway = await startGateway(t, { ini, database: database.url });
  await until(() => gateway.log.some(line => /"warn".*The database is read-only: it is a standby, or/.test(line)));
  assert.equal((await gateway.chat(key)).status, 200);
  await assertReads(gateway);
  await assertWritesRefused(gateway, /^The database is read-only: /);
  await until(async () => (await readiness(gateway)).status === 'degraded');
  assert.deepEqual((await readiness(gateway)).reasons, ['The database is read-only']);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  assert.match(metrics, /^tokligence_database_up 1$/m, 'it answers');
  const refusals = gateway.log.filter(line => line.includes('Database: The database is read-only'));
  assert.equal(refusals.length, 1, 'twelve refusals are told once');

  await setReadOnly(database, 'off');
  await until(async () => (await readiness(gateway)).status === 'ready');
  assert.equal((await gateway.admin('PUT', `${mappings}/1`, { priority: 5 })).status, 200);
});

test('a read-only database without the admin is started on, and gets the admin once it takes changes', async t => {
  const database = await freshDatabase(t);
  await setReadOnly(database, 'on');
  const gateway = await startGateway(t, { ini, database: database.url });
  assert.equal((await gateway.admin('GET', '/admin/users')).status, 401);
  await until(() => gateway.log.filter(line => line.includes('the admin of [auth] is not stored')).length === 1);
  await setReadOnly(database, 'off');
  await until(async () => (await gateway.admin('GET', '/admin/users')).status === 200);
});

test('a read-only database without tables is waited for', async t => {
  const database = await emptyDatabase(t);
  await setReadOnly(database, 'on');
  const starting = startGateway(t, { ini, database: database.url });
  const log: string[] = [];
  const app = await startedApp(t, database.url, log);
  await until(() => log.some(line => line.includes('the database is read-only, and users, ')));
  assert.equal((await readiness(app)).status, 'starting');
  await setReadOnly(database, 'off');
  const gateway = await starting;
  assert.equal((await gateway.admin('GET', '/admin/users')).status, 200);
  await until(async () => (await readiness(app)).status === 'ready');
});

/** Does not wait until it is ready. */
const startedApp = async (t: TestContext, url: string, log: string[]) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const text = `[gateway]\nedition = team\nport = 0\ndata_dir = ${dataDir}\nshutdown_grace_sec = 1
[auth]\nadmin_key = ${adminKey}\n[log]\nformat = json\n[database]\nurl = ${url}\n${ini}`;
  const { config } = loadConfig({ file: null, text, env: {}, isTerminal: false });
  const app = await startApp(config, { logSink: lines => log.push(...lines.trimEnd().split('\n')) });
  t.after(() => app.stop());
  return app;
};

test('a hot standby serves, start included', async t => {
  const folder = await closedFolder('standby-test-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [primaryDir, standbyDir] = [join(folder, 'primary'), join(folder, 'standby')];
  const primary = await openCluster(primaryDir, false);
  const urlOf = async ({ folder: at, password }: typeof primary) =>
    `postgres://tokligence:${password}@127.0.0.1:${(await findPostmaster(at))?.port}/postgres`;
  await startServer(primary, true);
  const key = await filled(t, await urlOf(primary));
  await stopServer(primary);

  await cp(primaryDir, standbyDir, { recursive: true });
  await writeFile(join(standbyDir, 'postgres', 'cluster', 'standby.signal'), '');
  const standby = await openCluster(standbyDir, false);
  await startServer(standby, true);
  t.after(() => stopServer(standby));
  const gateway = await startGateway(t, { ini, database: await urlOf(standby) });
  assert.equal((await gateway.chat(key)).status, 200);
  await assertReads(gateway);
  await assertWritesRefused(gateway, /^The database is read-only: /);
  assert.deepEqual((await readiness(gateway)).reasons, ['The database is read-only']);
});

test('a lock that somebody holds in psql is a 503 after some seconds, and all goes on after it', async t => {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const key = await gateway.createKey('a');
  assert.equal((await gateway.chat(key)).status, 200);
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  t.after(() => holder.end());
  await holder.query('BEGIN; LOCK TABLE users, api_keys, api_key_priority_mappings IN ACCESS EXCLUSIVE MODE');
  const began = performance.now();
  const answers = await Promise.all([
    gateway.admin('GET', '/admin/users'),
    gateway.admin('GET', mappings),
    gateway.admin('POST', '/admin/users', { email: 'late@x', role: 'gateway_user' }),
    gateway.admin('POST', mappings, { pattern: 'late', match_type: 'exact', priority: 1 }),
  ]);
  const tookMs = performance.now() - began;
  for (const { status, body } of answers) {
    assert.equal(status, 503);
    assert.match(body.error.message, /^Somebody else keeps the rows or their table locked: end that transaction/);
  }
  // Four seconds, with a large margin for a busy machine; the silence of a connection would take ten.
  assert.ok(tookMs > 3_500 && tookMs < 9_000, `${tookMs} ms`);
  assert.equal((await gateway.chat(key)).status, 200, 'known keys serve meanwhile');
  assert.ok((await readiness(gateway)).reasons?.includes('Somebody else keeps the rows or their table locked'));
  await holder.query('COMMIT');
  const { body } = await gateway.admin('GET', '/admin/users?q=late');
  assert.equal(body.total, 0, 'what was refused is not written after all');
  assert.equal((await gateway.admin('POST', '/admin/users', { email: 'late@x', role: 'gateway_user' })).status, 201);
});

test('rights that are taken away are named, in the answer, in the log and by /readyz', async t => {
  const database = await freshDatabase(t);
  await filled(t, database.url);
  const { role, url } = await limitedRole(t, database);
  const gateway = await startGateway(t, { ini, database: url });
  assert.equal((await gateway.admin('GET', '/admin/users')).status, 200);
  await database.query(`REVOKE SELECT ON users FROM ${role}`);
  const answer = await gateway.admin('GET', '/admin/users');
  assert.deepEqual([answer.status, answer.body.error.code], [503, 'unavailable']);
  assert.match(answer.body.error.message, /^The database role lacks a right on users: its owner can GRANT/);
  const unseen = await gateway.chat('tok_never_seen_before_0123456789');
  assert.equal(unseen.status, 503);
  await until(
    async () => (await readiness(gateway)).reasons?.includes('The database role may not read users') === true,
  );
  assert.ok(gateway.log.some(line => line.includes('42501 permission denied for table users')));
  await database.query(`GRANT SELECT ON users TO ${role}`);
  assert.equal((await gateway.admin('GET', '/admin/users')).status, 200);
});

test('a table that is too narrow names the field', async t => {
  const database = await freshDatabase(t);
  await database.query('ALTER TABLE users ALTER COLUMN display_name TYPE varchar(15)');
  const { admin } = await startGateway(t, { ini, database: database.url });
  const answer = await admin('POST', '/admin/users', {
    email: 'a@x',
    role: 'gateway_user',
    display_name: 'Somebody who is long',
  });
  assert.deepEqual([answer.status, answer.body.error.param], [400, 'display_name']);
});

test('the field is named by where it stands in the request, in a file and deep within it too', async t => {
  const database = await freshDatabase(t);
  for (const [table, column] of [
    ['api_key_priority_mappings', 'description'],
    ['api_key_priority_boosts', 'reason'],
    ['api_key_priority_schedules', 'description'],
    ['scheduler_pool_schedules', 'description'],
  ])
    await database.query(`ALTER TABLE ${table} ALTER COLUMN ${column} TYPE varchar(12)`);
  const { admin } = await startGateway(t, { ini, database: database.url });
  const mapping = { pattern: 'tok_a*', match_type: 'prefix', priority: 2 };
  assert.equal((await admin('POST', mappings, mapping)).status, 201);
  const long = 'thirteen long';
  const rule = { weekdays: ['mon'], start: '08:00', end: '09:00', zone: 'UTC', description: long };
  const pool = '/admin/scheduler/pools/local/schedules';
  const tries: readonly [method: string, path: string, body: object, param: string][] = [
    ['PUT', `${mappings}/1`, { description: long }, 'description'],
    ['POST', `${mappings}/1/boost`, { priority: 0, for: 60, reason: long }, 'reason'],
    ['POST', '/admin/api-key-priority/schedules', { mapping_id: 1, priority: 3, ...rule }, 'description'],
    ['POST', pool, { key: 'policy', value: 'strict', ...rule }, 'description'],
    [
      'POST',
      `${mappings}/import`,
      { mappings: [mapping, { ...mapping, pattern: 'b', description: long }] },
      'mappings[1].description',
    ],
  ];
  for (const [method, path, body, param] of tries) {
    const answer = await admin(method, path, body);
    assert.deepEqual([answer.status, answer.body.error.param], [400, param], `${method} ${path}`);
  }
});

test('two transactions that change the same rows crosswise both succeed', async t => {
  const database = await freshDatabase(t);
  const { admin } = await startGateway(t, { ini, database: database.url });
  const id = (await admin('POST', mappings, { pattern: 'tok_a*', match_type: 'prefix', priority: 2 })).body.id;
  const other = new pg.Client({ connectionString: database.url });
  await other.connect();
  t.after(() => other.end());
  // It has locked the boosts and waits for the mapping; the gateway has locked the mapping and waits for the boosts.
  await other.query('BEGIN; LOCK TABLE api_key_priority_boosts IN ACCESS EXCLUSIVE MODE; SET deadlock_timeout = 10000');
  const removing = admin('DELETE', `${mappings}/${id}`);
  await until(async () => (await database.query(`SELECT FROM pg_locks WHERE NOT granted`)).length > 0);
  await other.query(`UPDATE api_key_priority_mappings SET priority = 3 WHERE id = ${id}`);
  await other.query('COMMIT');
  assert.equal((await removing).status, 200);
});

test('a database that says nothing is told to be waited for', async t => {
  const sockets = new Set<Socket>();
  const server = createServer(socket => sockets.add(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const log: string[] = [];
  const app = await startedApp(t, `postgres://me:secret@127.0.0.1:${port}/x`, log);
  await until(() => log.some(line => line.includes(`Waiting for the database at 127.0.0.1:${port}/x`)));
  assert.ok(!log.some(line => line.includes('secret')));
  await until(async () => (await readiness(app)).reasons?.[0] === 'The database is not reachable');
});
