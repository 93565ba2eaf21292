// A start that fails half-way, and a stop in which something cannot be closed.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config-loader.ts';
import { findPostmaster } from '../../src/db/embedded/embedded-cluster.ts';
import { closeWith } from '../../src/telemetry/closing.ts';
import { closedFolder } from '../support/accounts.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** A port that somebody else has. */
async function takenPort(t: TestContext): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

const configOf = (edition: string, port: number, dataDir: string) => {
  const text = `[gateway]\nedition = ${edition}\nport = ${port}\ndata_dir = ${JSON.stringify(dataDir)}
[log]\nfile = ${JSON.stringify(join(dataDir, 'gateway.log'))}\nformat = json
[provider.local]\ntype = loopback\n`;
  return loadConfig({ file: null, text, env: {}, isTerminal: false }).config;
};

/** Files in this folder that this process has open. */
async function openFiles(folder: string): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd');
  const files = await Promise.all(descriptors.map(one => readlink(`/proc/self/fd/${one}`).catch(() => '')));
  return files.filter(file => file.startsWith(folder));
}

test('where the port is taken, a start closes its file, its log and its timers', async t => {
  const dataDir = await mkdtemp(join(tmpdir(), 'start-test-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const clock = new ManualClock();
  const port = await takenPort(t);
  await assert.rejects(startApp(configOf('personal', port, dataDir), { clock }), { code: 'EADDRINUSE' });
  assert.deepEqual(await openFiles(dataDir), []);
  assert.equal(clock.pending, 0);
});

test('where the port is taken, a start leaves no embedded database behind', async t => {
  const folder = await closedFolder('start-test-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await takenPort(t);
  await assert.rejects(startApp(configOf('team', port, folder)), { code: 'EADDRINUSE' });
  assert.equal(await findPostmaster(join(folder, 'postgres')), null);
  assert.ok((await readdir(join(folder, 'postgres', 'cluster'))).includes('PG_VERSION'), 'it was there');
});

test('a part that cannot be closed is reported, and the rest is closed, the last opened first', async () => {
  const done: string[] = [];
  const opened = new AsyncDisposableStack();
  const events = { error: (text: string, error: unknown) => done.push(`${text}: ${error}`) };
  closeWith(opened, 'the file', () => done.push('file'), events);
  closeWith(opened, 'the pool', () => Promise.reject(new Error('broken')), events);
  closeWith(opened, 'the server', async () => done.push('server'), events);
  await opened.disposeAsync();
  assert.deepEqual(done, ['server', 'Cannot close the pool; the rest is closed: Error: broken', 'file']);
});
