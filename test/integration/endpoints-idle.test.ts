// Connections that an upstream closes as it thinks them idle, just as a request goes out on them: no client may see that.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { answered } from '../support/replicas.ts';
import { requestsOf } from '../support/requests-of.ts';

const whole = JSON.stringify({ id: 'x', object: 'chat.completion', created: 1, model: 'm', choices: [] });
const friendly = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${whole.length}\r\n\r\n${whole}`;

type Close = (socket: Socket) => void;

/** Each connection serves one request; the next one closes it. */
const serveOnce = (t: TestContext, close: Close): Promise<RawUpstream> => {
  const served = new WeakSet<Socket>();
  return startRawUpstream(t, socket => {
    if (served.has(socket)) close(socket);
    else socket.write(friendly);
    served.add(socket);
  });
};

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
      const upstreams = await Promise.all(Array.from({ length: count }, () => serveOnce(t, close)));
      const gateway = await startGateway(t, { ini: ini(upstreams.map(({ url }) => url)) });
      await askMany(gateway, 8);
      const sent = upstreams.reduce((sum, { requests }) => sum + requests.length, 0);
      assert.ok(sent >= tries * 1.3, `${sent - tries} met a connection that closed`);
      const ended = await requestsOf(gateway, tries);
      assert.deepEqual([ended.length, ended.filter(({ outcome }) => outcome === 'served').length], [tries, tries]);
      // Nothing that an operator would have to look at.
      assert.equal((await gateway.pool()).seats, 8 * count);
      assert.equal((await gateway.pool()).in_use, 0);
    });
  }
}

test('a connection that closes in the middle of an answer is not replaced', async t => {
  const half = 'HTTP/1.1 200 OK\r\ncontent-le';
  const upstream = await serveOnce(t, socket => socket.end(half));
  const gateway = await startGateway(t, { ini: ini([upstream.url]) });
  assert.equal((await answered(gateway.chat(adminKey))).status, 200);
  assert.equal((await answered(gateway.chat(adminKey))).status, 502);
  assert.deepEqual([upstream.requests.length, upstream.connections], [2, 1]);
});
