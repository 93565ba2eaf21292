// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { type Embedded, findEmbedded, startEmbedded } from '../../src/db/embedded/embedded.ts';
import { findPostmaster } from '../../src/db/embedded/embedded-cluster.ts';
import { openPostgres } from '../../src/db/postgres/postgres.ts';
import { serverRun } from '../../src/db/postgres/server-run.ts';
import { closedFolder, closedMode } from '../support/accounts.ts';
import { type RecordedLog, recordedLog } from '../support/recorded-log.ts';

/** A folder that only we may enter, if possible; removed when everything started there has been stopped. */
const dataFolder = async (t: TestContext): Promise<string> => {
  const folder = await closedFolder('embedded-test-');
  t.after(() => t.after(() => rm(folder, { recursive: true, force: true })));
  return folder;
};

const start = async (t: TestContext, dataDir: string, log: RecordedLog = recordedLog()): Promise<Embedded> => {
  const embedded = await startEmbedded({ dataDir, log, durable: false });
  t.after(embedded.stop);
  return embedded;
};

const serverOf = (folder: string) => findPostmaster(join(folder, 'postgres'));

const answer = async (url: string): Promise<unknown> => {
  const { pool, close } = openPostgres(url);
  try {
    return (await pool.query('SELECT current_database() AS name')).rows[0]?.name;
  } finally {
    await close();
  }
};

const sessionOf = (pid: number): string | undefined =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];

test('starts in a folder that only we may enter, keeps to this machine, and is found again', async t => {
  const folder = await dataFolder(t);
  assert.equal((await stat(folder)).mode & 0o777, closedMode);
  assert.equal(await findEmbedded(folder), null);
  const { url, stop } = await start(t, folder);
  assert.match(url, /^postgres:\/\/tokligence:[\w-]{32}@127\.0\.0\.1:\d+\/tokligence$/);
  assert.equal(await answer(url), 'tokligence');
  assert.equal(await findEmbedded(folder), url);
  assert.equal((await stat(join(folder, 'postgres', 'password'))).mode & 0o777, 0o600);
  await assert.rejects(answer(url.replace(/:[\w-]{32}@/, ':wrong@')), /password authentication failed/);
  const { pool, close } = openPostgres(url);
  const { rows } = await pool.query(
    `SELECT current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
       current_setting('server_encoding') AS encoding, (SELECT datcollate FROM pg_database WHERE datname = 'tokligence') AS locale`,
  );
  await close();
  assert.deepEqual(rows, [{ addresses: '127.0.0.1', sockets: '', encoding: 'UTF8', locale: 'C' }]);
  await stop();
  await assert.rejects(answer(url), /ECONNREFUSED/);
  assert.equal(await findEmbedded(folder), null);
});

test('Ctrl-C does not reach it: it has a session of its own', { skip: process.platform !== 'linux' }, async t => {
  const folder = await dataFolder(t);
  const { stop } = await start(t, folder);
  const server = await serverOf(folder);
  assert.notEqual(sessionOf(server?.pid ?? 0), sessionOf(process.pid));
  await stop();
});

test('its process knows none of our settings', { skip: process.platform !== 'linux' }, async t => {
  process.env.TOKLIGENCE_PROVIDER_GPU_API_KEY = 'sk-of-a-vendor';
  t.after(() => delete process.env.TOKLIGENCE_PROVIDER_GPU_API_KEY);
  const folder = await dataFolder(t);
  await start(t, folder);
  const environment = readFileSync(`/proc/${(await serverOf(folder))?.pid}/environ`, 'utf8');
  assert.match(environment, /\0?PATH=/);
  assert.doesNotMatch(environment, /TOKLIGENCE_|sk-of-a-vendor/);
});

test('two gateways on one data folder share it, and the last one stops it', async t => {
  const folder = await dataFolder(t);
  const log = recordedLog();
  const [first, second] = await Promise.all([start(t, folder, log), start(t, folder)]);
  assert.equal(second.url, first.url);
  await first.stop();
  assert.match(log.lines.join(), /stays up for another gateway/);
  assert.equal(await answer(second.url), 'tokligence');
  await second.stop();
  await assert.rejects(answer(second.url), /ECONNREFUSED/);
});

const gatewayProgram = (folder: string): string => `
  const { startEmbedded } = await import(${JSON.stringify(new URL('../../src/db/embedded/embedded.ts', import.meta.url).href)});
  const log = { info() {}, warn() {}, error() {} };
  const { url } = await startEmbedded({ dataDir: ${JSON.stringify(folder)}, log, durable: false });
  console.log(url);`;

test('who starts the server knows its run, again after a stop, and who finds it running does not', async t => {
  const folder = await dataFolder(t);
  const first = await start(t, folder);
  const second = await start(t, folder);
  assert.equal(second.startedRun, null);
  await first.stop();
  await second.stop();
  const third = await start(t, folder);
  assert.ok(first.startedRun !== null && third.startedRun !== null);
  assert.notEqual(third.startedRun, first.startedRun);
  const { pool, close } = openPostgres(third.url);
  const { rows } = await pool.query(`SELECT ${serverRun} AS run`);
  await close();
  assert.deepEqual(rows, [{ run: third.startedRun }]);
  await third.stop();
});

test('after kill -9 of the gateway the next one adopts the running server, and its stop ends it', async t => {
  const folder = await dataFolder(t);
  const gateway = spawn(process.execPath, ['--input-type=module', '-e', gatewayProgram(folder)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = await once(createInterface(gateway.stdout), 'line');
  gateway.kill('SIGKILL');
  await once(gateway, 'exit');
  const before = await serverOf(folder);
  assert.notEqual(before, null);
  const next = await start(t, folder);
  assert.equal(next.url, url);
  assert.deepEqual(await serverOf(folder), before);
  await next.stop();
  await assert.rejects(answer(next.url), /ECONNREFUSED/);
});

test('a stop waits a moment for the session of a killed gateway, which PostgreSQL has not yet missed', async t => {
  const { url, stop } = await start(t, await dataFolder(t));
  const killed = new pg.Client({ connectionString: url.replace(/\/tokligence$/, '/postgres') });
  killed.on('error', () => {});
  await killed.connect();
  // The lease that each gateway holds.
  await killed.query('SELECT pg_advisory_lock_shared(7081081)');
  const stopping = stop();
  await killed.query('SELECT pg_sleep(0.2)');
  await killed.end();
  await stopping;
  await assert.rejects(answer(url), /ECONNREFUSED/);
});

test('a server that dies under the gateway is started again on the same port', async t => {
  const folder = await dataFolder(t);
  const log = recordedLog();
  const { url, stop } = await start(t, folder, log);
  process.kill((await serverOf(folder))?.pid ?? never(), 'SIGKILL');
  await log.said(/is back/);
  assert.equal(await answer(url), 'tokligence');
  assert.match(log.lines.join(), /went away: starting it again/);
  await stop();
  await assert.rejects(answer(url), /ECONNREFUSED/);
});

const never = (): never => {
  throw new Error('no server');
};

test('a pid file that outlived its server is no obstacle, even if its number lives on as another process', async t => {
  const folder = await dataFolder(t);
  await (await start(t, folder)).stop();
  for (const pid of [process.pid, 2 ** 22 - 3]) {
    const lines = [pid, join(folder, 'postgres', 'cluster'), 1, 5432, '', '127.0.0.1', '', 'ready   ', ''];
    await writeFile(join(folder, 'postgres', 'cluster', 'postmaster.pid'), lines.join('\n'));
    const { url, stop } = await start(t, folder);
    assert.equal(await answer(url), 'tokligence');
    await stop();
  }
});

test('the port is kept, and changed for good when somebody else has taken it', async t => {
  const folder = await dataFolder(t);
  const first = await start(t, folder);
  await first.stop();
  const second = await start(t, folder);
  assert.equal(second.url, first.url);
  await second.stop();
  const other = createServer();
  other.listen(Number(new URL(first.url).port), '127.0.0.1');
  await once(other, 'listening');
  const third = await start(t, folder);
  assert.notEqual(third.url, first.url);
  await third.stop();
  other.close();
  await once(other, 'close');
  const fourth = await start(t, folder);
  assert.equal(fourth.url, third.url);
  await fourth.stop();
});

test('a database whose making was interrupted is made anew, and what was left of it removed', async t => {
  const folder = await dataFolder(t);
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const unfinished = join(folder, `postgres.new-${dead.pid}-abcdef`);
  await mkdir(join(unfinished, 'cluster'), { recursive: true });
  await writeFile(join(unfinished, 'password'), 'half');
  const { url, stop } = await start(t, folder);
  assert.equal(existsSync(unfinished), false);
  assert.equal(await answer(url), 'tokligence');
  await stop();
  assert.deepEqual(await readdir(folder), ['postgres']);
});

test('variables of libpq and PostgreSQL are about other databases', async t => {
  const folder = await dataFolder(t);
  const foreign = {
    PGHOST: 'db.example',
    PGPORT: '1',
    PGUSER: 'me',
    PGDATABASE: 'mine',
    PGPASSWORD: 'x',
    PGSSLMODE: 'require',
    PGSSLNEGOTIATION: 'direct',
    PGOPTIONS: '-c search_path=nowhere',
    PGREPLICATION: 'database',
    PGDATA: '/nope',
    PGTZ: 'Nowhere/At_All',
  };
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  Object.assign(process.env, foreign);
  const { url, stop } = await start(t, folder);
  const { pool, close } = openPostgres(url, { isEmbedded: true });
  const { rows } = await pool.query(
    'SELECT current_database() AS name, current_schema() AS schema, current_user AS who',
  );
  await close();
  assert.deepEqual(rows, [{ name: 'tokligence', schema: 'public', who: 'tokligence' }]);
  await stop();
});

test('quotes, dollars, backticks and backslashes in the name of its folder do no harm', {
  skip: process.platform !== 'linux' && 'elsewhere such a folder is refused',
}, async t => {
  const folder = join(await dataFolder(t), 'a"b $HOME `id` c\\d');
  const { url, stop } = await start(t, folder);
  assert.equal((await serverOf(folder)) === null, false);
  assert.equal(await answer(url), 'tokligence');
  for (const name of ['password', 'port', 'log'])
    assert.equal((await stat(join(folder, 'postgres', name))).mode & 0o777, 0o600, name);
  await stop();
  assert.equal(await serverOf(folder), null);
});

test('a password file that came with the modes of another umask is closed', async t => {
  const folder = await dataFolder(t);
  const first = await start(t, folder);
  await first.stop();
  const password = join(folder, 'postgres', 'password');
  await chmod(password, 0o644);
  const second = await start(t, folder);
  assert.equal((await stat(password)).mode & 0o777, 0o600);
  await second.stop();
});
