// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { adminKey, startGateway } from '../support/gateway.ts';
import { cliOf, inTerminal, runCli } from '../support/gateway-cli.ts';
import { emptyDatabase, freshDatabase } from '../support/postgres.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 100000\nmax_concurrent = 2\n';
const root = fileURLToPath(new URL('../..', import.meta.url));

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'gateway-cli-test-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let [out, err] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', text => (out += text));
  child.stderr?.setEncoding('utf8').on('data', text => (err += text));
  const [code] = await once(child, 'close');
  return { code, out, err };
}

const environmentOf = (url: string) => ({ TOKLIGENCE_URL: url, TOKLIGENCE_ADMIN_KEY: adminKey });

test('top shows the lanes live in a terminal, and q gives the terminal back', async t => {
  const gateway = await startGateway(t, { ini });
  const key = await gateway.createKey();
  const stopAsking = new AbortController();
  const asked = [0, 1, 2].map(() => gateway.chat(key, { priority: 3, signal: stopAsking.signal }).catch(() => null));
  t.after(() => Promise.all(asked));
  t.after(() => stopAsking.abort());
  const terminal = inTerminal(t, ['top', '--interval', '1'], environmentOf(gateway.url));
  await terminal.saw(/local {2}▣▣ {2}2\/2 seats {2}1 waiting/);
  assert.match(terminal.text, /␛\[\?1049h␛\[\?25l/, 'it takes another screen and hides the cursor');
  await terminal.saw(/P3 +2 +1 .*▣▣▪/);
  stopAsking.abort();
  await terminal.saw(/local {2}▢▢ {2}0\/2 seats {2}0 waiting/);
  terminal.type('q');
  assert.equal(await terminal.ended, 0);
  assert.match(terminal.text, /␛\[\?25h␛\[\?1049l\s*$/, 'at the very end it gives back screen and cursor');
});

test('Ctrl-C ends top as well, and where there is no terminal it shows the lanes once', async t => {
  const { url } = await startGateway(t, { ini });
  const terminal = inTerminal(t, ['top'], environmentOf(url));
  await terminal.saw(/0\/2 seats/);
  terminal.type('\x03');
  assert.equal(await terminal.ended, 0);
  assert.match(terminal.text, /␛\[\?1049l\s*$/);

  const plain = await cliOf(url)('top');
  assert.equal(plain.code, 0);
  assert.match(plain.out, /^local {2}▢▢ {2}0\/2 seats {2}0 waiting\n[\s\S]*\n +P9 /);
  assert.ok(!plain.out.includes('\u001b'));
  assert.equal((await cliOf(url)('top', '--json')).json.pools[0].levels.length, 10);
  assert.equal((await cliOf(url)('top', '--pool', 'other')).code, 6);
});

test('top waits for a gateway that is away, and ends with its fault when the key is refused', async t => {
  const { url: database, query } = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database });
  const key = await gateway.createKey();
  await query(`UPDATE users SET role = 'gateway_admin' WHERE role = 'gateway_user'`);
  const refused = inTerminal(t, ['top'], { TOKLIGENCE_URL: gateway.url, TOKLIGENCE_ADMIN_KEY: key });
  const waiting = inTerminal(t, ['top'], environmentOf(gateway.url));
  await Promise.all([refused.saw(/0\/2 seats/), waiting.saw(/0\/2 seats/)]);
  await query(`DELETE FROM api_keys WHERE id > 1`);
  assert.equal(await refused.ended, 4);
  assert.match(refused.text, /␛\[\?1049l.*gateway: .*API key/s);
  await gateway.app.stop();
  await waiting.saw(/cannot reach .*trying again/);
  waiting.type('q');
  assert.equal(await waiting.ended, 0);
});

test('the command of a checkout runs on its own Node, whichever comes first on PATH', async t => {
  const { url } = await startGateway(t, { ini });
  const path = await folder(t);
  // An old Node: it reports its version, and runs JavaScript but no TypeScript.
  const old = join(path, 'old-node.mjs');
  await cp(join(root, 'bin'), join(path, 'bin'), { recursive: true });
  await copyFile(join(root, 'package.json'), join(path, 'package.json'));
  await symlink(join(root, 'src'), join(path, 'src'));
  await symlink(join(root, 'node_modules'), join(path, 'node_modules'));
  await writeFile(
    old,
    `Object.defineProperty(process.versions, 'node', { value: '20.1.0' });\nawait import(${JSON.stringify(pathToFileURL(join(path, 'bin/gateway.js')).href)});\n`,
  );
  const env = { ...process.env, ...environmentOf(url) };
  const list = await outcome(spawn(process.execPath, [old, 'users', 'list', '--json'], { env }));
  assert.deepEqual([list.code, JSON.parse(list.out).total], [0, 1], list.err);
  const refused = await outcome(spawn(process.execPath, [old, 'users', 'set', '99', '--status', 'active'], { env }));
  assert.deepEqual([refused.code, refused.err], [6, 'gateway: There is no user 99.\n']);
});

test('the reader of its output may leave, as head does', async t => {
  const { url } = await startGateway(t, { ini });
  const child = spawn(process.execPath, [join(root, 'src/cli/gateway.ts'), 'top'], {
    env: { ...process.env, ...environmentOf(url) },
  });
  child.stdout.destroy();
  const { code, err } = await outcome(child);
  assert.deepEqual([code, err], [0, '']);
});

test('check-config says all that is wrong, as the daemon would', async t => {
  const path = await folder(t);
  const file = join(path, 'setting.ini');
  await writeFile(file, '[gateway]\nport = x\nhots = y\n');
  const faulty = await runCli(['check-config', file]);
  assert.equal(faulty.code, 2);
  assert.match(faulty.err, /\[gateway\] hots: unknown key: is host meant\?[\s\S]*\[gateway\] port: [\s\S]*no provider/);
  const { error } = JSON.parse((await runCli(['check-config', file, '--json'])).err);
  assert.ok(error.faults.some(({ section, key }: any) => section === 'gateway' && key === 'port'));

  await writeFile(file, ini);
  const env = { TOKLIGENCE_GATEWAY_PROT: '1', TOKLIGENCE_URL: 'http://127.0.0.1:1' };
  const good = await runCli(['check-config', file], { env });
  assert.match(good.out, /can be used: personal edition, pools local\n$/);
  assert.equal(
    good.err,
    'warning: TOKLIGENCE_GATEWAY_PROT in the environment is unknown: is TOKLIGENCE_GATEWAY_PORT meant?\n',
  );
  assert.equal((await runCli(['check-config', join(path, 'none.ini')])).code, 2);
});

test('migrate brings a database up to date once, in both editions', async t => {
  const path = await folder(t);
  const file = join(path, 'setting.ini');
  const { url, query } = await emptyDatabase(t);
  await writeFile(file, `[gateway]\nedition = team\n[database]\nurl = ${url}\n${ini}`);
  const first = await runCli(['migrate', '--config', file, '--json']);
  assert.equal(first.code, 0, first.err);
  assert.ok(first.json.created.includes('api_key_priority_mappings'));
  assert.ok(!JSON.stringify(first.json).includes(new URL(url).password), 'no password is shown');
  assert.deepEqual(await query('SELECT * FROM api_key_priority_mappings'), []);
  assert.match((await runCli(['migrate', '--config', file])).out, /: nothing to do\n$/);

  await writeFile(file, `[gateway]\ndata_dir = ${JSON.stringify(path)}\n${ini}`);
  assert.match((await runCli(['migrate', '--config', file])).out, /gateway\.db: created .*users/);
  assert.match((await runCli(['migrate', '--config', file])).out, /gateway\.db: nothing to do\n$/);

  await writeFile(file, `[gateway]\nedition = team\n[database]\nurl = postgres://a:b@127.0.0.1:9/x\n${ini}`);
  const away = await runCli(['migrate', '--config', file]);
  assert.equal(away.code, 3, away.err);
});

/** Returns what bash offers after these words; the last one is incomplete. */
async function completedByBash(script: string, words: readonly string[]): Promise<string[]> {
  const quoted = words.map(word => `'${word}'`).join(' ');
  const program = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _gateway; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { out, err } = await outcome(spawn('bash', ['--norc', '-c', program]));
  assert.equal(err, '');
  return out.split('\n').filter(line => line !== '');
}

test('bash completes commands, options and what an option may be', async () => {
  const { out: script } = await runCli(['completion', 'bash']);
  const offered = (...words: string[]) => completedByBash(script, ['gateway', ...words]);
  assert.deepEqual(await offered('map'), ['mappings']);
  assert.deepEqual(await offered('mappings', 'ex'), ['explain', 'export']);
  assert.deepEqual(await offered('--server', 'http://x', 'keys', 're'), ['revoke']);
  assert.deepEqual(await offered('mappings', 'add', '--match-type', 'p'), ['prefix']);
  assert.deepEqual(await offered('users', 'set', '--st'), ['--status']);
  assert.deepEqual(await offered('completion', ''), ['bash', 'zsh', 'fish']);
  assert.ok((await offered('mappings', 'list', '--')).includes('--tenant-id'));
  for (const shell of ['zsh', 'fish']) {
    const other = await runCli(['completion', shell]);
    assert.deepEqual([other.code, other.err], [0, '']);
    assert.match(other.out, /mappings[\s\S]*--?(l )?match-type/);
  }
  assert.equal((await runCli(['completion', 'csh'])).code, 2);
});
