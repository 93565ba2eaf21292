// Calls that fail before their client was told anything: where they are made again, how often, and what is told of it.
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, type Reply, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { assertTold, deadUrl, endedRequests, modelsSent, twoTargets, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const failing = (status: number, headers: Record<string, string> = {}): Reply => ({
  status,
  headers,
  body: { status },
});

/** The first target fails as the script says, the second serves. */
async function failFirst(t: TestContext, script: Reply, more = '') {
  const first = await startFakeUpstream(t, script);
  const second = await startFakeUpstream(t);
  const gateway = await startGateway(t, { ini: twoTargets({ url: v1(first), more }, { url: v1(second) }) });
  return { first, second, gateway };
}

test('a dead first target costs one connect, and the second answers under its own name of the model', async t => {
  const second = await startFakeUpstream(t);
  const gateway = await startGateway(t, { ini: twoTargets({ url: await deadUrl() }, { url: v1(second) }) });
  const answer = await gateway.chat(adminKey);
  assert.equal(answer.status, 200);
  assertTold(answer, 'second', 2);
  await answer.text();
  assert.deepEqual(modelsSent(second), ['m-elsewhere']);
  await until(() => endedRequests(gateway).length === 1);
  const [{ attempts, provider, model, outcome, pool }] = endedRequests(gateway);
  assert.deepEqual(
    { provider, pool, model, outcome },
    { provider: 'second', pool: 'second', model: 'm', outcome: 'served' },
  );
  assert.deepEqual(
    attempts.map(({ provider, failure }: any) => [provider, failure]),
    [
      ['first', 'connect'],
      ['second', null],
    ],
  );
  for (const name of ['first', 'second']) {
    const { in_use, levels } = await gateway.pool(name);
    assert.equal(in_use, 0);
    assert.equal(
      levels.reduce((sum: number, { running }: any) => sum + running, 0),
      0,
    );
  }
});

test('an upstream without room is left for the next target, whatever its Retry-After says', async t => {
  const inAMinute = new Date(Date.now() + 60_000).toUTCString();
  for (const status of [429, 503, 529]) {
    for (const after of [undefined, '3', '0.5', inAMinute, '1e99', '-1', 'soon', '99999999999999999999']) {
      const { first, second, gateway } = await failFirst(
        t,
        failing(status, after === undefined ? {} : { 'retry-after': after }),
      );
      const answer = await gateway.chat(adminKey);
      assert.equal(answer.status, 200, `${status} ${after}`);
      assertTold(answer, 'second', 2);
      assert.deepEqual([first.requests.length, second.requests.length], [1, 1]);
      await gateway.app.stop();
    }
  }
});

test('what may have been done is not done again, unless the provider allows it', async t => {
  const scripts: [string, Reply][] = [
    ['502', failing(502)],
    ['504', failing(504)],
    ['reset', { fault: 'reset' }],
  ];
  for (const [failure, script] of scripts) {
    const cautious = await failFirst(t, script);
    const told = await cautious.gateway.chat(adminKey);
    assert.equal(told.status, failure === '504' ? 504 : 502, failure);
    assertTold(told, 'first', 1);
    assert.equal(cautious.second.requests.length, 0);
    const bold = await failFirst(t, script, 'retry_unsafe = true');
    const answer = await bold.gateway.chat(adminKey);
    assert.equal(answer.status, 200, failure);
    assertTold(answer, 'second', 2);
    await until(() => endedRequests(bold.gateway).length === 1);
    assert.equal(endedRequests(bold.gateway)[0].attempts[0].failure, failure);
  }
});

test('a request that leaves traces upstream is not sent twice, but where nothing was sent', async t => {
  for (const trace of ['store', 'background']) {
    const { gateway, second } = await failFirst(t, { fault: 'reset' }, 'retry_unsafe = true');
    const send = (body: object) =>
      fetch(`${gateway.url}/v1/responses`, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', input: 'hello', ...body }),
      });
    assert.equal((await send({ [trace]: true })).status, 502);
    assert.equal(second.requests.length, 0);
    assert.equal((await send({ [trace]: false })).status, 200);
    const dead = await startGateway(t, { ini: twoTargets({ url: await deadUrl() }, { url: v1(second) }) });
    const answer = await fetch(`${dead.url}/v1/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', input: 'hello', [trace]: true }),
    });
    assert.equal(answer.status, 200);
  }
});

test('an answer of 500, or one of a client’s fault, goes to the client as it is', async t => {
  for (const status of [400, 401, 404, 422, 500]) {
    const { gateway, second } = await failFirst(t, failing(status), 'retry_unsafe = true');
    const answer = await gateway.chat(adminKey);
    assert.equal(answer.status, status);
    assertTold(answer, 'first', 1);
    assert.equal(second.requests.length, 0);
  }
});

test('an answer that does not begin in time is made elsewhere', async t => {
  const { gateway } = await failFirst(t, { fault: 'silence' }, 'retry_unsafe = true\nfirst_byte_timeout_sec = 1');
  const answer = await gateway.chat(adminKey);
  assert.equal(answer.status, 200);
  assertTold(answer, 'second', 2);
});

test('a stream that has begun ends with an error event, and is not made again', async t => {
  const { gateway, second } = await failFirst(t, { chunks: 3, fault: 'break' }, 'retry_unsafe = true');
  const answer = await gateway.chat(adminKey, { stream: true });
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /"error":\{/);
  assert.equal(second.requests.length, 0);
});

test('while the first target has closed the model, requests go to the next one at once', async t => {
  const { first, second, gateway } = await failFirst(t, failing(429, { 'retry-after': '60' }));
  for (let nth = 0; nth < 4; nth++) {
    const answer = await gateway.chat(adminKey);
    assert.equal(answer.status, 200);
    assertTold(answer, 'second', nth === 0 ? 2 : 1);
    assert.equal(answer.headers.get('x-tokligence-wait-time-ms'), null);
  }
  assert.deepEqual([first.requests.length, second.requests.length], [1, 4]);
});

test('where all targets fail the client is told what the last one said', async t => {
  const first = await startFakeUpstream(t, failing(503));
  const second = await startFakeUpstream(t, failing(429, { 'x-of': 'second' }));
  const gateway = await startGateway(t, { ini: twoTargets({ url: v1(first) }, { url: v1(second) }) });
  const answer = await gateway.chat(adminKey);
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get('x-of'), 'second');
  assertTold(answer, 'second', 2);
  assert.deepEqual([first.requests.length, second.requests.length], [1, 1]);
});

test('a client that leaves between two attempts costs no second one', async t => {
  const { first, second, gateway } = await failFirst(t, { ...failing(503), hold: true });
  const leaving = new AbortController();
  const answer = gateway.chat(adminKey, { signal: leaving.signal });
  await first.waitForActive(1);
  leaving.abort();
  await assert.rejects(answer);
  first.release();
  await until(() => endedRequests(gateway).length === 1);
  assert.equal(endedRequests(gateway)[0].outcome, 'client_left');
  assert.equal(second.requests.length, 0);
  assert.equal((await gateway.pool('first')).in_use, 0);
});

test('no retry is made past the longest wait that the client names', async t => {
  const { second, gateway } = await failFirst(t, failing(503));
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${adminKey}`,
      'content-type': 'application/json',
      'x-tokligence-max-wait-ms': '0',
    },
    body: JSON.stringify({ model: 'm', messages: [] }),
  });
  assert.equal(answer.status, 503);
  assertTold(answer, 'first', 1);
  assert.equal(second.requests.length, 0);
});

test('30 % of answers are 503 at twice the load that there is room for: at most a fifth is sent again', async t => {
  let asked = 0;
  const first = await startFakeUpstream(t, () => (++asked % 10 < 3 ? failing(503) : { afterMs: 2 }));
  const second = await startFakeUpstream(t);
  const gateway = await startGateway(t, {
    ini: twoTargets({ url: v1(first), seats: 10 }, { url: v1(second), seats: 10 }),
  });
  const key = adminKey;
  const statuses: number[] = [];
  const client = async (count: number) => {
    for (let nth = 0; nth < count; nth++) {
      const answer = await gateway.chat(key);
      await answer.text();
      statuses.push(answer.status);
    }
  };
  await Promise.all(Array.from({ length: 20 }, () => client(25)));
  const sent = first.requests.length + second.requests.length;
  assert.equal(first.requests.length, 500);
  t.diagnostic(`${second.requests.length} of 500 requests were sent again`);
  assert.ok(second.requests.length <= 100, `${sent} calls for 500 requests`);
  assert.ok(second.requests.length >= 50, 'the budget is used');
  assert.equal(statuses.filter(status => status === 200).length, 350 + second.requests.length);
});

/** Answers the first request of each connection; closes the connection as the second one comes. */
async function startStale(t: TestContext) {
  const sockets = new Set<Socket>();
  const seen: string[] = [];
  const body = JSON.stringify({
    choices: [{ message: { content: 'hi' } }],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  });
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const server = createServer(socket => {
    sockets.add(socket);
    let requests = 0;
    socket.on('error', () => {});
    socket.on('data', bytes => {
      if (!bytes.includes('POST ')) return;
      seen.push(++requests === 1 ? 'served' : 'closed');
      if (requests === 1) socket.write(head + body);
      else socket.resetAndDestroy();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { url: `http://127.0.0.1:${address.port}/v1`, seen };
}

test('no client sees that an idle connection is closed just as its request goes out', async t => {
  const stale = await startStale(t);
  const gateway = await startGateway(t, {
    ini: `
[provider.main]
type = openai
base_url = ${stale.url}
max_concurrent = 1`,
  });
  for (let nth = 0; nth < 5; nth++) {
    const answer = await gateway.chat(adminKey);
    assert.equal(answer.status, 200);
    assertTold(answer, 'main', 1);
    await answer.text();
  }
  assert.deepEqual(stale.seen, ['served', ...Array.from({ length: 4 }, () => ['closed', 'served']).flat()]);
});

test('every request has one outcome and is charged once, whatever fails', async t => {
  const faults: Reply[] = [
    failing(503),
    failing(429, { 'retry-after': '0' }),
    failing(502),
    { fault: 'reset' },
    {},
    { chunks: 2, fault: 'break' },
  ];
  let nth = 0;
  const script = () => faults[nth++ % faults.length] ?? {};
  const first = await startFakeUpstream(t, script);
  const second = await startFakeUpstream(t, script);
  const more = 'retry_unsafe = true';
  const gateway = await startGateway(t, {
    ini: twoTargets({ url: v1(first), seats: 3, more }, { url: v1(second), seats: 2, more }),
  });
  const answers = await Promise.all(
    Array.from({ length: 120 }, async (_, index) => {
      try {
        const answer = await gateway.chat(adminKey, { priority: (index % 10) as 0, requestId: `r${index}` });
        await answer.text();
      } catch {
        // An answer that broke off after its begin.
      }
    }),
  );
  await until(() => endedRequests(gateway).length === answers.length);
  const ids = endedRequests(gateway).map(({ request_id }) => request_id);
  assert.equal(new Set(ids).size, 120);
  const calls = endedRequests(gateway).reduce((sum, { attempts = [0] }) => sum + attempts.length, 0);
  const seen = [...first.requests, ...second.requests];
  // A connection that had served before and breaks is replaced within one attempt.
  const replaced = seen.length - calls;
  assert.ok(replaced >= 0 && replaced <= seen.filter(({ ended }) => ended === 'cut').length, `${replaced}`);
  for (const [name, upstream, seats] of [
    ['first', first, 3],
    ['second', second, 2],
  ] as [string, FakeUpstream, number][]) {
    const pool = await gateway.pool(name);
    assert.equal(pool.in_use, 0);
    for (const { waiting, running } of pool.levels) assert.deepEqual([waiting, running], [0, 0]);
    assert.ok(upstream.maxConcurrent <= seats);
  }
});

test('what waits for a target that goes down goes on to the next one', async t => {
  const first = await startFakeUpstream(t, { hold: true });
  const other = await startFakeUpstream(t, { hold: true });
  const second = await startFakeUpstream(t);
  const ini = twoTargets({ url: `${v1(first)}, ${v1(other)}`, seats: 1 }, { url: v1(second) });
  const gateway = await startGateway(t, { ini });
  const running = [gateway.chat(adminKey), gateway.chat(adminKey)];
  await first.waitForActive(1);
  await other.waitForActive(1);
  const waiting = [gateway.chat(adminKey), gateway.chat(adminKey)];
  await until(async () => {
    const { levels } = await gateway.pool('first');
    return levels.reduce((sum: number, { waiting }: any) => sum + waiting, 0) === 2;
  });
  for (const { url } of [first, other]) {
    const { status } = await gateway.admin('POST', `/admin/providers/first/endpoints/${encodeURIComponent(url)}/drain`);
    assert.equal(status, 200);
  }
  for (const answer of await Promise.all(waiting)) assertTold(answer, 'second', 1);
  first.open();
  other.open();
  for (const answer of await Promise.all(running)) assertTold(answer, 'first', 1);
});

test('while all targets are down a request that may not wait for the next probe is refused at once', async t => {
  const dead = `${await deadUrl()}, ${await deadUrl()}`;
  const gateway = await startGateway(t, {
    ini: twoTargets({ url: dead }, { url: dead.replaceAll('127.0.0.1', 'localhost') }),
  });
  const ask = (maxWaitMs: number) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${adminKey}`,
        'content-type': 'application/json',
        'x-tokligence-max-wait-ms': String(maxWaitMs),
      },
      body: JSON.stringify({ model: 'm', messages: [] }),
    });
  let answer = await ask(50);
  await until(async () => {
    answer = await ask(50);
    return answer.status === 503;
  });
  assert.match(String(answer.headers.get('retry-after')), /^[1-5]$/);
  assert.equal(answer.headers.get('x-tokligence-attempts'), null, 'no upstream was asked');
  assert.match(await answer.text(), /No endpoint of the upstream can be reached/);
});

test('a gateway that stops makes no call again, and every client gets an answer', async t => {
  const { first, second, gateway } = await failFirst(t, { ...failing(503), hold: true });
  const answers = [gateway.chat(adminKey), gateway.chat(adminKey)];
  await first.waitForActive(2);
  const stopped = gateway.app.stop();
  first.open();
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.status, 503);
    assertTold(answer, 'first', 1);
  }
  await stopped;
  assert.equal(second.requests.length, 0);
});
