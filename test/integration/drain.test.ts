// The end of a busy daemon: waiting and running requests, late clients, and the exit code.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminKey } from '../support/admin-key.ts';
import { type Daemon, settingFolder, startDaemon } from '../support/daemon.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { poolIni } from '../support/pool-of-one.ts';
import { sendRaw } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

interface Spans {
  readonly graceSec: number;
  readonly queueDrainSec: number;
}

async function startBusy(t: TestContext, upstream: FakeUpstream, { graceSec, queueDrainSec }: Spans) {
  const folder = await settingFolder(
    t,
    `[gateway]
edition = personal
port = 0
data_dir = "FOLDER/data"
shutdown_grace_sec = ${graceSec}
[auth]
admin_key = ${adminKey}
[log]
format = pretty
${poolIni(upstream, { seats: 1, sections: `[pool.main]\nqueue_drain_sec = ${queueDrainSec}` })}`,
  );
  const daemon = startDaemon(t, process.execPath, ['src/gatewayd.ts', '--config', join(folder, 'setting.ini')]);
  const url = await daemon.ready();
  const chat = (stream = false) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}` },
      body: JSON.stringify({ model: 'm', stream, messages: [] }),
    });
  const untilWaiting = (count: number) => until(async () => (await waitingAt(url)) === count);
  return { daemon, url, chat, untilWaiting };
}

async function waitingAt(url: string): Promise<number> {
  const stats = await fetch(`${url}/admin/scheduler/stats`, { headers: { authorization: `Bearer ${adminKey}` } });
  return ((await stats.json()) as any).pools[0].levels[7].waiting;
}

async function terminate(daemon: Daemon, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  daemon.signal(signal);
  await daemon.said('Stopping');
}

test('on SIGTERM waiting requests are served, and later ones are refused', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const { daemon, url, chat, untilWaiting } = await startBusy(t, upstream, { graceSec: 20, queueDrainSec: 20 });
  const connection = await sendRaw(url);
  let received = '';
  connection.setEncoding('latin1').on('data', text => (received += text));
  await upstream.waitForRequests(1);
  const queued = [chat(), chat()];
  await untilWaiting(2);
  await terminate(daemon);
  connection.write('POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n');
  connection.write(`authorization: Bearer ${adminKey}\r\ncontent-length: 13\r\n\r\n{"model":"m"}`);
  await assert.rejects(fetch(`${url}/healthz`), 'no new connection is taken');
  upstream.release(1);
  await until(() => received.includes('"code":"unavailable"'));
  assert.match(received, /^HTTP\/1\.1 200 OK/);
  const late = received.slice(received.indexOf('HTTP/1.1 503'));
  assert.match(late, /\r\nretry-after: 1\r\n/i);
  assert.match(late, /\r\nconnection: close\r\n/i);
  upstream.open();
  for (const answer of queued) assert.equal((await answer).status, 200);
  assert.equal(await daemon.exited, 0);
  assert.equal(upstream.requests.length, 3);
  assert.equal(upstream.maxConcurrent, 1);
});

test('a request that still waits when the time for the queue is over is told to come back; a stream runs to its end', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 2, gated: true });
  const { daemon, chat, untilWaiting } = await startBusy(t, upstream, { graceSec: 20, queueDrainSec: 1 });
  const streaming = await chat(true);
  const queued = [chat(), chat()];
  await untilWaiting(2);
  await terminate(daemon);
  for (const answer of queued) {
    const refused = await answer;
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal(((await refused.json()) as any).error.code, 'unavailable');
  }
  upstream.open();
  assert.match(await streaming.text(), /\[DONE\]\n\n$/);
  assert.equal(await daemon.exited, 0);
  assert.equal(upstream.requests.length, 1);
});

test('after SIGQUIT no grace period ends what runs', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 2, gated: true });
  const { daemon, url, chat } = await startBusy(t, upstream, { graceSec: 0, queueDrainSec: 0 });
  const streaming = await chat(true);
  await terminate(daemon, 'SIGQUIT');
  await assert.rejects(fetch(`${url}/healthz`), 'no new connection is taken');
  upstream.open();
  assert.match(await streaming.text(), /\[DONE\]\n\n$/);
  assert.equal(await daemon.exited, 0);
});

test('a second signal more than a second later ends at once what waits and what runs', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 1, fault: 'stall' });
  const { daemon, chat, untilWaiting } = await startBusy(t, upstream, { graceSec: 60, queueDrainSec: 60 });
  const streaming = await chat(true);
  const queued = chat();
  await untilWaiting(1);
  await terminate(daemon);
  const start = performance.now();
  await until(() => performance.now() - start > 1_100);
  daemon.signal('SIGTERM');
  assert.equal((await queued).status, 503);
  assert.match(await streaming.text(), /data: \{"error":\{.*"code":"unavailable"/);
  assert.equal(await daemon.exited, 0);
  await upstream.waitForActive(0);
});
