// Several processes as one gateway: what ends, stands still or breaks, and what is lost with it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminKey } from '../support/admin-key.ts';
import { groupLives, settingFolder, startDaemon } from '../support/daemon.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { freePort } from '../support/free-port.ts';
import { limitedRole } from '../support/limited-role.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import {
  linesOf,
  startWorkerGateway,
  startWorkersIn,
  type WorkerClient,
  workerSettings,
} from '../support/worker-gateway.ts';

const loopback = '[provider.local]\ntype = loopback\nservice_ms = 1\nchunk_ms = 0\n';
const withAdmin = `[auth]\nadmin_key = ${adminKey}\n${loopback}`;

const lives = (pid: number): boolean => pid !== 0 && existsSync(`/proc/${pid}`);
const admin = (client: WorkerClient, method: string, path: string, body?: object) =>
  client.ask(method, path, { key: adminKey, ...(body && { body }) });
const postmasterIn = (folder: string): number =>
  Number(readFileSync(join(folder, 'data/postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0]);

test('kill -9 of the parent: its workers end what runs and exit; a restart adopts the database and has the port', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 2, gated: true });
  const rest = `[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\nmax_concurrent = 4\n`;
  const first = await startWorkerGateway(t, { ini: workerSettings({ rest, grace: 60 }) });
  const [key = ''] = /tok_\S{20,}/.exec(first.daemon.output) ?? [];
  assert.equal(first.daemon.output.split('Admin key (shown once').length, 2, 'printed once');
  const database = postmasterIn(first.folder);
  const workers = [first.pidOf(1), first.pidOf(2)];
  const clients = await Promise.all([first.client(1), first.client(2)]);
  const streams = clients.map(client => client.chat(key, { model: 'm', stream: true, messages: [] }));
  await upstream.waitForActive(2);
  process.kill(first.daemon.pid, 'SIGKILL');
  assert.equal(await first.daemon.exited, null);
  assert.ok(workers.every(lives), 'they have something to end');

  const { port } = new URL(first.url);
  const file = join(first.folder, 'setting.ini');
  writeFileSync(file, readFileSync(file, 'utf8').replace('port = 0', `port = ${port}`));
  const second = await startWorkersIn(t, first.folder);
  assert.equal(new URL(second.url).port, port);
  assert.equal(postmasterIn(first.folder), database, 'the database was adopted');
  assert.ok(!second.daemon.output.includes('Admin key'));
  upstream.open();
  for (const { text } of await Promise.all(streams)) assert.match(text, /\[DONE\]/, 'the stream runs to its end');
  await until(() => !workers.some(lives));
  assert.equal((await (await second.client(1)).ask('GET', '/admin/users', { key })).status, 200);
  second.daemon.signal('SIGTERM');
  assert.equal(await second.daemon.exited, 0);
  await until(() => !lives(database));
});

test('workers whose parent is gone have the grace period, and no longer', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 2, fault: 'stall' });
  const { url: database } = await freshDatabase(t);
  const rest = `[auth]\nadmin_key = ${adminKey}\n[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\n`;
  const gateway = await startWorkerGateway(t, {
    ini: workerSettings({ database, rest, gateway: 'shutdown_delay_sec = 60' }),
  });
  const client = await gateway.client(1);
  const stream = client.chat(adminKey, { model: 'm', stream: true, messages: [] });
  await upstream.waitForActive(1);
  const workers = [gateway.pidOf(1), gateway.pidOf(2)];
  const killedAt = performance.now();
  process.kill(gateway.daemon.pid, 'SIGKILL');
  assert.match((await stream).text, /shutting down/);
  await until(() => !workers.some(lives));
  const tookMs = performance.now() - killedAt;
  assert.ok(tookMs > 4_900 && tookMs < 12_000, `${tookMs} ms`);
});

async function startTwo(t: TestContext, options: Parameters<typeof workerSettings>[0] = {}, env = {}) {
  const { url: database } = await freshDatabase(t);
  const gateway = await startWorkerGateway(t, { ini: workerSettings({ database, rest: withAdmin, ...options }), env });
  const [one, two] = await Promise.all([gateway.client(1), gateway.client(2)]);
  return { gateway, one, two };
}

test('a worker that stands still is killed when a write waits for it', async t => {
  const { gateway, one } = await startTwo(t);
  const file = join(gateway.folder, 'setting.ini');
  writeFileSync(file, readFileSync(file, 'utf8').replace('type = loopback', 'type = loopback\nmax_concurrent = 3'));
  gateway.daemon.signal('SIGHUP');
  await gateway.daemon.said('The configuration is read again');
  const pid = gateway.pidOf(2);
  process.kill(pid, 'SIGSTOP');
  const scraped = performance.now();
  assert.match((await one.ask('GET', '/metrics')).text, /^tokligence_workers 2$/m);
  const scrapeMs = performance.now() - scraped;
  assert.ok(scrapeMs >= 490 && scrapeMs < 1_900, `a scrape took ${scrapeMs} ms`);
  const begun = performance.now();
  const path = '/admin/scheduler/pools/local';
  assert.equal((await admin(one, 'PUT', path, { max_queue_depth_pool: 78 })).status, 200);
  const writeMs = performance.now() - begun;
  assert.ok(writeMs >= 1_900 && writeMs < 6_000, `a write took ${writeMs} ms`);
  await until(() => gateway.pidOf(2) !== pid);
  const { body } = await admin(await gateway.client(2), 'GET', path);
  assert.equal(body.max_queue_depth_pool, 78);
  assert.equal(body.seats, 3, 'what was read again since the start');
  assert.match(gateway.daemon.output, /has not answered for 2 s: it is killed, and its requests are lost/);
  t.diagnostic(`a scrape beside a stopped worker: ${Math.round(scrapeMs)} ms, a write: ${Math.round(writeMs)} ms`);
});

test('workers are killed one after the other under twice the load: never more upstream than seats, and the others serve on', async t => {
  const seats = 4;
  const upstream = await startFakeUpstream(t, { afterMs: 5 });
  const rest = `[auth]\nadmin_key = ${adminKey}\n[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\nmax_concurrent = ${seats}\n`;
  const { gateway } = await startTwo(t, { rest });
  let isOver = false;
  const lost: number[] = [];
  const ask = async (worker: number, client: WorkerClient) => {
    const answer = await client.chat(adminKey).catch(() => null);
    if (answer === null) lost.push(worker);
    else assert.equal(answer.status, 200, answer.text);
    return answer !== null;
  };
  const load = async (worker: number) => {
    while (!isOver) {
      const client = await gateway.client(worker);
      while (!isOver && (await ask(worker, client)));
    }
  };
  const clients = [1, 1, 1, 1, 2, 2, 2, 2].map(load);
  for (const worker of [1, 2, 1]) {
    const [pid, seen, before] = [gateway.pidOf(worker), upstream.requests.length, lost.length];
    await until(() => upstream.requests.length > seen + 100);
    process.kill(pid, 'SIGKILL');
    await until(() => gateway.pidOf(worker) !== pid && upstream.requests.length > seen + 400);
    assert.ok(
      lost.slice(before).every(one => one === worker),
      'only what it carried is lost',
    );
  }
  isOver = true;
  await Promise.all(clients);
  assert.equal(upstream.maxConcurrent, seats);
  await until(() => upstream.active === 0);
  t.diagnostic(`${upstream.requests.length} requests, ${lost.length} lost with three killed workers`);
});

test('a connection that a killed worker had not taken yet is closed, and its client does not wait for ever', async t => {
  const { gateway } = await startTwo(t);
  process.kill(gateway.pidOf(2), 'SIGSTOP');
  const { hostname, port } = new URL(gateway.url);
  const head = 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
  let open = 0;
  const ended = Array.from({ length: 4 }, () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let text = '';
    open++;
    const socket = connect(Number(port), hostname, () => socket.write(head));
    socket.on('data', piece => {
      text += piece;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      open--;
      resolve(text);
    });
    return promise;
  });
  await until(() => open === 1);
  process.kill(gateway.pidOf(2), 'SIGKILL');
  const texts = await Promise.all(ended);
  assert.equal(texts.filter(text => text.startsWith('HTTP/1.1 200')).length, 3);
});

/** A part of the workers that breaks on SIGWINCH, or at once where a file says so. */
const breakable = `
const { existsSync, readFileSync } = require('node:fs');
if (process.argv.includes('--worker')) {
  const sign = process.env.BREAK_FILE;
  if (existsSync(sign) && readFileSync(sign, 'utf8').includes(process.argv.at(-1))) throw new Error('broken at its start');
  process.on('SIGWINCH', () => { throw new Error('broken while it served'); });
}`;

test('what a worker writes as it breaks is in the log, and one that breaks at each start does not spin', async t => {
  const folder = await settingFolder(t, '');
  const [part, sign] = [join(folder, 'part.cjs'), join(folder, 'sign')];
  writeFileSync(part, breakable);
  const options = `${process.env.NODE_OPTIONS ?? ''} --require ${part}`;
  const { gateway, one } = await startTwo(t, {}, { NODE_OPTIONS: options, BREAK_FILE: sign });
  writeFileSync(sign, '2');
  process.kill(gateway.pidOf(2), 'SIGWINCH');
  const ends = () => gateway.log().filter(({ msg }) => /^Worker 2 .* has ended with code \d+/.test(msg));
  await until(() => ends().length >= 4);
  const waits = ends().map(({ msg }) => /started again (.*)$/.exec(msg)?.[1]);
  assert.deepEqual(waits.slice(0, 4), ['now', 'in 0.5 s', 'in 1 s', 'in 2 s']);
  for (const text of ['broken while it served', 'broken at its start'])
    await until(() =>
      gateway.log().some(line => line.worker === 2 && line.level === 'warn' && line.msg.includes(text)),
    );
  assert.equal((await one.chat(adminKey)).status, 200, 'the other one serves');

  // While none lives the parent stays, and they come back on their port, although the system has chosen it.
  const [all, before] = [ends().length, gateway.pidOf(1)];
  writeFileSync(sign, '1 2');
  process.kill(gateway.pidOf(1), 'SIGWINCH');
  await until(() => ends().length >= all + 4);
  rmSync(sign);
  await until(() => gateway.pidOf(1) !== before);
  const again = await gateway.client(2);
  assert.equal((await again.ask('GET', '/admin/users', { key: adminKey })).status, 200);
  gateway.daemon.signal('SIGTERM');
  assert.equal(await gateway.daemon.exited, 0);
  assert.equal(groupLives(gateway.daemon.pid), false);
});

for (const format of ['json', 'pretty'])
  test(`lines of two workers are whole, none is lost but of one that is killed (${format})`, async t => {
    const { gateway, one, two } = await startTwo(t, {}, { TOKLIGENCE_LOG_FORMAT: format });
    const ask = (client: WorkerClient, from: number) =>
      Array.from({ length: 200 }, (_, at) => {
        const headers = { 'x-request-id': `id-${from + at}-${'x'.repeat(100)}` };
        return client.ask('GET', '/v1/models', { key: adminKey, headers });
      });
    await Promise.all([...ask(one, 0), ...ask(two, 1000)]);
    const idsIn = (text: string) => new Set([...text.matchAll(/id-(\d+)-x{100}/g)].map(([, id]) => Number(id)));
    await until(() => idsIn(gateway.daemon.output).size === 400);
    const pid = gateway.pidOf(2);
    const cut = ask(two, 2000).map(answer => answer.catch(() => null));
    process.kill(pid, 'SIGKILL');
    await Promise.all([...ask(one, 3000), ...cut]);
    await until(
      () => gateway.pidOf(2) !== pid && [...idsIn(gateway.daemon.output)].filter(id => id >= 3000).length === 200,
    );
    gateway.daemon.signal('SIGTERM');
    assert.equal(await gateway.daemon.exited, 0);
    const lines = gateway.daemon.output.trimEnd().split('\n');
    if (format === 'json') assert.equal(linesOf(gateway.daemon.output).length, lines.length);
    else for (const line of lines) assert.match(line, /^\[(INFO|WARN|ERROR)\] \S.* gateway=gw/);
  });

test('the file of the log has the lines of all, and is opened anew by the parent', async t => {
  const { url: database } = await freshDatabase(t);
  const rest = `file = "FOLDER/log"\n${withAdmin}`;
  const folder = await settingFolder(t, workerSettings({ database, rest }));
  const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')]);
  const log = join(folder, 'log');
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  await until(() => read(log).includes('"msg":"Ready"'));
  assert.equal(daemon.output, '');
  const url = /Listening on (http:[^\s"]+)/.exec(read(log))?.[1] ?? '';
  renameSync(log, `${log}.1`);
  daemon.signal('SIGUSR1');
  await until(() => read(log).includes('the file is opened anew'));
  const workers = () => new Set(linesOf(read(log)).map(({ worker }) => worker));
  await until(async () => {
    await fetch(`${url}/nothing`, { headers: { connection: 'close' } });
    return workers().has(1) && workers().has(2);
  });
  assert.ok(!read(`${log}.1`).includes('/nothing'));
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
  assert.equal(linesOf(read(log)).at(-1)?.msg, 'Stopped');
});

test('a database that is not there yet is waited for by workers that listen', async t => {
  const port = await freePort();
  const rest = `${withAdmin}`;
  const folder = await settingFolder(t, workerSettings({ database: `postgres://a:b@127.0.0.1:${port}/c`, rest }));
  const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')]);
  const url = /Listening on (http:[^\s"]+)/.exec(await daemon.said('Listening on'))?.[1] ?? '';
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  daemon.signal('SIGTERM');
  assert.equal(await daemon.exited, 0);
});

test('workers that may not use the row of their fleet start nothing until they may: alone, each would have all seats', async t => {
  const database = await freshDatabase(t);
  const { role, url } = await limitedRole(t, database);
  await database.query(`REVOKE ALL ON gateway_fleets FROM ${role}`);
  const gateway = await startWorkerGateway(t, { ini: workerSettings({ database: url, rest: withAdmin }) });
  const client = await gateway.client(1);
  const ready = await client.ask('GET', '/readyz');
  assert.equal(ready.status, 503, ready.text);
  assert.match(ready.text, /gateway_fleets/);
  await gateway.daemon.said('nothing is started, as');
  await database.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON gateway_fleets TO ${role}`);
  await until(async () => (await client.ask('GET', '/readyz')).status === 200);
  assert.equal((await client.chat(adminKey)).status, 200);
});

test('a port in use is told in one sentence, and the exit code is 1', async t => {
  const { url: database } = await freshDatabase(t);
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise(resolve => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  const rest = '[provider.local]\ntype = loopback\n';
  const folder = await settingFolder(t, workerSettings({ database, rest }).replace('port = 0', `port = ${port}`));
  const args = ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')];
  const daemon = startDaemon(t, process.execPath, args);
  assert.equal(await daemon.exited, 1);
  const said = daemon.output.split('\n').filter(line => line.startsWith('gatewayd:'));
  assert.deepEqual(said, [`gatewayd: listen EADDRINUSE: address already in use 127.0.0.1:${port}`]);
  assert.equal(groupLives(daemon.pid), false);
});
