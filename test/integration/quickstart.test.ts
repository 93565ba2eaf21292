// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createBoard } from '../../src/cli/quickstart/demo-board.ts';
import { closedFolder } from '../support/accounts.ts';
import { freePort } from '../support/free-port.ts';

const script = fileURLToPath(new URL('../../src/cli/quickstart.ts', import.meta.url));
const examples = fileURLToPath(new URL('../../config/examples/eight-tenants.sql', import.meta.url));

const levels = {
  'dept-prod': 0,
  'dept-ml': 1,
  'dept-analytics': 2,
  'dept-dev': 3,
  'ext-enterprise': 5,
  'ext-premium': 6,
  'ext-standard': 7,
  'ext-free': 9,
};

/** The many starts share one cache of compiled modules, where the run has none. */
const compiled = await mkdtemp(join(tmpdir(), 'quickstart-compiled-'));
after(() => rm(compiled, { recursive: true, force: true }));

interface Quickstart {
  readonly child: ChildProcess;
  /** Everything printed so far. */
  said(): string;
  /** Resolves once the pattern was printed. */
  saw(pattern: RegExp): Promise<RegExpMatchArray>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

function quickstart(t: TestContext, folder: Folder, ...options: string[]): Quickstart {
  const { TOKLIGENCE_TEST_POSTGRES_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, [script, ...options], {
    cwd: folder.path,
    env: {
      NODE_COMPILE_CACHE: compiled,
      ...env,
      TOKLIGENCE_GATEWAY_DATA_DIR: 'data',
      TOKLIGENCE_GATEWAY_PORT: String(folder.port),
    },
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (text += chunk));
  const saw = async (pattern: RegExp): Promise<RegExpMatchArray> => {
    for (;;) {
      const match = text.match(pattern);
      if (match) return match;
      if (child.stdout.closed && child.stderr.closed) throw new Error(`${pattern} was never printed:\n${text}`);
      await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), ended]);
    }
  };
  return { child, said: () => text, saw, ended };
}

interface Folder {
  readonly path: string;
  readonly dataDir: string;
  readonly port: number;
}

async function newFolder(t: TestContext): Promise<Folder> {
  const path = await realpath(await closedFolder('quickstart-test-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return { path, dataDir: join(path, 'data'), port: await freePort() };
}

const greeted = /Ctrl-C stops/;
const urlOf = ({ port }: Folder) => `http://127.0.0.1:${port}`;
const keysFile = ({ dataDir }: Folder) => join(dataDir, 'quickstart-keys.json');
const readKeys = async (folder: Folder) => JSON.parse(await readFile(keysFile(folder), 'utf8'));

/** Returns tenant, level and key of each line of the printed table. */
const printedTenants = (text: string) =>
  [...text.matchAll(/^ {2}P(\d) +(\S+) +(tok_\S+)$/gm)].map(([, level, tenant, key]) => ({
    level: Number(level),
    tenant: tenant ?? '',
    key: key ?? '',
  }));

async function levelOf(folder: Folder, key: string): Promise<number> {
  const response = await fetch(`${urlOf(folder)}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  await response.text();
  return response.ok ? Number(response.headers.get('x-tokligence-priority')) : Number.NaN;
}

async function admin(folder: Folder, key: string, method: string, path: string, body?: object): Promise<any> {
  const response = await fetch(`${urlOf(folder)}/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}

/** Returns the processes whose working directory is in the folder, as those of its PostgreSQL are. */
async function processesIn(folder: string): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const places = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => places[index]?.startsWith(folder));
}

async function assertNothingLeft({ path, dataDir }: Folder): Promise<void> {
  await assert.rejects(access(join(dataDir, 'postgres', 'cluster', 'postmaster.pid')), { code: 'ENOENT' });
  assert.deepEqual(await processesIn(path), []);
}

const median = (text: string, tenant: string): number => {
  const lines = [...text.matchAll(new RegExp(`^ {2}P\\d +${tenant} +(\\d+) +(\\d+) +([\\d.]+) (ms|s) `, 'gm'))];
  const [, sent, served, wait, unit] = lines.at(-1) ?? [];
  assert.equal(served, sent, `${tenant}: all that was sent is served`);
  return Number(wait) * (unit === 's' ? 1_000 : 1);
};

test('keys come with the first start, and the next start keeps them and what operators changed', async t => {
  const folder = await newFolder(t);
  const first = quickstart(t, folder);
  await first.saw(greeted);

  const printed = printedTenants(first.said());
  assert.deepEqual(Object.fromEntries(printed.map(({ tenant, level }) => [tenant, level])), levels);
  for (const { key, level } of printed) assert.equal(await levelOf(folder, key), level);
  const keys = await readKeys(folder);
  assert.match(first.said(), new RegExp(`Admin key +${keys.admin}`));
  assert.deepEqual(keys.tenants, Object.fromEntries(printed.map(({ tenant, key }) => [tenant, key])));
  assert.equal((await stat(keysFile(folder))).mode & 0o777, 0o600);
  assert.equal((await processesIn(folder.path)).length > 0, process.platform === 'linux');

  await assertSameAsExamples(first, folder, keys.admin);

  const { mappings } = await admin(folder, keys.admin, 'GET', '/api-key-priority/mappings');
  const idOf = (tenant: string) => mappings.find((row: any) => row.tenant_id === tenant).id;
  await admin(folder, keys.admin, 'PUT', `/api-key-priority/mappings/${idOf('dept-analytics')}`, { priority: 4 });
  await admin(folder, keys.admin, 'DELETE', `/api-key-priority/mappings/${idOf('ext-free')}`);
  const { users } = await admin(folder, keys.admin, 'GET', '/users');
  const mlUser = users.find((user: any) => user.email === 'dept-ml@example.com').id;
  const mlKeys = await admin(folder, keys.admin, 'GET', `/api-keys?user_id=${mlUser}`);
  await admin(folder, keys.admin, 'DELETE', `/api-keys/${mlKeys.api_keys[0].id}`);
  first.child.kill('SIGINT');
  assert.equal(await first.ended, 0);
  await assertNothingLeft(folder);

  const second = quickstart(t, folder);
  await second.saw(greeted);
  assert.doesNotMatch(second.said(), /First start/);
  const again = Object.fromEntries(printedTenants(second.said()).map(({ tenant, level }) => [tenant, level]));
  assert.deepEqual(again, { ...levels, 'dept-analytics': 4, 'ext-free': 7 });
  const { tenants, ...others } = await readKeys(folder);
  assert.equal(others.admin, keys.admin);
  assert.deepEqual({ ...tenants, 'dept-ml': '' }, { ...keys.tenants, 'dept-ml': '' });
  assert.equal(await levelOf(folder, tenants['dept-ml']), 1, 'a revoked key is replaced');
  assert.equal(await levelOf(folder, keys.tenants['dept-ml']), Number.NaN);
  await t.test('the demo uses a gateway that runs already', t => demoBesideAnother(t, folder));
  second.child.kill('SIGTERM');
  assert.equal(await second.ended, 0);
  await assertNothingLeft(folder);
  await t.test('the demo starts one of its own, and a stop ends both', t => demoOfItsOwn(t, folder));
});

/** The printed database can be reached, and has the rows that config/examples/eight-tenants.sql would write. */
async function assertSameAsExamples({ said }: Quickstart, folder: Folder, adminKey: string): Promise<void> {
  const [databaseUrl] = said().match(/postgres:\/\/\S+/) ?? [];
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const rows = async () => {
    const { mappings } = await admin(folder, adminKey, 'GET', '/api-key-priority/mappings');
    return mappings.map(
      ({ id: _, etag: _e, created_at: _c, updated_at: _u, created_by: _b, requests_per_min: _count, ...row }: any) =>
        row,
    );
  };
  try {
    const made = await rows();
    await client.query('DELETE FROM api_key_priority_mappings');
    await client.query(await readFile(examples, 'utf8'));
    await admin(folder, adminKey, 'POST', '/api-key-priority/reload');
    assert.deepEqual(await rows(), made);
  } finally {
    await client.end();
  }
}

/** P0 waits least. */
async function demoBesideAnother(t: TestContext, folder: Folder): Promise<void> {
  const guest = quickstart(t, folder, '--demo', '--demo-seconds', '2');
  assert.equal(await guest.ended, 0, guest.said());
  assert.match(guest.said(), /Using the quickstart that runs already/);
  assert.ok(median(guest.said(), 'dept-prod') <= median(guest.said(), 'ext-free'), guest.said());
  const twin = quickstart(t, folder);
  assert.equal(await twin.ended, 1);
  assert.match(twin.said(), /runs already at http.*\n.*--demo/);
}

async function demoOfItsOwn(t: TestContext, folder: Folder): Promise<void> {
  const lost = await readKeys(folder);
  await writeFile(keysFile(folder), '{"admin": "tok_');
  const own = quickstart(t, folder, '--demo', '--demo-seconds', '2');
  assert.equal(await own.ended, 0, own.said());
  const drawn = await readKeys(folder);
  assert.notEqual(drawn.tenants['dept-prod'], lost.tenants['dept-prod'], 'lost keys are drawn again');
  assert.match(own.said(), /All \d+ requests were served/);
  assert.ok(median(own.said(), 'dept-prod') <= median(own.said(), 'ext-free'), own.said());
  await assertNothingLeft(folder);

  const cut = quickstart(t, folder, '--demo', '--demo-seconds', '600');
  await cut.saw(/^Demo, /m);
  cut.child.kill('SIGINT');
  assert.equal(await cut.ended, 0, cut.said());
  await assertNothingLeft(folder);
}

test('a stop while the database is being made leaves nothing behind, and keys of a lost database are replaced', async t => {
  const folder = await newFolder(t);
  const interrupted = quickstart(t, folder);
  await interrupted.saw(/First start/);
  interrupted.child.kill('SIGINT');
  assert.equal(await interrupted.ended, 0, interrupted.said());
  assert.doesNotMatch(interrupted.said(), greeted);
  await assertNothingLeft(folder);

  await rm(join(folder.dataDir, 'postgres'), { recursive: true, force: true });
  const { admin: adminKey } = await readKeys(folder);
  const tenants = Object.fromEntries(Object.keys(levels).map(tenant => [tenant, `tok_of_a_database_that_is_gone`]));
  await writeFile(keysFile(folder), JSON.stringify({ admin: adminKey, tenants }), { mode: 0o644 });
  const next = quickstart(t, folder);
  await next.saw(greeted);
  for (const { key, tenant, level } of printedTenants(next.said())) {
    assert.equal(level, levels[tenant as keyof typeof levels]);
    assert.equal(await levelOf(folder, key), level);
  }
  assert.equal((await readKeys(folder)).admin, adminKey);
  assert.equal((await stat(keysFile(folder))).mode & 0o777, 0o600);
  next.child.kill('SIGINT');
  assert.equal(await next.ended, 0);
});

test('a port that somebody else has is told in one sentence, before anything is made', async t => {
  const folder = await newFolder(t);
  const server = createServer().listen(folder.port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { said, ended } = quickstart(t, folder, '--demo');
  assert.equal(await ended, 1);
  assert.match(said(), /^quickstart: cannot listen on 127\.0\.0\.1:\d+: the port is taken by another program/);
  await assert.rejects(access(folder.dataDir), { code: 'ENOENT' });
});

test('help is given when asked for, and wrong usage ends with 2', async t => {
  const folder = await newFolder(t);
  const help = quickstart(t, folder, '--help');
  assert.equal(await help.ended, 0);
  assert.match(help.said(), /^Usage: npm run quickstart/);
  for (const wrong of [['--dmo'], ['--demo-seconds', 'soon']]) {
    const { said, ended } = quickstart(t, folder, ...wrong);
    assert.equal(await ended, 2, wrong.join(' '));
    assert.match(said(), /^quickstart: .+\n\nUsage: /, wrong.join(' '));
  }
});

test('on a terminal the board is drawn over the last one and never wraps; elsewhere below it', () => {
  const tally = { tenant: 'dept-prod', level: 0, sent: 4, served: 3, failed: 0, failure: null, waitsMs: [1, 2, 3000] };
  const drawn = (inPlace: boolean) => {
    const written: string[] = [];
    const board = createBoard({ inPlace, columns: 60, write: text => written.push(text) });
    board.draw('first', [tally]);
    board.draw('second', [tally]);
    return written;
  };
  const [first = '', second = ''] = drawn(true);
  const up = '\u001b[3A';
  assert.ok(!first.includes(up) && second.startsWith(`${up}second`));
  const lines = second.slice(up.length).replaceAll('\u001b[K', '').split('\n');
  assert.ok(lines.every(line => line.length < 60));
  assert.match(lines[2] ?? '', /^ {2}P0 +dept-prod +4 +3 +2 ms +3\.00 s/);
  assert.ok(!drawn(false).join('').includes('\u001b'));
});
