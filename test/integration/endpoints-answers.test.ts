// What an endpoint answers, or fails to, before a client was told anything, and where the request goes then.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Reply, SeenRequest } from '../support/fake-upstream.ts';
import { adminKey } from '../support/gateway.ts';
import { answered, type Replicas, startReplicas } from '../support/replicas.ts';

interface Pair extends Replicas {
  /** Resolves to what a client gets where the endpoint that is asked first gives this answer, and the other a friendly one. */
  tell(first: Reply, more?: object): Promise<readonly [status: number, attempts: number]>;
  /** All that was sent upstream since the last `tell` began. */
  sent(): readonly SeenRequest[];
}

async function startPair(t: TestContext, provider = ''): Promise<Pair> {
  let next: Reply | null = null;
  let sent: SeenRequest[] = [];
  const reply = (request: SeenRequest): Reply => {
    // A probe.
    if (request.method === 'GET') return {};
    sent.push(request);
    const now = next ?? {};
    next = null;
    // Each request has a connection of its own: what closes is never an idle one.
    return { ...now, headers: { connection: 'close', ...now.headers } };
  };
  const replicas = await startReplicas(t, { count: 2, reply, provider, clock: null });
  return {
    ...replicas,
    async tell(first, more = {}) {
      next = first;
      sent = [];
      const asked = fetch(`${replicas.gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }], ...more }),
      });
      const { status, attempts, isWhole } = await answered(asked);
      assert.ok(isWhole);
      await replicas.quiet();
      return [status, attempts];
    },
    sent: () => sent,
  };
}

const retryAfters: readonly Record<string, string>[] = [
  {},
  { 'retry-after': '0' },
  { 'retry-after': '30' },
  { 'retry-after': 'Fri, 31 Dec 2100 23:59:59 GMT' },
  { 'retry-after': 'Sat, 01 Jan 2000 00:00:00 GMT' },
  { 'retry-after': '1.5' },
  { 'retry-after': '-7' },
  { 'retry-after': '99999999999999999999' },
  { 'retry-after': 'soon' },
  { 'retry-after-ms': '20000' },
];

test('429, 503 and 529 of one endpoint go to the other at once, whatever Retry-After says', async t => {
  // A pool may repeat ten requests in 10 s, however few it has.
  for (let from = 0; from < retryAfters.length; from += 3) {
    const { tell, sent } = await startPair(t);
    for (const headers of retryAfters.slice(from, from + 3)) {
      for (const status of [429, 503, 529]) {
        const what = `${status} ${JSON.stringify(headers)}`;
        const answer = await tell({ status, headers, body: { error: { message: 'busy' } } }, { model: what });
        assert.deepEqual(answer, [200, 2], what);
        const [first, second] = sent();
        assert.deepEqual(first?.body, second?.body);
      }
    }
    // Of other models nothing is closed.
    assert.deepEqual(await tell({}, { model: 'other' }), [200, 1]);
  }
});

test('an endpoint that names a time is not asked for that model until then, for others it is', async t => {
  const busy: Reply = { status: 503, headers: { 'retry-after': '30' }, body: {} };
  const reply = ({ method, body }: SeenRequest): Reply => (method === 'POST' && body.includes('"full"') ? busy : {});
  const { gateway, upstreams, quiet } = await startReplicas(t, { count: 2, clock: null });
  const [one, two] = upstreams;
  one?.reply(reply);
  for (let turn = 0; turn < 12; turn++) {
    for (const model of ['full', 'other']) {
      const { status } = await answered(gateway.chat(adminKey, { model }));
      assert.equal(status, 200);
    }
  }
  await quiet();
  const asked = (model: string) => one?.requests.filter(({ body }) => body.includes(`"${model}"`)).length ?? 0;
  assert.equal(asked('full'), 1);
  assert.ok(asked('other') >= 4, 'it has its share of the other model');

  // Where all are busy, the client is told so: it may not wait so long.
  two?.reply(reply);
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ model: 'full', messages: [] });
  const patience = { 'x-tokligence-max-wait-ms': '5000' };
  const refused = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, ...patience },
    body,
  });
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '30']);
  await refused.text();
});

test('502 and 504 go to the other endpoint, 500 and 400 are the answer', async t => {
  const { tell } = await startPair(t);
  for (const [status, expected] of [
    [502, [200, 2]],
    [504, [200, 2]],
    [500, [500, 1]],
    [400, [400, 1]],
  ] as const) {
    assert.deepEqual(await tell({ status, body: { error: { message: 'fault' } } }), expected, String(status));
  }
});

const maybeDone = [
  [{ status: 502 }, 502],
  [{ status: 504 }, 504],
  [{ fault: 'reset' }, 502],
] as const satisfies readonly (readonly [Reply, number])[];

test('what may have been done already is not done again with store or background, or where it is forbidden', async t => {
  const pair = await startPair(t);
  const cautious = await startPair(t, 'retry_unsafe = false');
  for (const [reply, status] of maybeDone) {
    for (const [{ tell, sent }, more] of [
      [pair, { store: true }],
      [pair, { background: true }],
      [cautious, {}],
    ] as const) {
      assert.deepEqual(await tell(reply, more), [status, 1], JSON.stringify([reply, more]));
      assert.equal(sent().length, 1);
    }
    assert.deepEqual(await pair.tell(reply, { store: false }), [200, 2], JSON.stringify(reply));
  }
  // Surely not done.
  assert.deepEqual(await cautious.tell({ status: 503 }, { store: true }), [200, 2]);
});

test('an endpoint that takes a request and says nothing is left for the other after its time, and is down soon', async t => {
  const { gateway, upstreams, keys, clock, seats } = await startReplicas(t, {
    count: 2,
    provider: 'first_byte_timeout_sec = 0.1',
  });
  const [stalled, living] = upstreams;
  stalled?.reply({ fault: 'silence' });
  living?.reply({ hold: true });
  const asked = keys.flatMap(key => [answered(gateway.chat(key)), answered(gateway.chat(key))]);
  await stalled?.waitForActive(4);
  living?.open();
  const answers = await Promise.all(asked);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.deepEqual(answers.map(({ attempts }) => attempts).sort(), [1, 1, 1, 1, 2, 2, 2, 2]);
  assert.equal(await seats(), 8);
  const before = stalled?.requests.length;
  for (const key of keys) assert.equal((await answered(gateway.chat(key))).attempts, 1);
  assert.equal(stalled?.requests.length, before);
  assert.ok((living?.requests.length ?? 0) >= 12);
  assert.equal(clock.now(), 0);
});

test('both endpoints failing is told as the last one said it, byte for byte', async t => {
  const body = '{"error":{"message":"no room", "odd":  1}}';
  const { gateway, upstreams, quiet } = await startReplicas(t, {
    count: 2,
    reply: { status: 529, headers: { 'x-of': 'upstream' }, body },
    clock: null,
  });
  const answer = await answered(gateway.chat(adminKey));
  assert.deepEqual(answer, { status: 529, attempts: 2, text: body, isWhole: true });
  assert.deepEqual(
    upstreams.map(({ requests }) => requests.length),
    [1, 1],
  );
  await quiet();
});

test('the requests of one tenant that break every connection close nothing for the others', async t => {
  const reply = ({ body }: SeenRequest): Reply => (body.includes('poison') ? { fault: 'reset' } : {});
  const { gateway, keys, upstreams, seats, quiet } = await startReplicas(t, { count: 2, reply });
  const [poisoner = '', ...others] = keys;
  const poisoned = Array.from({ length: 40 }, () => answered(gateway.chat(poisoner, { model: 'poison' })));
  const good = Array.from({ length: 40 }, (_, index) => answered(gateway.chat(others[index % others.length] ?? '')));
  for (const { status } of await Promise.all(poisoned)) assert.equal(status, 502);
  for (const { status, attempts } of await Promise.all(good)) assert.deepEqual([status, attempts], [200, 1]);
  assert.equal(await seats(), 16);
  await quiet();
  const sent = upstreams.flatMap(({ requests }) => requests).filter(({ body }) => body.includes('poison')).length;
  // 80 requests may cause a fifth of retries.
  assert.ok(sent <= 40 + 16, `${sent}`);
});
