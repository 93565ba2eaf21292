// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startEmbedded } from '../../src/db/embedded/embedded.ts';
import { migrateSqlite } from '../../src/db/migrations/migrations.ts';
import { openSqlite, sqliteFile } from '../../src/db/sqlite/sqlite.ts';
import { closedFolder } from '../support/accounts.ts';
import { freshDatabase } from '../support/postgres.ts';
import { recordedLog } from '../support/recorded-log.ts';

const program = fileURLToPath(new URL('../../src/cli/sql.ts', import.meta.url));

const runSql = (...args: string[]) => runSqlWith({}, ...args);

const runSqlWith = (env: NodeJS.ProcessEnv, ...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise(resolve => {
    execFile(process.execPath, [program, ...args], { env: { ...process.env, ...env } }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });

test('shows rows as a table and changes as a count', async t => {
  const { url } = await freshDatabase(t);
  const added = await runSql('--url', url, `INSERT INTO users (email, role) VALUES ('a@b', 'x'), ('c@d', 'y')`);
  assert.deepEqual(added, { code: 0, out: 'INSERT: 2 rows\n', err: '' });
  const both = await runSql(
    '--url',
    url,
    `UPDATE users SET role = 'z' WHERE id = 1; SELECT email FROM users ORDER BY id`,
  );
  assert.match(both.out, /^UPDATE: 1 row\n/);
  assert.match(both.out, /'a@b'.*\n.*'c@d'/);
  assert.equal((await runSql('--url', url, 'SELECT * FROM api_keys')).out, 'no rows\n');
});

test('says what is wrong, with an exit code', async t => {
  const { url } = await freshDatabase(t);
  assert.deepEqual(await runSql('--url', url, 'SELEC'), {
    code: 1,
    out: '',
    err: 'sql: syntax error at or near "SELEC"\n',
  });
  const usage = await runSql();
  assert.equal(usage.code, 2);
  assert.match(usage.err, /give one argument: the SQL/);
  const help = await runSql('--help');
  assert.equal(help.code, 0);
  assert.match(help.out, /^Usage: npm run sql/);
});

test('works on the file of Personal as well', async t => {
  const folder = await closedFolder('sql-test-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'setting.ini');
  await writeFile(
    config,
    `[gateway]\nedition = personal\ndata_dir = ${JSON.stringify(folder)}\n[provider.local]\ntype = loopback\n`,
  );
  const run = (statement: string) => runSql('--config', config, statement);
  const before = await run('SELECT 1');
  assert.equal(before.code, 1);
  assert.match(before.err, /^sql: there is no .*gateway\.db yet: start the gateway first/);

  const { db, close } = openSqlite(sqliteFile(folder));
  t.after(close);
  await migrateSqlite(db);
  const added = await run(`/* two; of them */ INSERT INTO users (email, role) VALUES ('a@b', 'x'), ('c@d', 'y');
    UPDATE users SET role = 'it''s -- z' WHERE id = 1; -- done
    SELECT email, role FROM users ORDER BY id; SELECT * FROM api_keys; CREATE VIEW v AS SELECT 1;`);
  assert.equal(added.err, '');
  assert.match(added.out, /^INSERT: 2 rows\nUPDATE: 1 row\n/);
  assert.match(added.out, /'a@b'.*it's -- z.*\n.*'c@d'/);
  assert.match(added.out, /\nno rows\nCREATE\n$/);
  assert.deepEqual(await run('SELEC'), { code: 1, out: '', err: 'sql: near "SELEC": syntax error\n' });
});

test('finds the embedded database of the configuration, or says that it is not running', async t => {
  const folder = await closedFolder('sql-test-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'setting.ini');
  await writeFile(
    config,
    `[gateway]\nedition = team\ndata_dir = ${JSON.stringify(folder)}\n[provider.local]\ntype = loopback\n`,
  );
  const before = await runSql('--config', config, 'SELECT 1');
  assert.equal(before.code, 1);
  assert.match(before.err, /^sql: no embedded PostgreSQL is running in .*: start the gateway first/);
  const { stop } = await startEmbedded({ dataDir: folder, log: recordedLog(), durable: false });
  const during = await runSql('--config', config, 'SELECT current_database()');
  // As beside the quickstart: the default configuration file says Personal.
  const untold = await runSqlWith({ TOKLIGENCE_GATEWAY_DATA_DIR: folder }, 'SELECT current_database()');
  await stop();
  assert.deepEqual(untold, during);
  assert.equal(during.err, '');
  assert.match(during.out, /'tokligence'/);
});
