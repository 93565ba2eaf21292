import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { migrateSqlite } from '../../src/db/migrations/migrations.ts';
import { openSqlite } from '../../src/db/sqlite/sqlite.ts';

const temporaryFile = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'sqlite-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'data', 'gateway.db');
};

const openMigrated = async (file: string) => {
  const sqlite = openSqlite(file);
  await migrateSqlite(sqlite.db);
  return sqlite;
};

const addUser = { email: 'a@b', role: 'root_admin' };

test('Personal has users and keys, nothing of mappings, and keeps them over a restart', async t => {
  const file = await temporaryFile(t);
  const first = await openMigrated(file);
  await first.db.insertInto('users').values(addUser).execute();
  await first.close();
  const second = await openMigrated(file);
  t.after(second.close);
  const user = await second.db.selectFrom('users').selectAll().executeTakeFirstOrThrow();
  assert.equal(user.email, 'a@b');
  assert.equal(user.status, 'active');
  assert.match(user.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const tables = await sql<{ name: string }>`SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`.execute(second.db);
  assert.deepEqual(
    tables.rows.map(row => row.name),
    [
      'api_keys',
      'console_sessions',
      'scheduler_pool_config',
      'scheduler_pool_schedules',
      'tokligence_migrations',
      'users',
    ],
  );
});

test('a file of the version before is brought up to date, and keeps what it has', async t => {
  const file = await temporaryFile(t);
  const before = await openMigrated(file);
  await before.db.insertInto('users').values(addUser).execute();
  await before.db.schema.dropTable('scheduler_pool_config').execute();
  await sql`DELETE FROM tokligence_migrations WHERE version > 1`.execute(before.db);
  await before.close();
  const { db, close } = await openMigrated(file);
  t.after(close);
  assert.deepEqual(await db.selectFrom('scheduler_pool_config').selectAll().execute(), []);
  assert.equal((await db.selectFrom('users').select('email').execute()).length, 1);
});

test('inserting answers the row, and a key goes with its user', async t => {
  const { db, close } = await openMigrated(await temporaryFile(t));
  t.after(close);
  const user = await db.insertInto('users').values(addUser).returningAll().executeTakeFirstOrThrow();
  const values = { user_id: user.id, key_hash: 'h', key_prefix: 'tok_', expires_at: null };
  const key = await db.insertInto('api_keys').values(values).returningAll().executeTakeFirstOrThrow();
  assert.equal(key.user_id, 1);
  await assert.rejects(
    db
      .insertInto('api_keys')
      .values({ ...values, user_id: 99, key_hash: 'i' })
      .execute(),
    /FOREIGN KEY/,
  );
  const { numDeletedRows } = await db.deleteFrom('users').executeTakeFirst();
  assert.equal(numDeletedRows, 1n);
  assert.deepEqual(await db.selectFrom('api_keys').selectAll().execute(), []);
});

test('the file, its log and its index are readable by their owner only', {
  skip: process.platform === 'win32',
}, async t => {
  const file = await temporaryFile(t);
  const { db, close } = await openMigrated(file);
  t.after(close);
  await db.insertInto('users').values(addUser).execute();
  for (const name of [file, `${file}-wal`, `${file}-shm`]) assert.equal((await stat(name)).mode & 0o777, 0o600, name);
  const journal = await sql<{ journal_mode: string }>`PRAGMA journal_mode`.execute(db);
  assert.deepEqual(journal.rows, [{ journal_mode: 'wal' }]);
});

test('transactions that overlap in time take turns', async t => {
  const { db, close } = await openMigrated(await temporaryFile(t));
  t.after(close);
  const add = (email: string) =>
    db.transaction().execute(async tx => {
      const { count } = await tx
        .selectFrom('users')
        .select(eb => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      await tx
        .insertInto('users')
        .values({ ...addUser, email, display_name: String(count) })
        .execute();
    });
  await Promise.all(['a@b', 'c@d', 'e@f'].map(add));
  const names = await db.selectFrom('users').select('display_name').orderBy('display_name').execute();
  assert.deepEqual(
    names.map(row => row.display_name),
    ['0', '1', '2'],
  );
});

test('two connections that migrate a new file do it once', async t => {
  const file = await temporaryFile(t);
  const [one, other] = [openSqlite(file), openSqlite(file)];
  t.after(() => Promise.all([one.close(), other.close()]));
  await migrateSqlite(one.db);
  await migrateSqlite(other.db);
  const versions = await sql<{ version: number }>`SELECT version FROM tokligence_migrations`.execute(one.db);
  assert.deepEqual(versions.rows, [
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

test('a file that does not fit is refused and left as it was', async t => {
  const file = await temporaryFile(t);
  const { db, close } = openSqlite(file);
  t.after(close);
  await sql`CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)`.execute(db);
  await assert.rejects(migrateSqlite(db), { name: 'SchemaFault', message: /column users\.role is missing/ });
  const { rows } = await sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'table'`.execute(db);
  assert.deepEqual(rows, [{ name: 'users' }]);
});

test('a file of a newer gateway is refused', async t => {
  const { db, close } = await openMigrated(await temporaryFile(t));
  t.after(close);
  await sql`INSERT INTO tokligence_migrations (version, name) VALUES (99, 'from the future')`.execute(db);
  await assert.rejects(migrateSqlite(db), { name: 'SchemaFault', message: /at version 99/ });
});

test('a value that SQLite cannot store is refused, not stored as something else', async t => {
  const { db, close } = await openMigrated(await temporaryFile(t));
  t.after(close);
  await assert.rejects(sql`SELECT ${true}`.execute(db), /cannot store a value of type boolean/);
});
