// Connections that had served before and break: what may be sent a second time, and what must not.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { endedRequests, providerIni } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const body = '{"choices":[{"message":{"content":"Hello."}}],"usage":{"prompt_tokens":11,"completion_tokens":3}}';
const whole = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

/** Answers the first request of each connection, and keeps the sockets of all later ones open and silent. */
async function startForgetful(t: TestContext, overrides: Parameters<typeof startGateway>[1]['overrides'] = {}) {
  const served = new WeakSet<Socket>();
  const silent: Socket[] = [];
  const upstream = await startRawUpstream(t, socket => {
    if (served.has(socket)) {
      silent.push(socket);
      return;
    }
    served.add(socket);
    socket.write(whole);
  });
  const ini = providerIni('main', { url: `${upstream.url}/v1`, seats: 1, more: 'models = *' }).replace(
    'models = main-only\n',
    '',
  );
  const gateway = await startGateway(t, { ini, overrides });
  return { upstream, silent, gateway };
}

const respond = ({ url }: TestGateway, more: object) =>
  fetch(`${url}/v1/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', input: 'hello', ...more }),
  });

test('a connection that breaks after the upstream may have worked on the request is not replaced', async t => {
  const clock = new ManualClock();
  const { upstream, silent, gateway } = await startForgetful(t, { clock });
  assert.equal((await gateway.chat(adminKey)).status, 200);
  const told = gateway.chat(adminKey);
  await until(() => silent.length === 1);
  clock.advance(1_000);
  silent[0]?.resetAndDestroy();
  assert.equal((await told).status, 502);
  assert.equal(upstream.requests.length, 2);
  await until(() => endedRequests(gateway).length === 2);
});

test('a connection that breaks at once is replaced', async t => {
  const clock = new ManualClock();
  const { upstream, silent, gateway } = await startForgetful(t, { clock });
  assert.equal((await gateway.chat(adminKey)).status, 200);
  const answer = gateway.chat(adminKey);
  await until(() => silent.length === 1);
  clock.advance(999);
  silent[0]?.resetAndDestroy();
  assert.equal((await answer).status, 200);
  assert.equal(upstream.requests.length, 3);
});

test('a request that leaves traces upstream goes over a new connection, and so is never sent twice', async t => {
  const { upstream, silent, gateway } = await startForgetful(t);
  for (const trace of ['store', 'background']) {
    for (let nth = 0; nth < 3; nth++) {
      const answer = await respond(gateway, { [trace]: true });
      assert.equal(answer.status, 200);
      await answer.text();
    }
  }
  assert.deepEqual([upstream.requests.length, upstream.connections, silent.length], [6, 6, 0]);
});
