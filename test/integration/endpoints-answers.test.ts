// What an endpoint answers, or fails to, before a client was told anything, and where the request goes then.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Reply } from '../support/fake-upstream.ts';
import { adminKey } from '../support/gateway.ts';
import { answered, type Replicas, startReplicas } from '../support/replicas.ts';

/** Two endpoints: whichever is asked first gives this answer, once, and all later ones are friendly. */
async function failingOnce(t: TestContext, reply: Reply, provider = ''): Promise<Replicas> {
  let isFirst = true;
  const script = () => {
    const now = isFirst ? reply : {};
    isFirst = false;
    return now;
  };
  return startReplicas(t, { count: 2, reply: script, provider, clock: null });
}

async function outcomeOf(replicas: Replicas, more: object = {}): Promise<readonly [status: number, attempts: number]> {
  const { gateway, quiet } = replicas;
  const asked = fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }], ...more }),
  });
  const { status, attempts, isWhole } = await answered(asked);
  assert.ok(isWhole);
  await quiet();
  return [status, attempts];
}

const retryAfters = {
  none: {},
  seconds: { 'retry-after': '30' },
  date: { 'retry-after': 'Fri, 31 Dec 2100 23:59:59 GMT' },
  past: { 'retry-after': 'Sat, 01 Jan 2000 00:00:00 GMT' },
  float: { 'retry-after': '1.5' },
  negative: { 'retry-after': '-7' },
  absurd: { 'retry-after': '99999999999999999999' },
  words: { 'retry-after': 'soon' },
  milliseconds: { 'retry-after-ms': '20000' },
} satisfies Record<string, Record<string, string>>;

for (const [name, headers] of Object.entries(retryAfters)) {
  test(`429, 503 and 529 of one endpoint go to the other, at once whatever Retry-After says: ${name}`, async t => {
    for (const status of [429, 503, 529]) {
      const replicas = await failingOnce(t, { status, headers, body: { error: { message: 'busy' } } });
      assert.deepEqual(await outcomeOf(replicas), [200, 2], String(status));
      const [one, other] = replicas.upstreams;
      assert.deepEqual(one?.requests[0]?.body, other?.requests[0]?.body);
      // Nothing is closed for other models.
      assert.deepEqual(await outcomeOf(replicas, { model: 'other' }), [200, 1]);
    }
  });
}

test('502 and 504 go to the other endpoint, 500 and 400 are the answer', async t => {
  for (const [status, expected] of [
    [502, [200, 2]],
    [504, [200, 2]],
    [500, [500, 1]],
    [400, [400, 1]],
  ] as const) {
    const replicas = await failingOnce(t, { status, body: { error: { message: 'fault' } } });
    assert.deepEqual(await outcomeOf(replicas), expected, String(status));
  }
});

test('what may have been done already is not done again with store or background, or where it is forbidden', async t => {
  for (const [reply, status] of [
    [{ status: 502 }, 502],
    [{ status: 504 }, 504],
    [{ fault: 'reset' }, 502],
  ] as const) {
    for (const [more, provider] of [
      [{ store: true }, ''],
      [{ background: true }, ''],
      [{}, 'retry_unsafe = false'],
    ] as const) {
      const replicas = await failingOnce(t, reply, provider);
      assert.deepEqual(await outcomeOf(replicas, more), [status, 1], JSON.stringify([reply, more, provider]));
      assert.equal(replicas.upstreams.flatMap(({ requests }) => requests).length, 1);
    }
    assert.deepEqual(await outcomeOf(await failingOnce(t, reply), { store: false }), [200, 2]);
  }
});

test('what was surely not done is done at the other endpoint with store, too', async t => {
  const replicas = await failingOnce(t, { status: 503 });
  assert.deepEqual(await outcomeOf(replicas, { store: true }), [200, 2]);
});

test('an endpoint that takes a request and says nothing is left for the other after its time, and is down soon', async t => {
  const { gateway, upstreams, keys, clock, seats } = await startReplicas(t, {
    count: 2,
    provider: 'first_byte_timeout_sec = 0.1',
  });
  const [stalled, living] = upstreams;
  stalled?.reply({ fault: 'silence' });
  const answers = await Promise.all(keys.flatMap(key => [answered(gateway.chat(key)), answered(gateway.chat(key))]));
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
  const reply = ({ body }: { body: Buffer }): Reply => (body.includes('poison') ? { fault: 'reset' } : {});
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
