// What clients do wrong, through the whole gateway and over real sockets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { assertAllSeats, assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { sendRaw } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const deepQueue = '[scheduler]\nmax_queue_depth = 20000\nqueue_timeout_sec = 300';

test('ten thousand queued requests that leave in one tick leave nothing behind', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 4, sections: deepQueue }) });
  const held = Array.from({ length: 4 }, () => gateway.chat(adminKey));
  await upstream.waitForActive(4);
  // A hundred connections, each of which sends a hundred requests without waiting for an answer.
  const sockets = await Promise.all(Array.from({ length: 100 }, () => sendRaw(gateway.url, 100)));
  await until(async () => (await waitingIn(gateway)) === 10_000);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await waitingIn(gateway)) === 0);
  assert.equal((await gateway.pool()).levels[7].cancelled, 10_000);
  upstream.open();
  for (const answer of held) assert.equal((await answer).status, 200);
  assert.equal(upstream.requests.length, 4, 'none of them was ever sent upstream');
  await assertQuiet(gateway, upstream, 4);
  await assertAllSeats(gateway, upstream, 4, adminKey);
});

test('a client that sends ahead and leaves has left with all its requests', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 2 }) });
  const socket = await sendRaw(gateway.url, 5);
  await upstream.waitForActive(2);
  await until(async () => (await waitingIn(gateway)) === 3);
  socket.destroy();
  await assertQuiet(gateway, upstream, 2);
  assert.equal(upstream.requests.length, 2);
  await until(() => gateway.log.filter(line => line.includes('"outcome":"client_left"')).length === 5);
});

/** Each of these ends in another way; `left` resolves when its client is done with it. */
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
