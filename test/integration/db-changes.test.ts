import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { changedTables, readFingerprints } from '../../src/db/changes/fingerprint.ts';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { onConnection, openPostgres } from '../../src/db/postgres/postgres.ts';
import type { TableName } from '../../src/db/schema.ts';
import { limitedRole } from '../support/limited-role.ts';
import { emptyDatabase, freshDatabase, privateServer } from '../support/postgres.ts';
import { everything, listening, watched } from '../support/watched.ts';

const addUser = (email: string) => `INSERT INTO users (email, role) VALUES ('${email}', 'gateway_user')`;
const listeners = `SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND (query LIKE 'LISTEN%' OR query = 'SELECT 1')`;

test('a change by anybody is heard, with its table', async t => {
  const { url, query } = await freshDatabase(t);
  const gateway = watched(t, url);
  await listening(gateway);
  await query(addUser('a@b'));
  assert.deepEqual(await gateway.reports.next(), ['users']);
  await query(`INSERT INTO api_keys (user_id, key_hash, key_prefix) VALUES (1, 'h', 'tok_')`);
  assert.deepEqual(await gateway.reports.next(), ['api_keys']);
  await query('DELETE FROM users');
  assert.deepEqual(await gateway.reports.next(), ['api_keys', 'users']);
  // The file of the table changes too, so it may be reported twice.
  await query('TRUNCATE api_key_priority_mappings');
  assert.deepEqual(await gateway.reports.next(), ['api_key_priority_mappings']);
  assert.deepEqual(gateway.log.lines, []);
});

test('a burst of changes is one report or few', async t => {
  const { url } = await freshDatabase(t);
  const gateway = watched(t, url);
  await listening(gateway);
  await gateway.pool.query(
    `DO $$ BEGIN FOR i IN 1..200 LOOP
       INSERT INTO users (email, role) VALUES (i || '@b', 'gateway_user'); COMMIT;
     END LOOP; END $$`,
  );
  await gateway.pool.query(`INSERT INTO api_key_priority_config (key, value) VALUES ('enabled', 'true')`);
  let count = 0;
  for (let last: string[] = []; !last.includes('api_key_priority_config'); count++) last = await gateway.reports.next();
  assert.ok(count < 100, `${count} reports for 201 transactions`);
});

test('another installation in the same database is not heard', async t => {
  const { url, query } = await freshDatabase(t);
  await query('CREATE SCHEMA other');
  const other = openPostgres(`${url}?options=${encodeURIComponent('-c search_path=other')}`);
  t.after(() => other.close());
  assert.equal((await migratePostgres(other.pool)).triggers, true);
  const gateway = watched(t, url);
  await listening(gateway);
  await other.pool.query(addUser('elsewhere@b'));
  await query(`INSERT INTO api_key_priority_config (key, value) VALUES ('enabled', 'true')`);
  assert.deepEqual(await gateway.reports.next(), ['api_key_priority_config']);
});

test('notifications that are swallowed on the way are noticed, and changes looked for', async t => {
  const { url, query } = await freshDatabase(t);
  // Notifications do not cross databases, just as they do not cross a pooler in transaction mode.
  const elsewhere = await emptyDatabase(t);
  const gateway = watched(t, url, { listenUrl: elsewhere.url });
  assert.match(await gateway.log.said(/^warn/), /did not arrive at database\.listen_url within 2 s/);
  assert.equal(gateway.watch.mode, 'poll');
  assert.deepEqual(await gateway.reports.next(), everything);
  await query(addUser('a@b'));
  assert.deepEqual(await gateway.reports.next(), ['users']);
  assert.deepEqual(await elsewhere.query(listeners), []);
});

test('without triggers changes are looked for, and the reason said once', async t => {
  const database = await freshDatabase(t);
  await database.query('DROP FUNCTION tokligence_notify_change CASCADE');
  const { query } = database;
  await query(`${addUser('a@b')}; ${addUser('c@d')}`);
  const gateway = watched(t, (await limitedRole(t, database)).url);
  await listening(gateway);
  await query(`UPDATE users SET role = 'gateway_admin' WHERE email = 'a@b'`);
  assert.deepEqual(await gateway.reports.next(), ['users']);
  await query(`BEGIN; DELETE FROM users WHERE email = 'a@b'; ${addUser('a@b')}; COMMIT`);
  assert.deepEqual(await gateway.reports.next(), ['users']);
  await query(`INSERT INTO api_key_priority_config (key, value) VALUES ('enabled', 'true')`);
  assert.deepEqual(await gateway.reports.next(), ['api_key_priority_config']);
  assert.equal(gateway.log.lines.length, 1);
  assert.match(
    gateway.log.lines[0] ?? '',
    /^warn Looking for changes of users, .*: only the owner may create all triggers/,
  );
});

test('a listener whose session was ended comes back and reports everything', async t => {
  const { url, query } = await freshDatabase(t);
  const gateway = watched(t, url);
  await listening(gateway);
  await query(`SELECT pg_terminate_backend(pid) FROM (${listeners}) AS listener`);
  assert.match(await gateway.log.said(/^warn/), /^warn Cannot listen for changes \(.*\): looking every second/);
  await gateway.log.said(/^info Listening for changes again/);
  assert.deepEqual(await gateway.reports.next(), everything);
});

test('a database that was away is watched again, and everything reported', async t => {
  const server = await privateServer(t);
  const setup = openPostgres(server.url);
  await migratePostgres(setup.pool);
  await setup.close();
  const gateway = watched(t, server.url);
  await listening(gateway);
  await server.kill();
  await gateway.log.said(/^warn Cannot listen for changes/);
  await gateway.log.said(/^warn Cannot look for changes/);
  await server.start();
  await server.query(addUser('a@b'));
  await gateway.log.said(/^info Listening for changes again/);
  assert.deepEqual(await gateway.reports.next(), everything);
  // A lasting fault may have another text at each attempt, but is not logged each time.
  assert.ok(gateway.log.lines.length < 10, gateway.log.lines.join('\n'));
});

test('a connection that died without a word is noticed', async t => {
  const { url, query } = await freshDatabase(t);
  const network = await startNetwork(t, url);
  const gateway = watched(t, url, { listenUrl: network.url });
  await listening(gateway);
  network.goSilent();
  assert.match(await gateway.log.said(/^warn Cannot listen/), /silent for|timeout/);
  while (gateway.reports.waiting > 0) await gateway.reports.next();
  await query(addUser('a@b'));
  let seen: TableName[] = [];
  while (!seen.includes('users')) seen = await gateway.reports.next();
  network.heal();
  await gateway.log.said(/^info Listening for changes again/);
});

test('stop leaves no connection and reports no more', async t => {
  const { url, query } = await freshDatabase(t);
  const gateway = watched(t, url);
  await listening(gateway);
  const session = await query(listeners);
  assert.equal(session.length, 1);
  await gateway.pool.query(addUser('a@b'));
  await gateway.watch.stop();
  await gateway.pool.query(`SELECT pg_terminate_backend($1, 5000)`, [session[0]?.pid]);
  assert.deepEqual(await query(listeners), []);
  assert.equal(gateway.reports.waiting, 0);
});

test('stop works while the listener is still connecting', async t => {
  const { url } = await freshDatabase(t);
  const network = await startNetwork(t, url);
  network.goSilent();
  const { watch } = watched(t, url, { listenUrl: network.url });
  await network.connected;
  await watch.stop();
  assert.equal(watch.mode, 'poll');
});

test('a fingerprint differs even where transactions commit in another order than they began', async t => {
  const { url } = await freshDatabase(t);
  const { pool, close } = openPostgres(url);
  const [late, before, after] = [await pool.connect(), await pool.connect(), await pool.connect()];
  await pool.query(`${addUser('a@b')}; ${addUser('c@d')}`);
  // Three transactions with consecutive numbers, of which the middle one commits last: the rows' xmin change from (n-1,
  // n+1) to (n, n), with the same sum.
  const begun = async () => {
    const numbers: number[] = [];
    for (const client of [before, late, after]) {
      await client.query('BEGIN');
      numbers.push(Number((await client.query('SELECT pg_current_xact_id() AS number')).rows[0].number));
    }
    const [first = 0, ...others] = numbers;
    return others.every((number, at) => number === first + at + 1);
  };
  // Another client of the server may have begun a transaction in between.
  while (!(await begun())) for (const client of [before, late, after]) await client.query('ROLLBACK');
  await before.query(`UPDATE users SET role = 'x' WHERE email = 'a@b'`);
  await before.query('COMMIT');
  await after.query(`UPDATE users SET role = 'x' WHERE email = 'c@d'`);
  await after.query('COMMIT');
  const users = new Map([['users', { isPlain: true }]] as const);
  const sum = 'SELECT sum(xmin::text::bigint) AS sum FROM users';
  const prints = () => onConnection(pool, t.signal, client => readFingerprints(client, 'public', users));
  const [sumBefore, printsBefore] = [(await pool.query(sum)).rows, await prints()];
  await late.query(`UPDATE users SET role = 'y'`);
  await late.query('COMMIT');
  assert.deepEqual((await pool.query(sum)).rows, sumBefore);
  assert.deepEqual(changedTables(printsBefore, await prints()), ['users']);
  for (const client of [late, before, after]) client.release();
  await close();
});

interface Network {
  readonly url: string;
  readonly connected: Promise<void>;
  goSilent(): void;
  heal(): void;
}

/** A connection to the database that can lose every byte without closing. */
const startNetwork = async (t: TestContext, url: string): Promise<Network> => {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let isSilent = false;
  const { promise: connected, resolve: onConnected } = Promise.withResolvers<void>();
  const server = createServer(near => {
    onConnected();
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on('data', bytes => isSilent || to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const through = new URL(url);
  through.port = String(typeof address === 'object' ? address?.port : '');
  return {
    url: through.href,
    connected,
    goSilent: () => {
      isSilent = true;
    },
    heal: () => {
      isSilent = false;
      for (const socket of sockets) socket.destroy();
    },
  };
};
