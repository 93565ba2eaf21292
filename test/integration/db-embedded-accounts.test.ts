// Restrictions of the machine: refused install scripts, and root, as which PostgreSQL does not run.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { hydrate } from '../../src/db/embedded/embedded-binaries.ts';
import { asNobody, entersPrivateFolders, folderForNobody, installCopy, isRoot, nobody } from '../support/accounts.ts';

interface Installation {
  readonly folder: string;
  readonly node: string;
}

let made: Promise<Installation | { reason: string }> | null = null;
after(async () => {
  const place = await made;
  if (place !== null && 'folder' in place) await rm(place.folder, { recursive: true, force: true });
});

/** An installation that `nobody` can run, wherever this checkout is; otherwise the reason why there is none. */
const installation = (): Promise<Installation | { reason: string }> =>
  (made ??= folderForNobody().then(place =>
    'reason' in place ? place : { folder: place.folder, node: installCopy(place.folder) },
  ));

/** A test that runs the gateway as root and as nobody; skipped, with a line, if that is impossible. */
const accountsTest = (name: string, run: (t: TestContext, place: Installation) => Promise<void>) =>
  test(name, { skip: isRoot ? false : 'needs root on Linux' }, async t => {
    const place = await installation();
    if ('reason' in place) return t.skip(place.reason);
    await run(t, place);
  });

const dataFolder = async (t: TestContext, parent: string, { mode = 0o700, owner = 0 } = {}): Promise<string> => {
  const folder = await mkdtemp(join(parent, 'embedded-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await chown(folder, owner, owner);
  await chmod(folder, mode);
  return folder;
};

/**
 * Starts, queries and stops an embedded PostgreSQL in a process of its own; resolves to the owner of its data and its
 * account.
 */
const runGateway = async (
  place: Installation,
  folder: string,
  how: { uid?: number; gid?: number; path?: string } = {},
): Promise<string> => {
  const from = (file: string) => JSON.stringify(pathToFileURL(join(place.folder, `src/db/${file}.ts`)).href);
  const program = `
    process.umask(0o022);
    const { startEmbedded } = await import(${from('embedded/embedded')});
    const { findPostmaster } = await import(${from('embedded/embedded-cluster')});
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
  const options = { cwd: place.folder, ...account, env };
  return (await promisify(execFile)(place.node, ['--input-type=module', '-e', program], options)).stdout.trim();
};

const mayUseNamespaces = (account: { uid: number; gid: number }): Promise<boolean> =>
  promisify(execFile)('unshare', ['--user', `--map-user=${nobody}`, 'true'], { cwd: '/', ...account }).then(
    () => true,
    () => false,
  );

/** A PATH without `unshare` represents a machine that does not allow user namespaces. */
const withoutNamespaces = { path: '/nonexistent' };
const ranByNobody = `owner ${nobody} runner ${nobody}`;

accountsTest('as root without user namespaces, nobody runs it on a folder given to it, twice', async (t, place) => {
  const folder = await dataFolder(t, place.folder, { mode: 0o755 });
  assert.equal(await runGateway(place, folder, withoutNamespaces), ranByNobody);
  assert.equal(await runGateway(place, folder, withoutNamespaces), ranByNobody);
  // Namespaces are allowed again: the folder keeps its owner.
  assert.equal(await runGateway(place, folder), ranByNobody);
});

accountsTest('as root without user namespaces, nobody passes through a data folder made for it', async (t, place) => {
  const folder = join(await dataFolder(t, place.folder, { mode: 0o755 }), 'new', 'data');
  assert.equal(await runGateway(place, folder, withoutNamespaces), ranByNobody);
  assert.equal((await stat(folder)).mode & 0o777, 0o711, 'and may list nothing there');
});

accountsTest(
  'as root without user namespaces, a folder that nobody cannot reach is refused in one sentence',
  async (t, place) => {
    const folder = await dataFolder(t, place.folder);
    const said = await runGateway(place, folder, withoutNamespaces);
    assert.match(
      said,
      /^EmbeddedFault: PostgreSQL does not run as root, user namespaces are not allowed here, and .* cannot reach/,
    );
    // No incomplete files remain that would stop a later attempt.
    if (entersPrivateFolders) assert.match(await runGateway(place, folder), /^owner 0 runner 0$/);
  },
);

accountsTest('another user than root just runs it', async (t, place) => {
  const folder = await dataFolder(t, place.folder, { owner: nobody });
  assert.equal(await runGateway(place, folder, asNobody), ranByNobody);
});

accountsTest('root serves the folder of another user as that user', async (t, place) => {
  const folder = await dataFolder(t, place.folder, { owner: nobody, mode: 0o755 });
  assert.equal(await runGateway(place, folder, asNobody), ranByNobody);
  assert.equal(await runGateway(place, folder), ranByNobody);
  assert.equal(await runGateway(place, folder, asNobody), ranByNobody);
});

accountsTest(
  'an account without a name becomes nobody in a user namespace, or is told what to do',
  async (t, place) => {
    const nameless = { uid: 1_000_720, gid: 0 };
    const folder = await dataFolder(t, place.folder, { owner: nameless.uid });
    const refused = await runGateway(place, folder, { ...nameless, ...withoutNamespaces });
    assert.match(refused, /^EmbeddedFault: .* uid 1000720 has none in .*: add an entry, .* or set database\.url/);
    const becomesNobody = await mayUseNamespaces(nameless);
    const said = await runGateway(place, folder, nameless);
    assert.equal(said, becomesNobody ? `owner ${nameless.uid} runner ${nameless.uid}` : refused);
  },
);

test('links that a refused install script did not make are made at the first start, or named', async t => {
  const folder = await dataFolder(t, tmpdir(), { owner: process.getuid?.() ?? 0 });
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
