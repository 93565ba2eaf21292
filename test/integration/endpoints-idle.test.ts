// Connections that an upstream closes as it thinks them idle, just as a request goes out on them: no client may see that.
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { answered } from '../support/replicas.ts';
import { requestsOf } from '../support/requests-of.ts';

interface Hasty {
  readonly url: string;
  /** Connections that were closed with a request on its way. */
  readonly closed: number;
}

type Close = (socket: Socket) => void;

/** Each connection serves one request. At the first byte of the next one it is closed. */
async function startHasty(t: TestContext, close: Close): Promise<Hasty> {
  const seen = { closed: 0 };
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    let text = '';
    let hasServed = false;
    socket.on('error', () => {});
    socket.on('data', chunk => {
      if (hasServed) {
        seen.closed++;
        close(socket);
        return;
      }
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
      if (head === -1 || text.length < head + 4 + length) return;
      hasServed = true;
      const body = JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'm', choices: [] });
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get closed() {
      return seen.closed;
    },
  };
}

const closings: Record<string, Close> = {
  'with a FIN': socket => socket.end(),
  'with a RST': socket => socket.resetAndDestroy(),
};

const ini = (urls: readonly string[]) => `
[provider.main]
type = openai
base_url = ${urls.map(url => `${url}/v1`).join(', ')}
max_concurrent = 8`;

const tries = 200;

async function askMany(gateway: TestGateway, clients: number): Promise<void> {
  let left = tries;
  const client = async () => {
    while (left-- > 0) {
      const answer = await answered(gateway.chat(adminKey));
      assert.deepEqual([answer.status, answer.attempts, answer.isWhole], [200, 1, true], answer.text);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

for (const [how, close] of Object.entries(closings)) {
  for (const count of [1, 2]) {
    test(`connections that close ${how} under a request are replaced unseen, with ${count} endpoints`, async t => {
      const upstreams = await Promise.all(Array.from({ length: count }, () => startHasty(t, close)));
      const gateway = await startGateway(t, { ini: ini(upstreams.map(({ url }) => url)) });
      await askMany(gateway, 8);
      const closed = upstreams.reduce((sum, upstream) => sum + upstream.closed, 0);
      assert.ok(closed >= tries / 3, `${closed} closed in time`);
      const ended = await requestsOf(gateway, tries);
      assert.deepEqual([ended.length, ended.filter(({ outcome }) => outcome === 'served').length], [tries, tries]);
      // Nothing that an operator would have to look at.
      assert.equal((await gateway.pool()).seats, 8 * count);
      assert.equal((await gateway.pool()).in_use, 0);
    });
  }
}

test('a connection that closes in the middle of an answer is not replaced, nor one that is new', async t => {
  let connections = 0;
  const server = createServer(socket => {
    connections++;
    let hasServed = false;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (hasServed) socket.end('HTTP/1.1 200 OK\r\ncontent-le');
      else socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}');
      hasServed = true;
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gateway = await startGateway(t, { ini: ini([url]) });
  assert.equal((await answered(gateway.chat(adminKey))).status, 200);
  assert.equal((await answered(gateway.chat(adminKey))).status, 502);
  assert.equal(connections, 1);
});
