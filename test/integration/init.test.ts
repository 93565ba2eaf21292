// `gatewayd init`, in processes of its own as users start it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../src/config/config-loader.ts';
import { folderForNobody, installCopy, isRoot, root } from '../support/accounts.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'init-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function init(home: string, args: readonly string[], env: Record<string, string> = {}) {
  const own = Object.entries(process.env).filter(([name]) => !/^(TOKLIGENCE_|XDG_)/.test(name));
  return new Promise<{ code: number; out: string; err: string }>(resolve => {
    execFile(
      process.execPath,
      [join(root, 'src/gatewayd.ts'), 'init', ...args],
      { cwd: home, env: { ...Object.fromEntries(own), HOME: home, ...env } },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

const read = (file: string) =>
  loadConfig({ file: null, text: readFileSync(file, 'utf8'), env: {}, isTerminal: false }).config;

test('init writes every setting with its comment into the folders of the user, for its owner only', async t => {
  const home = folder(t);
  const { code, out, err } = await init(home, []);
  assert.deepEqual([code, err], [0, '']);
  const file = join(home, '.config/tokligence/setting.ini');
  const dataDir = join(home, '.local/share/tokligence/gateway');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const usual = readFileSync(join(root, 'config/setting.ini'), 'utf8');
  assert.equal(
    readFileSync(file, 'utf8'),
    usual.replace('data_dir = ./data', () => `data_dir = ${dataDir}`),
  );
  assert.deepEqual([read(file).gateway.edition, read(file).gateway.dataDir], ['personal', dataDir]);
  assert.ok(out.includes(`\n  npm start -- --config ${file}\n`), out);
});

test('init obeys the XDG variables where they name absolute paths', async t => {
  const home = folder(t);
  const env = { XDG_CONFIG_HOME: join(home, 'c'), XDG_DATA_HOME: 'relative' };
  assert.equal((await init(home, ['--edition', 'team'], env)).code, 0);
  const { gateway } = read(join(home, 'c/tokligence/setting.ini'));
  assert.deepEqual(gateway.edition, 'team');
  assert.equal(gateway.dataDir, join(home, '.local/share/tokligence/gateway'));
});

test('init replaces a file only by --force, and leaves its mode', async t => {
  const home = folder(t);
  const file = join(home, 'own.ini');
  writeFileSync(file, 'mine');
  chmodSync(file, 0o640);
  const refused = await init(home, ['own.ini']);
  assert.deepEqual([refused.code, refused.out], [1, '']);
  assert.equal(refused.err, `gatewayd init: ${file} is there already, and is left as it is: --force replaces it\n`);
  assert.equal(readFileSync(file, 'utf8'), 'mine');
  assert.equal((await init(home, ['own.ini', '--force', '--data-dir', 'd'])).code, 0);
  assert.equal(read(file).gateway.dataDir, join(home, 'd'));
  assert.equal(statSync(file).mode & 0o777, 0o640);
});

test('where init cannot write all of the file, there is none, or the one that was there', async t => {
  if (process.platform === 'win32') return t.skip('needs a limit for files');
  const home = folder(t);
  writeFileSync(join(home, 'own.ini'), 'mine');
  // 4 KiB, which is less than it writes.
  const full = ['-c', 'ulimit -f 8; exec "$@"', 'sh', process.execPath, join(root, 'src/gatewayd.ts'), 'init'];
  const code = (args: readonly string[]) =>
    new Promise(resolve => {
      const env = { PATH: process.env.PATH, HOME: home, NODE_DISABLE_COMPILE_CACHE: '1' };
      execFile('sh', [...full, ...args], { cwd: home, env }, (error, _, err) => resolve([error?.code, err]));
    });
  for (const args of [['new.ini'], ['own.ini', '--force'], ['other.ini', '--force']])
    assert.deepEqual(await code(args), [
      1,
      `gatewayd init: ${join(home, args[0] ?? '')} cannot be written: EFBIG: file too large, write\n`,
    ]);
  assert.deepEqual(readdirSync(home), ['own.ini']);
  assert.equal(readFileSync(join(home, 'own.ini'), 'utf8'), 'mine');
});

test('a path of any characters comes back as it was given, and the next command is quoted', async t => {
  const home = folder(t);
  const odd = join(home, `it's "a; #b" $& \\ é `);
  const { code, out } = await init(home, [join(odd, 'x y.ini'), '--data-dir', odd]);
  assert.equal(code, 0);
  assert.equal(read(join(odd, 'x y.ini')).gateway.dataDir, odd);
  const [, word = ''] = /--config (.+)\n/.exec(out) ?? [];
  const spelled = await new Promise(resolve => {
    execFile('sh', ['-c', `printf %s ${word}`], (_, text) => resolve(text));
  });
  assert.equal(spelled, join(odd, 'x y.ini'));
});

test('an account without a name and a home can choose its paths', async t => {
  if (!isRoot) return t.skip('needs root, to be an account without a name');
  const found = await folderForNobody();
  if ('reason' in found) return t.skip(found.reason);
  t.after(() => rmSync(found.folder, { recursive: true, force: true }));
  const node = installCopy(found.folder);
  cpSync(join(root, 'config'), join(found.folder, 'config'), { recursive: true });
  chmodSync(found.folder, 0o777);
  const args = ['src/gatewayd.ts', 'init', 'own.ini', '--data-dir', 'd'];
  const said = await new Promise(resolve => {
    const nameless = { uid: 54_321, gid: 54_321 };
    execFile(node, args, { cwd: found.folder, env: {}, ...nameless }, (_, __, err) => resolve(err));
  });
  assert.equal(said, '');
  assert.equal(read(join(found.folder, 'own.ini')).gateway.dataDir, join(found.folder, 'd'));
});

for (const [what, args, message, code] of [
  ['an edition that is none', ['--edition', 'teem'], /^gatewayd init: --edition must be personal or team\n$/, 2],
  ['two files', ['a', 'b'], /^gatewayd init: give one FILE, or none/, 2],
  ['an option that is none', ['--overwrite'], /^gatewayd init: Unknown option '--overwrite'/, 2],
  ['an empty folder of data', ['a', '--data-dir', ''], /^gatewayd init: --data-dir must name a folder\n$/, 2],
  ['a line break in a path', ['a', '--data-dir', 'x\ny'], /\[gateway\] data_dir: must be a folder, without line/, 2],
  ['a folder in the place of the file', ['folder', '--force'], /folder is a folder: name a file in it\n$/, 1],
  ['a file in the place of a folder', ['file/x.ini'], /file\/x\.ini cannot be written: /, 1],
] as const) {
  test(`init refuses ${what}, and writes nothing`, async t => {
    const home = folder(t);
    mkdirSync(join(home, 'folder'));
    writeFileSync(join(home, 'file'), '');
    const refused = await init(home, args);
    assert.deepEqual([refused.code, refused.out], [code, '']);
    assert.match(refused.err, message);
    assert.deepEqual(readdirSync(home).toSorted(), ['file', 'folder']);
  });
}
