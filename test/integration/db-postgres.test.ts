import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { isoTimestamp, openPostgres, pause, retryUntilDone } from '../../src/db/postgres/postgres.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { freshDatabase, privateServer } from '../support/postgres.ts';

test('rows carry timestamps as ISO texts in UTC, and numbers as numbers', async t => {
  const { url, query } = await freshDatabase(t);
  const { db, close } = openPostgres(`${url}?options=${encodeURIComponent('-c timezone=Asia/Kolkata')}`);
  t.after(close);
  await query(
    `INSERT INTO users (email, role, created_at) VALUES ('a@b', 'gateway_user', '2026-01-31 12:00:00.5+05:30')`,
  );
  const key = await db
    .insertInto('api_keys')
    .values({ user_id: 1, key_hash: 'h', key_prefix: 'tok_', expires_at: '2027-02-03T04:05:06.789Z' })
    .returningAll()
    .executeTakeFirstOrThrow();
  assert.equal(key.expires_at, '2027-02-03T04:05:06.789Z');
  assert.equal(key.scopes, null);
  const user = await db.selectFrom('users').selectAll().executeTakeFirstOrThrow();
  assert.equal(user.created_at, '2026-01-31T06:30:00.500Z');
  const { count } = await db
    .selectFrom('users')
    .select(eb => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  assert.equal(count, 1);
});

test('timestamps that no ISO text can say become the nearest that one can', () => {
  assert.equal(isoTimestamp('infinity'), '9999-12-31T23:59:59.999Z');
  assert.equal(isoTimestamp('-infinity'), '0001-01-01T00:00:00.000Z');
  assert.equal(isoTimestamp('12026-01-01 00:00:00+00'), '9999-12-31T23:59:59.999Z');
  assert.equal(isoTimestamp('0044-03-15 12:00:00+00 BC'), '0001-01-01T00:00:00.000Z');
  assert.equal(isoTimestamp('2026-06-01 00:00:00.123456+00'), '2026-06-01T00:00:00.123Z');
  assert.equal(isoTimestamp('294276-12-31 23:59:59.999999+00'), '9999-12-31T23:59:59.999Z');
  assert.equal(isoTimestamp('4714-11-24 00:00:00+00 BC'), '0001-01-01T00:00:00.000Z');
  assert.equal(isoTimestamp('0001-06-01 00:00:00+00 BC'), '0001-01-01T00:00:00.000Z');
  assert.equal(isoTimestamp('no moment at all'), '0001-01-01T00:00:00.000Z', 'an expiry must not become "never"');
});

test('the style in which a database writes moments makes no difference', async t => {
  const { url, query } = await freshDatabase(t);
  const [{ name }] = (await query('SELECT current_database() AS name')) as [{ name: string }];
  await query(`ALTER DATABASE ${name} SET datestyle = 'SQL, DMY'`);
  await query(`INSERT INTO users (email, role, created_at) VALUES ('a@b', 'gateway_user', '2026-02-01T12:00:00Z')`);
  const { db, close } = openPostgres(url);
  t.after(close);
  const user = await db.selectFrom('users').selectAll().executeTakeFirstOrThrow();
  assert.equal(user.created_at, '2026-02-01T12:00:00.000Z');
});

test('a column without a zone is read as UTC', async t => {
  const { url, query } = await freshDatabase(t);
  await query('ALTER TABLE users ALTER COLUMN created_at TYPE timestamp');
  await query(
    `INSERT INTO users (email, role, created_at) VALUES ('a@b', 'x', '2026-02-01 12:00:00'), ('b@b', 'x', 'infinity'), ('c@b', 'x', '0044-03-15 BC')`,
  );
  const { db, close } = openPostgres(url);
  t.after(close);
  const rows = await db.selectFrom('users').select('created_at').orderBy('id').execute();
  assert.deepEqual(
    rows.map(row => row.created_at),
    ['2026-02-01T12:00:00.000Z', '9999-12-31T23:59:59.999Z', '0001-01-01T00:00:00.000Z'],
  );
});

test('a database that hangs fails the statement in time, and the next one has a new connection', async t => {
  const { url } = await freshDatabase(t);
  const { db, close } = openPostgres(url, { silenceMs: 1_500, maxConnections: 1 });
  t.after(close);
  await sql`SELECT 1`.execute(db);
  await assert.rejects(sql`SELECT pg_sleep(60)`.execute(db), /silent for 1500 ms/);
  assert.equal((await sql<{ one: number }>`SELECT 1 AS one`.execute(db)).rows[0]?.one, 1);
});

test('a connection lost between two statements of a transaction fails that transaction only', async t => {
  const { url, query } = await freshDatabase(t);
  const { db, close } = openPostgres(url);
  t.after(close);
  const work = db.transaction().execute(async tx => {
    const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(tx);
    await query('SELECT pg_terminate_backend($1, 5000)', [rows[0]?.pid]);
    await sql`SELECT 1`.execute(tx);
  });
  await assert.rejects(work);
  assert.deepEqual((await sql`SELECT 1 AS one`.execute(db)).rows, [{ one: 1 }]);
});

test('a pool outlives its server', async t => {
  const server = await privateServer(t);
  const lost: Error[] = [];
  const { db, close } = openPostgres(server.url, { onError: error => lost.push(error) });
  t.after(close);
  await sql`SELECT 1`.execute(db);
  await server.stop();
  await assert.rejects(sql`SELECT 1`.execute(db));
  await server.start();
  assert.deepEqual((await sql`SELECT 1 AS one`.execute(db)).rows, [{ one: 1 }]);
  assert.equal(lost.length, 1);
});

/** Lets ready promises continue; under a manual clock there is nothing else to wait for. */
const turn = () => new Promise(resolve => setImmediate(resolve));

test('a failure is tried again twice a second, and each different fault is logged once', async () => {
  const clock = new ManualClock();
  const faults = ['refused', 'refused', 'starting up', 'starting up'];
  const told: unknown[] = [];
  const done = retryUntilDone(
    async () => {
      const fault = faults.shift();
      if (fault !== undefined) throw new Error(fault);
      return 'connected';
    },
    { clock, signal: new AbortController().signal, isFatal: () => false, onFailure: error => told.push(String(error)) },
  );
  for (let tries = 0; tries < 4; tries++) {
    await turn();
    assert.equal(clock.pending, 1);
    clock.advance(500);
  }
  assert.equal(await done, 'connected');
  assert.deepEqual(told, ['Error: refused', 'Error: starting up']);
});

test('retrying ends with a fatal fault, and with the signal', async () => {
  const clock = new ManualClock();
  const fail = async () => {
    throw new Error('no such column');
  };
  const controller = new AbortController();
  const options = { clock, signal: controller.signal, onFailure: () => {} };
  await assert.rejects(retryUntilDone(fail, { ...options, isFatal: () => true }), /no such column/);
  const retrying = retryUntilDone(fail, { ...options, isFatal: () => false });
  await turn();
  controller.abort(new Error('stopping'));
  await assert.rejects(retrying, /stopping/);
  assert.equal(clock.pending, 0);
});

test('a pause ends early with its signal', async () => {
  const controller = new AbortController();
  const paused = pause(systemClock, 3_600_000, controller.signal);
  controller.abort();
  await paused;
  await pause(systemClock, 3_600_000, controller.signal);
});
