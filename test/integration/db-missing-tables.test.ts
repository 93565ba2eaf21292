// Tables that disappear while they are used, and come back; a database that was replaced by an empty one.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { existingInstallation } from '../support/existing-installation.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { limitedRole } from '../support/limited-role.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { emptyDatabase, freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { everything, watchedByHand } from '../support/watched.ts';

const emptied = 'DROP SCHEMA public CASCADE; CREATE SCHEMA public';

const tablesOf = async ({ query }: TestDatabase, schema = 'public'): Promise<number> =>
  (await query('SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = $1', [schema]))[0]?.n;

test('a database that is empty for 30 s gets all tables, and not before', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, database.url);
  await database.query(emptied);
  await gateway.pass(30_000);
  assert.equal(await tablesOf(database), 0);
  assert.equal(gateway.watch.isUsable, false);
  await gateway.pass(2_000);
  assert.equal(await tablesOf(database), 16);
  assert.equal(gateway.watch.isUsable, true);
  while (gateway.reports.waiting > 1) await gateway.reports.next();
  assert.deepEqual(await gateway.reports.next(), everything);
  assert.deepEqual(gateway.log.lines, [
    'warn The database has none of the tables of the gateway: what was read before goes on serving. ' +
      'If it stays so for 30 s, all of them are created',
    'info The database has all tables of the gateway again',
  ]);
});

test('tables that come back within 30 s are left as they are, and the next absence counts from its own start', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, database.url);
  await database.query('ALTER SCHEMA public RENAME TO aside; CREATE SCHEMA public');
  await gateway.pass(25_000);
  await database.query('CREATE TABLE users (id SERIAL PRIMARY KEY)');
  await gateway.pass(5_000);
  await database.query('DROP TABLE users');
  await gateway.pass(29_000);
  assert.equal(await tablesOf(database), 0);
  await database.query('DROP SCHEMA public; ALTER SCHEMA aside RENAME TO public');
  await gateway.pass(2_000);
  assert.equal(gateway.watch.isUsable, true);
  assert.match(gateway.log.lines.at(-1) ?? '', /^info The database has all tables of the gateway again/);
});

test('a table that is missing is told of once, and never created', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, database.url);
  await database.query('ALTER TABLE users RENAME TO gone; DROP TABLE api_key_priority_history CASCADE');
  await gateway.pass(120_000);
  assert.equal(await tablesOf(database), 15);
  assert.equal(gateway.watch.isUsable, false);
  assert.deepEqual(gateway.log.lines, [
    'warn The database has no table users, api_key_priority_history: what needs it is answered with 503 until it is ' +
      'back. The gateway creates no single table while it runs',
  ]);
});

test('an empty database that is being restored, or may not be written, is not touched; the latter is said once', async t => {
  const database = await freshDatabase(t);
  const { url, role } = await limitedRole(t, database);
  const gateway = await watchedByHand(t, url);
  const restore = openPostgres(`${database.url}?application_name=pg_restore`);
  t.after(() => restore.close());
  const session = await restore.pool.connect();
  await session.query(`SET application_name = 'pg_restore'; ${emptied}; GRANT USAGE ON SCHEMA public TO ${role}`);
  await gateway.pass(40_000);
  assert.equal(gateway.log.lines.filter(line => line.startsWith('error')).length, 0);
  session.release(true);
  await until(
    async () =>
      (await database.query(`SELECT FROM pg_stat_activity WHERE application_name = 'pg_restore'`)).length === 0,
  );
  await gateway.pass(100_000);
  const errors = gateway.log.lines.filter(line => line.startsWith('error'));
  assert.equal(errors.length, 1, errors.join('\n'));
  assert.match(errors[0] ?? '', /The tables cannot be created: .*may not create tables in schema public/);
  await database.query(`GRANT CREATE ON SCHEMA public TO ${role}`);
  await gateway.pass(35_000);
  assert.equal(await tablesOf(database), 16);
});

test('tables that came to be at the last moment are not joined by others', async t => {
  const database = await emptyDatabase(t);
  const { pool, close } = openPostgres(database.url);
  t.after(close);
  await database.query(existingInstallation);
  await assert.rejects(migratePostgres(pool, { allOrNothing: true }), {
    name: 'SchemaFault',
    message: 'users, api_keys came to be meanwhile: the other tables are not created',
  });
  assert.equal(await tablesOf(database), 2);
});

test('a step that failed after the tables were made is repeated at the next look', async t => {
  const database = await freshDatabase(t);
  let renewals = 0;
  const renewing = async () => {
    if (++renewals === 1) throw new Error('the connection was lost');
  };
  const gateway = await watchedByHand(t, database.url, { renewing });
  await database.query(emptied);
  await gateway.pass(35_000);
  assert.deepEqual([await tablesOf(database), renewals], [16, 2]);
  await gateway.pass(60_000);
  assert.equal(renewals, 2);
  const errors = gateway.log.lines.filter(line => line.startsWith('error'));
  assert.deepEqual(errors.length, 1);
});

test('tables that were made in another schema than before are watched there', async t => {
  const database = await freshDatabase(t);
  const gateway = await watchedByHand(t, `${database.url}?options=${encodeURIComponent('-c search_path=app,public')}`);
  await database.query(`${emptied}; CREATE SCHEMA app`);
  await gateway.pass(32_000);
  assert.deepEqual([await tablesOf(database), await tablesOf(database, 'app')], [0, 16]);
  while (gateway.reports.waiting > 0) await gateway.reports.next();
  await gateway.pass(3_000);
  await database.query(`SET session_replication_role = replica; ALTER TABLE app.users DISABLE TRIGGER ALL;
    INSERT INTO app.users (email, role) VALUES ('a@b', 'gateway_user')`);
  assert.deepEqual((await gateway.reported()).tables, ['users']);
});

/** A gateway whose time passes as fast as its database answers. */
const arrange = async (t: TestContext) => {
  const database = await freshDatabase(t);
  const clock = new ManualClock(Date.now());
  const upstream = await startFakeUpstream(t);
  const ini = `[provider.local]\ntype = openai\nbase_url = ${upstream.url}/v1\napi_key = k\n`;
  const gateway = await startGateway(t, { ini, database: database.url, overrides: { clock } });
  const passUntil = (claim: () => boolean | Promise<boolean>) =>
    until(async () => {
      clock.advance(250);
      return claim();
    });
  const readiness = async () => ((await (await fetch(`${gateway.url}/readyz`)).json()) as { status: string }).status;
  return { database, gateway, passUntil, readiness };
};

test('a gateway whose database was replaced by an empty one goes on, and serves from it without a restart', async t => {
  const { database, gateway, passUntil, readiness } = await arrange(t);
  const { admin, chat, createKey } = gateway;
  const known = await createKey();
  assert.equal((await chat(known)).status, 200);
  await admin('POST', '/admin/api-key-priority/mappings', { pattern: 'tok_*', priority: 2, match_type: 'prefix' });
  await admin('PUT', '/admin/api-key-priority/config', { enabled: true });

  const { pool, close } = openPostgres(Object.assign(new URL(database.url), { pathname: '/postgres' }).href);
  const name = new URL(database.url).pathname.slice(1);
  await pool.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await pool.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  await close();

  await passUntil(() => gateway.log.some(line => line.includes('none of the tables of the gateway')));
  const meanwhile = await chat(known);
  assert.deepEqual([meanwhile.status, meanwhile.headers.get('x-tokligence-priority')], [200, '2']);
  const unseen = await chat('tok_never_seen');
  assert.equal(unseen.status, 503);
  assert.match(
    ((await unseen.json()) as any).error.message,
    /^The database has no table (api_keys|users), so this API key/,
  );
  for (const [method, path, body] of requests) {
    const answer = await admin(method, path, body);
    assert.deepEqual([answer.status, answer.body.error?.code], [503, 'unavailable'], `${method} ${path}`);
    assert.match(answer.body.error.message, /^The database has no table [a-z_]+( at the moment|, so this)/);
  }
  assert.equal(await readiness(), 'degraded');

  await passUntil(async () => (await readiness()) === 'ready');
  assert.equal(await tablesOf(database), 16);
  await passUntil(async () => (await chat(known)).status === 401);
  const anew = await createKey('prod');
  const served = await chat(anew);
  assert.deepEqual([served.status, served.headers.get('x-tokligence-priority')], [200, '7']);
  await database.query(`INSERT INTO api_key_priority_config (key, value) VALUES ('enabled', 'true');
    INSERT INTO api_key_priority_mappings (pattern, priority, match_type) VALUES ('tok_prod*', 3, 'prefix')`);
  await passUntil(async () => (await chat(anew)).headers.get('x-tokligence-priority') === '3');
  const said = (text: string) => gateway.log.filter(line => line.includes(text)).length;
  await passUntil(() => said('Created tables ') > 0);
  assert.deepEqual([said('none of the tables'), said('Created tables ')], [1, 1]);
});

const hours = { weekdays: ['mon'], start: '08:00', end: '09:00', zone: 'UTC' };
const mappings = '/admin/api-key-priority/mappings';
/** Requests that need the database, for each table. */
const requests: readonly [string, string, (object | undefined)?][] = [
  ['GET', '/admin/users'],
  ['GET', '/admin/users/1'],
  ['POST', '/admin/users', { email: 'a@x', role: 'gateway_user' }],
  ['PUT', '/admin/users/2', { display_name: 'x' }],
  ['GET', '/admin/api-keys'],
  ['POST', '/admin/api-keys', { user_id: 1 }],
  ['DELETE', '/admin/api-keys/2'],
  ['POST', '/admin/session', { key: adminKey }],
  ['GET', mappings],
  ['GET', `${mappings}/1`],
  ['POST', mappings, { pattern: 'b*', priority: 1, match_type: 'prefix' }],
  ['PUT', `${mappings}/1`, { priority: 4 }],
  ['DELETE', `${mappings}/1`],
  ['POST', `${mappings}/import`, { mappings: [{ pattern: 'c*', priority: 1, match_type: 'prefix' }] }],
  ['POST', '/admin/api-key-priority/reload'],
  ['PUT', '/admin/api-key-priority/config', { enabled: true }],
  ['GET', '/admin/api-key-priority/history'],
  ['POST', '/admin/api-key-priority/history/1/restore'],
  ['GET', '/admin/api-key-priority/lint'],
  ['POST', '/admin/api-key-priority/explain', { key: adminKey }],
  ['POST', `${mappings}?dry_run=true`, { pattern: 'd*', priority: 1, match_type: 'prefix' }],
  ['POST', `${mappings}/import?dry_run=true`, { mappings: [] }],
  ['POST', `${mappings}/1/boost`, { priority: 0, for: 60, reason: 'x' }],
  ['DELETE', `${mappings}/1/boost`],
  ['GET', '/admin/api-key-priority/schedules'],
  ['POST', '/admin/api-key-priority/schedules', { mapping_id: 1, priority: 1, ...hours }],
  ['PUT', '/admin/scheduler/pools/local', { policy: 'strict' }],
  ['POST', '/admin/scheduler/pools/local/schedules', { key: 'policy', value: 'strict', ...hours }],
  ['POST', '/admin/providers', { name: 'gpu', type: 'openai', base_url: 'http://127.0.0.1:9/v1' }],
  ['GET', '/admin/providers/gpu'],
  ['POST', '/admin/routes', { name: 'm', targets: 'local' }],
  ['GET', '/admin/routes/m'],
];

test('whichever table is missing, no route fails for it: 503 that names it, and everything else as always', async t => {
  const { database, gateway, passUntil, readiness } = await arrange(t);
  await gateway.admin('POST', mappings, { pattern: 'a*', priority: 5, match_type: 'prefix' });
  const tables = (await database.query(`SELECT tablename AS name FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'tokligence_migrations' ORDER BY 1`)) as { name: string }[];
  assert.equal(tables.length, 15);
  for (const { name } of tables) {
    await database.query(`ALTER TABLE ${name} RENAME TO gone`);
    await passUntil(async () => (await readiness()) === 'degraded');
    let refused = 0;
    for (const [method, path, body] of requests) {
      const { status, body: answer } = await gateway.admin(method, path, body);
      assert.notEqual(status, 500, `${name} missing: ${method} ${path}: ${JSON.stringify(answer)}`);
      if (status !== 503) continue;
      refused++;
      assert.ok(
        answer.error.message.startsWith(`The database has no table ${name}`),
        `${method} ${path}: ${answer.error.message}`,
      );
    }
    // No route reads the row of the fleet.
    assert.equal(refused > 0, name !== 'gateway_fleets', name);
    await database.query(`ALTER TABLE gone RENAME TO ${name}`);
    await passUntil(async () => (await readiness()) === 'ready');
  }
});
