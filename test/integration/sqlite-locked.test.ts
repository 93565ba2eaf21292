// The database file of Personal while another process locks it, and while its disk is full.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import { migrateSqlite } from '../../src/db/migrations/migrations.ts';
import { openSqlite, sqliteFile } from '../../src/db/sqlite/sqlite.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { settingFolder, startDaemon } from '../support/daemon.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { runCli } from '../support/gateway-cli.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordedLog } from '../support/recorded-log.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';

/** Another connection, like the sqlite3 shell; `free` releases its locks. */
const foreigner = (t: TestContext, file: string) => {
  const connection = new DatabaseSync(file);
  t.after(() => connection.isOpen && connection.close());
  return { hold: (how: string) => connection.exec(how), free: () => connection.exec('ROLLBACK'), connection };
};

const lockedMessage = 'The database file is locked by another process.';

for (const how of ['BEGIN IMMEDIATE', 'BEGIN EXCLUSIVE']) {
  test(`${how} elsewhere: requests are served, reads answered, writes a 503 after some seconds`, async t => {
    const { admin, dataDir, chat, createKey, url, log } = await startGateway(t, { ini });
    const key = await createKey();
    const other = foreigner(t, sqliteFile(dataDir));
    other.hold(how);
    const served: number[] = [];
    let isOver = false;
    const serving = (async () => {
      while (!isOver) {
        const start = performance.now();
        assert.equal((await chat(key)).status, 200);
        served.push(performance.now() - start);
      }
    })();
    const user = { email: 'new@example.com', role: 'gateway_user' };
    const start = performance.now();
    const writes = await Promise.all([
      admin('POST', '/admin/users', user),
      admin('POST', '/admin/api-keys', { user_id: 1 }),
      admin('PUT', '/admin/users/2', { display_name: 'Ana' }),
      admin('DELETE', '/admin/api-keys/1'),
      admin('PUT', '/admin/scheduler/pools/local', { policy: 'strict' }),
      admin('POST', '/admin/session', { key: adminKey }),
    ]);
    const tookMs = performance.now() - start;
    for (const { status, body } of writes) {
      assert.equal(status, 503);
      assert.deepEqual([body.error.code, body.error.message], ['unavailable', lockedMessage]);
    }
    assert.ok(tookMs > 2_500 && tookMs < 10_000, `${tookMs} ms`);
    assert.equal((await admin('GET', '/admin/users')).status, 200);
    const unknown = await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer tok_nobody' } });
    assert.equal(unknown.status, 401);
    isOver = true;
    await serving;
    // Single requests may be slow on a busy machine; a thread that waits for the lock takes five seconds.
    served.sort((a, b) => a - b);
    const [usual = 0, worst = 0] = [served[Math.floor(served.length * 0.95)], served.at(-1)];
    assert.ok(usual < 500 && worst < 2_500, `95 of 100 took ${usual} ms, the worst ${worst} ms`);
    assert.ok(log.some(line => line.includes('SQLite: The database file is locked by another process: ')));

    other.free();
    assert.equal((await admin('POST', '/admin/users', user)).status, 201, 'nothing of the refused one is there');
    await until(() => log.some(line => line.includes('SQLite: the database file can be used again')));
  });
}

const arrange = async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'gateway.db');
  const clock = new ManualClock();
  const log = recordedLog();
  const sqlite = openSqlite(file, { clock, log, random: () => 0.5 });
  t.after(() => sqlite.close());
  await migrateSqlite(sqlite.db);
  const { db } = sqlite;
  /** Advances the clock in steps, so that waiting callers retry after each. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await nextTurn();
    }
  };
  const add = (email: string) => db.insertInto('users').values({ email, role: 'gateway_user' }).execute();
  const emails = async () =>
    (await db.selectFrom('users').select('email').orderBy('id').execute()).map(user => user.email);
  return { ...sqlite, file, clock, log, pass, add, emails, other: foreigner(t, file) };
};

const settled = <T>(promise: Promise<T>) => {
  const state = { is: 'waiting', promise };
  promise.then(
    () => {
      state.is = 'done';
    },
    () => {
      state.is = 'failed';
    },
  );
  return state;
};

test('a write goes on as soon as the lock is free, whole transactions and single statements in their order', async t => {
  const { db, add, emails, pass, other } = await arrange(t);
  other.hold('BEGIN IMMEDIATE');
  const insertTwo = db.transaction().execute(async trx => {
    for (const email of ['a@b', 'b@c']) await trx.insertInto('users').values({ email, role: 'x' }).execute();
  });
  const waiting = [settled(insertTwo), settled(add('c@d')), settled(add('d@e'))];
  await pass(2_500);
  assert.deepEqual(
    waiting.map(({ is }) => is),
    ['waiting', 'waiting', 'waiting'],
  );
  assert.deepEqual(await emails(), [], 'who reads does not wait');
  other.free();
  await pass(200);
  await Promise.all(waiting.map(({ promise }) => promise));
  assert.deepEqual(await emails(), ['a@b', 'b@c', 'c@d', 'd@e']);
});

test('a write that waits is refused after three seconds, those behind it too, and the log says so once', async t => {
  const { add, emails, pass, other, log } = await arrange(t);
  other.hold('BEGIN IMMEDIATE');
  const first = settled(add('a@b'));
  await pass(1_000);
  const behind = settled(add('b@c'));
  await pass(1_900);
  assert.deepEqual([first.is, behind.is], ['waiting', 'waiting']);
  await pass(250);
  assert.deepEqual([first.is, behind.is], ['failed', 'waiting']);
  await pass(1_000);
  assert.equal(behind.is, 'failed');
  await assert.rejects(first.promise, { name: 'SqliteFault', message: lockedMessage });
  await assert.rejects(behind.promise, { name: 'SqliteFault', message: lockedMessage });
  assert.equal(log.lines.filter(line => line.startsWith('warn SQLite: The database file is locked')).length, 1);
  other.free();
  assert.deepEqual(await emails(), []);
  await add('c@d');
  assert.equal(log.lines.at(-1), 'info SQLite: the database file can be used again');
});

test('no statement of another gets into a transaction that waits or runs', async t => {
  const { db, add, emails, pass, other } = await arrange(t);
  const gate = Promise.withResolvers<void>();
  const failing = settled(
    db.transaction().execute(async trx => {
      await trx.insertInto('users').values({ email: 'a@b', role: 'x' }).execute();
      await gate.promise;
      throw new Error('changed my mind');
    }),
  );
  const single = settled(add('b@c'));
  await pass(500);
  assert.equal(single.is, 'waiting');
  assert.deepEqual(await emails(), [], 'what is not committed is not seen');
  gate.resolve();
  await assert.rejects(failing.promise, /changed my mind/);
  await single.promise;
  other.hold('BEGIN IMMEDIATE');
  const late = settled(db.transaction().execute(trx => trx.deleteFrom('users').execute()));
  await pass(100);
  assert.deepEqual(await emails(), ['b@c']);
  other.free();
  await pass(100);
  await late.promise;
  assert.deepEqual(await emails(), []);
});

test('a disk that is full rolls a transaction back whole, and the next one does what it can', async t => {
  const { db, emails, add, log } = await arrange(t);
  const pages = await sql<{ page_count: number }>`PRAGMA page_count`.execute(db);
  await sql.raw(`PRAGMA max_page_count = ${pages.rows[0]?.page_count}`).execute(db);
  const full = db.transaction().execute(async trx => {
    await trx.insertInto('users').values({ email: 'a@b', role: 'x' }).execute();
    const long = { email: 'b@c', role: 'x'.repeat(100_000) };
    // A caller that ignores the fault gets no further either.
    await trx
      .insertInto('users')
      .values(long)
      .execute()
      .catch(() => {});
    await trx.insertInto('users').values({ email: 'c@d', role: 'x' }).execute();
  });
  await assert.rejects(full, /the transaction was rolled back/);
  await assert.rejects(
    db
      .insertInto('users')
      .values({ email: 'b@c', role: 'x'.repeat(100_000) })
      .execute(),
    {
      name: 'SqliteFault',
      message: 'The disk with the database file is full.',
    },
  );
  assert.match(log.lines.at(-1) ?? '', /^warn SQLite: The disk with the database file is full: .*gateway\.db \(/);
  await add('d@e');
  assert.deepEqual(await emails(), ['d@e']);
});

test('a file that is read-only, damaged or no database is told in a sentence', async t => {
  const { db, add, file, close } = await arrange(t);
  await sql`PRAGMA query_only = 1`.execute(db);
  await assert.rejects(add('a@b'), { name: 'SqliteFault', message: 'The database file is read-only.' });
  await close();
  writeFileSync(file, 'this is no database '.repeat(1_000));
  const other = openSqlite(file);
  t.after(() => other.close());
  await assert.rejects(migrateSqlite(other.db), { name: 'SqliteFault', message: 'The database file is damaged.' });
});

test('a write that waits when the file is closed is refused at once', async t => {
  const { add, other, close } = await arrange(t);
  other.hold('BEGIN IMMEDIATE');
  const waiting = [add('a@b'), add('b@c')];
  await nextTurn();
  await close();
  for (const one of await Promise.allSettled(waiting)) assert.equal(one.status, 'rejected');
});

test('a loop of statements lets others run', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  // Every statement takes a millisecond.
  let nowMs = 0;
  const clock = { ...systemClock, now: () => nowMs++ };
  const { db, close } = openSqlite(join(folder, 'gateway.db'), { clock });
  t.after(close);
  await migrateSqlite(db);
  let turns = 0;
  const count = () => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  for (let i = 0; i < 100; i++) await db.selectFrom('users').selectAll().execute();
  clearImmediate(next);
  assert.ok(turns >= 15, `${turns} turns in 100 ms`);
});

const daemonIni = `
[gateway]
port = 0
data_dir = "FOLDER/data"
[auth]
admin_key = ${adminKey}
[log]
format = pretty
${ini}`;

/** A file that another process has created and locked, in a mode that prevents reading. */
const heldFolder = async (t: TestContext) => {
  const folder = await settingFolder(t, daemonIni);
  mkdirSync(join(folder, 'data'));
  const other = foreigner(t, join(folder, 'data', 'gateway.db'));
  other.connection.exec('CREATE TABLE notes (text TEXT)');
  other.hold('BEGIN EXCLUSIVE');
  return { folder, other, args: ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')] };
};

test('a gateway that starts while the file is locked says what it waits for, and starts', async t => {
  const { other, args } = await heldFolder(t);
  const daemon = startDaemon(t, process.execPath, args);
  await daemon.said('[WARN] SQLite: The database file is locked by another process: ');
  const [, url = ''] = /Listening on (http:\S+)/.exec(daemon.output) ?? [];
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
  const asked = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${adminKey}` } });
  assert.equal(asked.status, 503);
  other.free();
  await daemon.said('Ready');
  const users = await fetch(`${url}/admin/users`, { headers: { authorization: `Bearer ${adminKey}` } });
  assert.equal(users.status, 200);
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
});

test('one that is stopped while it waits for the file stops, and migrate fails with the reason', async t => {
  const { folder, args } = await heldFolder(t);
  const daemon = startDaemon(t, process.execPath, args);
  await daemon.said('locked by another process');
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
  const { code, err } = await runCli(['migrate', '--config', join(folder, 'setting.ini')]);
  assert.equal(code, 3);
  assert.match(err, /gateway: The database file is locked by another process\./);
});

test('a full disk: writes are a 503 that says so, known keys serve, and it goes on with room', async t => {
  const folder = await settingFolder(t, daemonIni);
  const data = join(folder, 'data');
  mkdirSync(data);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', data], { stdio: 'ignore' });
  } catch {
    return t.skip('mounting a small disk is not permitted here');
  }
  try {
    const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')]);
    const url = await daemon.ready();
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
    const addUser = async (email: string) => {
      const body = JSON.stringify({ email, role: 'gateway_user', display_name: 'x'.repeat(200) });
      const answer = await fetch(`${url}/admin/users`, { method: 'POST', headers, body });
      return { status: answer.status, text: await answer.text() };
    };
    assert.equal((await addUser('a@b')).status, 201);
    try {
      writeFileSync(join(data, 'filling'), Buffer.alloc(4 * 2 ** 20));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
    let refused = '';
    // Writes that fit in the file still succeed.
    await until(async () => {
      const { status, text } = await addUser(`${crypto.randomUUID()}@b`);
      if (status !== 201) refused = `${status} ${text}`;
      return status !== 201;
    });
    assert.match(refused, /^503 .*(?:The disk with the database file is full|cannot be read or written)\./);
    const chat = JSON.stringify({ model: 'm', messages: [] });
    assert.equal((await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: chat })).status, 200);
    rmSync(join(data, 'filling'));
    assert.equal((await addUser('after@b')).status, 201);
    daemon.signal('SIGTERM');
    assert.equal(await daemon.exited, 0);
  } finally {
    execFileSync('umount', ['-l', data]);
  }
});
