// What the machine may deny: install scripts, and root itself, as which PostgreSQL refuses to run.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { hydrate } from '../../src/db/embedded-binaries.ts';

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const options = { skip: isRoot ? false : 'needs root on Linux' };
const nobody = 65534;

const dataFolder = async (t: TestContext, { mode = 0o700, owner = process.getuid?.() ?? 0 } = {}): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await chown(folder, owner, owner);
  await chmod(folder, mode);
  return folder;
};

/** Starts, asks and stops an embedded PostgreSQL in a process of its own; answers who owns its data, and who ran it. */
const runGateway = async (folder: string, how: { uid?: number; gid?: number; path?: string }): Promise<string> => {
  const from = (file: string) => JSON.stringify(new URL(`../../src/db/${file}.ts`, import.meta.url).href);
  const program = `
    const { startEmbedded } = await import(${from('embedded')});
    const { findPostmaster } = await import(${from('embedded-cluster')});
    const { statSync } = await import('node:fs');
    const log = { info() {}, warn() {}, error() {} };
    try {
      const { url, stop } = await startEmbedded({ dataDir: ${JSON.stringify(folder)}, log, durable: false });
      const { pid } = await findPostmaster(${JSON.stringify(join(folder, 'postgres'))});
      const owner = statSync(${JSON.stringify(join(folder, 'postgres', 'cluster'))}).uid;
      console.log('owner ' + owner + ' runner ' + statSync('/proc/' + pid).uid);
      await stop();
    } catch (error) {
      console.log(error.name + ': ' + error.message);
    }`;
  const { path, ...account } = how;
  const env = path === undefined ? process.env : { PATH: path };
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { ...account, env });
  return (await run).stdout.trim();
};

/** A PATH without `unshare` stands for a machine that does not allow user namespaces. */
const withoutNamespaces = { path: '/nonexistent' };

test('as root without user namespaces, nobody runs it on a folder given to it, twice', options, async t => {
  const folder = await dataFolder(t, { mode: 0o755 });
  const asNobody = `owner ${nobody} runner ${nobody}`;
  assert.equal(await runGateway(folder, withoutNamespaces), asNobody);
  assert.equal(await runGateway(folder, withoutNamespaces), asNobody);
  // Namespaces allowed again: the folder stays with whom it was given to.
  assert.equal(await runGateway(folder, {}), asNobody);
});

test(
  'as root without user namespaces, a folder that nobody cannot reach is refused in one sentence',
  options,
  async t => {
    const folder = await dataFolder(t);
    const said = await runGateway(folder, withoutNamespaces);
    assert.match(
      said,
      /^EmbeddedFault: PostgreSQL does not run as root, user namespaces are not allowed here, and .* cannot reach/,
    );
    // Nothing half made stays behind that would stop a later try.
    assert.match(await runGateway(folder, {}), /^owner 0 runner 0$/);
  },
);

test('another user than root just runs it', options, async t => {
  const folder = await dataFolder(t, { owner: nobody });
  const asNobody = { uid: nobody, gid: nobody };
  assert.equal(await runGateway(folder, asNobody), `owner ${nobody} runner ${nobody}`);
});

test('root serves the folder of another user as that user', options, async t => {
  const folder = await dataFolder(t, { owner: nobody, mode: 0o755 });
  const first = await runGateway(folder, { uid: nobody, gid: nobody });
  assert.equal(await runGateway(folder, {}), first);
  assert.equal(await runGateway(folder, { uid: nobody, gid: nobody }), first);
});

test('links that a refused install script did not make are made at the first start, or named', async t => {
  const folder = await dataFolder(t);
  await mkdir(join(folder, 'native', 'lib'), { recursive: true });
  const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }];
  await writeFile(join(folder, 'native', 'pg-symlinks.json'), JSON.stringify(links));
  await hydrate(folder);
  await hydrate(folder);
  assert.equal(await readlink(join(folder, 'native', 'lib', 'libpq.so.5')), 'libpq.so.5.18');
  await rm(join(folder, 'native', 'lib'), { recursive: true });
  await assert.rejects(hydrate(folder), {
    name: 'EmbeddedFault',
    message: /libpq\.so\.5, because its install script did not run/,
  });
});
