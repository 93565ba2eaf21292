// Upstreams that answer early, twice, or never make a connection.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { assertTold, endedRequests, providerIni, twoTargets, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

async function listen(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => {}));
    onSocket(socket);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A port whose queue of connections is full, and which accepts none. */
async function startBlackHole(t: TestContext): Promise<number> {
  const code = `const { createServer } = require('node:net');
    const { parentPort } = require('node:worker_threads');
    const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`;
  const worker = new Worker(code, { eval: true });
  t.after(() => worker.terminate());
  const [port] = await once(worker, 'message');
  const sockets = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  return port;
}

test('a target that agrees on no secure connection is left for the next one', async t => {
  const ways: Record<string, (socket: Socket) => void> = {
    'closes at once': socket => void socket.end(),
    'closes after the greeting': socket => void socket.once('data', () => socket.destroy()),
    'speaks no TLS': socket => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
  };
  const second = await startFakeUpstream(t);
  for (const [way, onSocket] of Object.entries(ways)) {
    const port = await listen(t, onSocket);
    const gateway = await startGateway(t, {
      ini: twoTargets({ url: `https://127.0.0.1:${port}/v1` }, { url: v1(second) }),
    });
    const answer = await gateway.chat(adminKey);
    assert.equal(answer.status, 200, way);
    assertTold(answer, 'second', 2);
  }
});

test('a target that takes no connection is left for the next one after connect_timeout_sec', async t => {
  const port = await startBlackHole(t);
  const second = await startFakeUpstream(t);
  const gateway = await startGateway(t, {
    ini: twoTargets({ url: `http://127.0.0.1:${port}/v1`, more: 'connect_timeout_sec = 1' }, { url: v1(second) }),
  });
  const answer = await gateway.chat(adminKey);
  assertTold(answer, 'second', 2);
  await answer.text();
  await until(() => endedRequests(gateway).length === 1);
  const [{ failure, ms }] = endedRequests(gateway)[0].attempts;
  t.diagnostic(`given up after ${Math.round(ms)} ms`);
  assert.equal(failure, 'connect');
  assert.ok(ms >= 990, `${ms} ms`);
});

test('an upstream that refuses a large body before it has come whole is heard', async t => {
  let sent = 0;
  const port = await listen(t, socket => {
    socket.once('data', () => {
      sent++;
      socket.pause();
      socket.end('HTTP/1.1 413 Content Too Large\r\ncontent-length: 9\r\nconnection: close\r\n\r\ntoo large');
    });
  });
  const ini = providerIni('main', { url: `http://127.0.0.1:${port}/v1` }).replace('main-only', 'm');
  const gateway = await startGateway(t, { ini });
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(8 * 1024 * 1024) }] }),
  });
  assert.equal(answer.status, 413);
  assert.equal(await answer.text(), 'too large');
  assert.equal(sent, 1);
  await until(async () => (await gateway.pool('main')).in_use === 0);
});

test('a second answer that nobody asked for reaches nobody', async t => {
  let served = 0;
  const answerOf = (text: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
  const port = await listen(t, socket =>
    socket.on('data', bytes => {
      if (!bytes.includes('POST ')) return;
      served++;
      socket.write(answerOf(`{"n":${served}}`) + answerOf('{"n":"unasked"}'));
    }),
  );
  const ini = providerIni('main', { url: `http://127.0.0.1:${port}/v1`, seats: 1 }).replace('main-only', 'm');
  const gateway = await startGateway(t, { ini });
  for (let nth = 1; nth <= 5; nth++) assert.equal(await (await gateway.chat(adminKey)).text(), `{"n":${nth}}`);
});
