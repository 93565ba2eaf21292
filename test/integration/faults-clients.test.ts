// Faults of clients, through the whole gateway and over real sockets.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { assertAllSeats, assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { sendRaw } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const deepQueue = '[scheduler]\nmax_queue_depth = 20000\nqueue_timeout_sec = 300';

test('five hundred queued requests that leave in one tick leave nothing behind', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 4, sections: deepQueue }) });
  const held = Array.from({ length: 4 }, () => gateway.chat(adminKey));
  await upstream.waitForActive(4);
  const sockets = await Promise.all(Array.from({ length: 500 }, () => sendRaw(gateway.url)));
  await until(async () => (await waitingIn(gateway)) === 500);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await waitingIn(gateway)) === 0);
  assert.equal((await gateway.pool()).levels[7].cancelled, 500);
  upstream.open();
  for (const answer of held) assert.equal((await answer).status, 200);
  assert.equal(upstream.requests.length, 4, 'none of them was ever sent upstream');
  await assertQuiet(gateway, upstream, 4);
  await assertAllSeats(gateway, upstream, 4, adminKey);
});

const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));

/** Resolves to the answers on this connection, as soon as there are `count`. */
async function answersOn(socket: Socket, count: number): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  await until(() => statusesIn(text).length >= count);
  return text;
}

test('requests that were sent ahead hold no seat before the ones before them are answered', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 10 }) });
  const socket = await sendRaw(gateway.url, 10);
  const answers = answersOn(socket, 10);
  await upstream.waitForActive(1);
  // Other requests find the seats that it does not hold, and the queue empty.
  const others = Array.from({ length: 9 }, () => gateway.chat(adminKey));
  await upstream.waitForActive(10);
  assert.equal(await waitingIn(gateway), 0);
  upstream.open();
  for (const other of others) assert.equal((await other).status, 200);
  assert.deepEqual(statusesIn(await answers), Array(10).fill(200));
  assert.equal(upstream.requests.length, 19);
  await assertQuiet(gateway, upstream, 10);
  socket.destroy();
});

test('a client that sends ahead and leaves has left with all its requests', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 2 }) });
  const socket = await sendRaw(gateway.url, 5);
  await upstream.waitForActive(1);
  socket.destroy();
  await assertQuiet(gateway, upstream, 1);
  await until(() => gateway.log.filter(line => line.includes('"outcome":"client_left"')).length === 5);
  assert.equal(upstream.requests.length, 1);
});

test('so many requests may be sent ahead on one connection; those beyond are told to come back', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 10 }) });
  const socket = await sendRaw(gateway.url, 30);
  const answers = answersOn(socket, 30);
  const refusals = () => gateway.log.filter(line => line.includes('"outcome":"unavailable"')).length;
  await until(() => refusals() === 13);
  upstream.open();
  const text = await answers;
  assert.deepEqual(statusesIn(text), [...Array(17).fill(200), ...Array(13).fill(503)]);
  assert.match(text, /503 .*retry-after: 1\r\n.*More than 16 requests were sent ahead/is);
  await assertQuiet(gateway, upstream, 1);
  socket.destroy();
});

test('bodies that were sent ahead count among those that come in', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, {
    ini: poolIni(upstream, { seats: 10, sections: '[scheduler]\nmax_queued_mb = 1' }),
    env: { TOKLIGENCE_GATEWAY_MAX_BODY_MB: '1' },
  });
  const padding = 'x'.repeat(2 ** 20 - 1_000);
  const socket = await sendRaw(gateway.url, 4, {}, JSON.stringify({ model: 'm', messages: [], padding }));
  const answers = answersOn(socket, 4);
  const refused = () => gateway.log.filter(line => line.includes('"outcome":"tenant_limit"')).length;
  await until(() => refused() === 2);
  upstream.open();
  assert.deepEqual(statusesIn(await answers), [200, 200, 429, 429]);
  await assertQuiet(gateway, upstream, 1);
  socket.destroy();
});

/** Each of these ends in another way; `left` resolves when its client has finished. */
const fates = ['stays', 'queued', 'waiting', 'streaming', 'finished', 'slow'] as const;

test('clients that leave at every moment of their requests, all mixed, leave no seat taken', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 3, gated: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 4 }) });
  const seats = 4;
  const leave = async (fate: (typeof fates)[number]) => {
    const leaving = new AbortController();
    const sent = gateway.chat(adminKey, { stream: true, signal: leaving.signal });
    if (fate === 'queued') leaving.abort();
    const response = await sent.catch(() => null);
    if (response?.body == null) return;
    assert.equal(response.status, 200);
    const reader = response.body.getReader();
    if (fate === 'waiting') leaving.abort();
    for (
      let read = await reader.read().catch(() => null);
      read && !read.done;
      read = await reader.read().catch(() => null)
    ) {
      if (fate === 'streaming') leaving.abort();
      if (fate === 'slow') await new Promise(resolve => setImmediate(resolve));
    }
    if (fate === 'finished') leaving.abort();
  };
  const clients = Array.from({ length: 120 }, (_, index) => leave(fates[index % fates.length] ?? 'stays'));
  upstream.open();
  await Promise.all(clients);
  await assertQuiet(gateway, upstream, seats);
  await assertAllSeats(gateway, upstream, seats, adminKey);
});

test('a slow reader keeps its own seat and nobody else', async t => {
  const upstream = await startFakeUpstream(t, { body: Buffer.alloc(24 * 1024 * 1024, 'x') });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 2 }) });
  const slow = await sendRaw(gateway.url);
  await upstream.waitForRequests(1);
  upstream.reply({});
  for (let count = 0; count < 20; count++) assert.equal((await gateway.chat(adminKey)).status, 200);
  assert.equal((await gateway.pool()).in_use, 1);
  let bytes = 0;
  slow.on('data', piece => (bytes += piece.length));
  await until(() => bytes > 24 * 1024 * 1024);
  slow.destroy();
  await assertQuiet(gateway, upstream, 2);
});
