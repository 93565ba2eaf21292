// Upstreams without room, through the whole gateway: which requests are put back, which are answered, and the state of
// the pool meanwhile.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, type SeenRequest, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { assertAllSeats, assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { until } from '../support/until.ts';

const busy = (status: number, headers: Record<string, string> = {}) => ({ status, headers, body: { busy: status } });
const modelOf = ({ body }: SeenRequest): string => JSON.parse(body.toString()).model;

/** One seat, and a clock that only the test advances. */
async function oneSeat(t: TestContext, upstream: FakeUpstream) {
  const clock = new ManualClock();
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 1 }), overrides: { clock } });
  /** Sends one after the other, each as soon as the one before waits. */
  const queue = async (...models: string[]) => {
    const answers: Promise<Response>[] = [];
    for (const model of models) {
      const before = await waitingIn(gateway);
      answers.push(gateway.chat(adminKey, { model }));
      await until(async () => (await waitingIn(gateway)) === before + 1);
    }
    return answers;
  };
  return { clock, gateway, queue };
}

test('with Retry-After nothing of the provider starts until then, and the request that was put back goes first', async t => {
  for (const status of [503, 529]) {
    const upstream = await startFakeUpstream(t, { ...busy(status, { 'retry-after': '30' }), hold: true });
    const { clock, gateway, queue } = await oneSeat(t, upstream);
    const first = gateway.chat(adminKey, { model: 'first' });
    await upstream.waitForActive(1);
    const others = await queue('second', 'third');
    upstream.release(1);
    await until(async () => (await waitingIn(gateway)) === 3);
    assert.equal((await gateway.pool()).in_use, 0);
    upstream.reply({});
    clock.advance(29_999);
    assert.equal((await gateway.pool()).in_use, 0);
    clock.advance(1);
    const answer = await first;
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-tokligence-wait-time-ms'), '30000');
    for (const other of others) assert.equal((await other).status, 200);
    assert.deepEqual(upstream.requests.map(modelOf), ['first', 'first', 'second', 'third']);
    assert.deepEqual(upstream.requests[0]?.body, upstream.requests[1]?.body);
    await assertQuiet(gateway, upstream, 1);
  }
});

/** Two providers that share a pool of `seats` seats, each in front of an upstream of its own. */
const sharedPoolIni = (one: FakeUpstream, other: FakeUpstream, seats: number) => `
[provider.one]
type = openai
base_url = ${one.url}/v1
models = limited, good
pool = shared
max_concurrent = ${seats}
[provider.other]
type = openai
base_url = ${other.url}/v1
models = elsewhere
pool = shared`;

test('a 429 with Retry-After closes its model: other models of the tenant, the level, the provider and the pool go on', async t => {
  const reply = (request: SeenRequest) => (modelOf(request) === 'limited' ? busy(429, { 'retry-after': '20' }) : {});
  const [one, other] = [await startFakeUpstream(t, reply), await startFakeUpstream(t, {})];
  const clock = new ManualClock();
  const gateway = await startGateway(t, { ini: sharedPoolIni(one, other, 8), overrides: { clock } });
  const first = gateway.chat(adminKey, { model: 'limited', requestId: 'first' });
  await until(async () => (await waitingIn(gateway)) === 1);
  const second = gateway.chat(adminKey, { model: 'limited', requestId: 'second' });
  await until(async () => (await waitingIn(gateway)) === 2);
  for (const model of ['good', 'elsewhere', 'good']) {
    const answer = await gateway.chat(adminKey, { model });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-tokligence-wait-time-ms'), null, 'it did not wait');
  }
  assert.deepEqual(one.requests.map(modelOf), ['limited', 'good', 'good']);

  const { reason } = (await gateway.admin('GET', '/admin/scheduler/requests/second')).body;
  assert.deepEqual(reason, {
    code: 'upstream_closed',
    message: `Provider 'one' takes no more requests for the model 'limited' until 2026-01-01T00:00:20.000Z.`,
  });
  const { providers } = (await gateway.admin('GET', '/admin/providers')).body;
  const closures = providers.map(({ health: { closed_until, closed_models } }: any) => [closed_until, closed_models]);
  const closedModels = [{ model: 'limited', closed_until: '2026-01-01T00:00:20.000Z' }];
  assert.deepEqual(closures, [
    [null, closedModels],
    [null, []],
  ]);

  one.reply({});
  clock.advance(20_000);
  for (const answer of [await first, await second]) {
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-tokligence-wait-time-ms'), '20000');
  }
  await assertQuiet(gateway, one, 8);
});

test('a 503 with Retry-After closes its provider: another provider of the pool goes on', async t => {
  const [one, other] = [await startFakeUpstream(t, busy(503, { 'retry-after': '20' })), await startFakeUpstream(t, {})];
  const clock = new ManualClock();
  const gateway = await startGateway(t, { ini: sharedPoolIni(one, other, 8), overrides: { clock } });
  const waiting = [gateway.chat(adminKey, { model: 'limited' })];
  await until(async () => (await waitingIn(gateway)) === 1);
  waiting.push(gateway.chat(adminKey, { model: 'good' }));
  await until(async () => (await waitingIn(gateway)) === 2);
  assert.equal((await gateway.chat(adminKey, { model: 'elsewhere' })).status, 200);
  const { providers } = (await gateway.admin('GET', '/admin/providers')).body;
  const closedUntil = providers.map(({ health }: any) => health.closed_until);
  assert.deepEqual(closedUntil, ['2026-01-01T00:00:20.000Z', null]);
  one.reply({});
  clock.advance(20_000);
  for (const answer of waiting) assert.equal((await answer).status, 200);
  assert.equal(one.requests.length, 3);
});

test('a model closed for an hour: the request that met it is told, others are refused at once, and a probe opens it when its stream begins', async t => {
  const upstream = await startFakeUpstream(t, busy(429, { 'retry-after': '3600' }));
  const clock = new ManualClock();
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 4 }), overrides: { clock } });
  const met = await gateway.chat(adminKey);
  assert.deepEqual([met.status, met.headers.get('retry-after')], [429, '3600']);
  const refused = await gateway.chat(adminKey);
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '59']);
  const { error } = (await refused.json()) as { error: { code: string; message: string } };
  assert.equal(error.code, 'queue_timeout');
  assert.match(error.message, /takes no more requests for the model `m` until 2026-01-01T01:00:00\.000Z/);

  clock.advance(30_000);
  assert.equal((await gateway.chat(adminKey)).status, 429, 'a probe, which finds no room');
  clock.advance(59_999);
  assert.equal((await gateway.chat(adminKey)).status, 503);
  assert.equal(upstream.requests.length, 2);
  clock.advance(1);
  upstream.reply({ chunks: 4, gated: true });
  const probe = await gateway.chat(adminKey, { stream: true });
  assert.equal(probe.status, 200);
  const next = await gateway.chat(adminKey, { stream: true });
  assert.equal(next.status, 200, 'while the stream of the probe goes on');
  upstream.open();
  await Promise.all([probe.text(), next.text()]);
  await assertQuiet(gateway, upstream, 4);
});

test('the second busy answer passes to the client as it is', async t => {
  const upstream = await startFakeUpstream(t, busy(429, { 'retry-after': '2', 'x-limit': 'tokens' }));
  const { clock, gateway } = await oneSeat(t, upstream);
  const sent = gateway.chat(adminKey);
  await until(async () => (await waitingIn(gateway)) === 1);
  clock.advance(2_000);
  const answer = await sent;
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get('retry-after'), '2');
  assert.equal(answer.headers.get('x-limit'), 'tokens');
  assert.equal(answer.headers.get('x-tokligence-wait-time-ms'), '2000');
  assert.deepEqual(await answer.json(), { busy: 429 });
  assert.equal(upstream.requests.length, 2);
  // It reported again that it has no room, so the next request waits for that too.
  upstream.reply({});
  const next = gateway.chat(adminKey);
  await until(async () => (await waitingIn(gateway)) === 1);
  clock.advance(2_000);
  assert.equal((await next).status, 200);
});

test('without Retry-After the answer passes at once, and so does one that would come too late', async t => {
  const upstream = await startFakeUpstream(t, busy(503));
  const { gateway } = await oneSeat(t, upstream);
  assert.equal((await gateway.chat(adminKey)).status, 503);
  assert.equal((await gateway.chat(adminKey)).status, 503);
  upstream.reply(busy(429, { 'retry-after': '3600' }));
  const late = await gateway.chat(adminKey);
  assert.equal(late.status, 429);
  assert.equal(late.headers.get('retry-after'), '3600');
  assert.equal(upstream.requests.length, 3);
});

test('a client that leaves after its request was put back is not served', async t => {
  const upstream = await startFakeUpstream(t, busy(529, { 'retry-after': '5' }));
  const { clock, gateway } = await oneSeat(t, upstream);
  const leaving = new AbortController();
  const left = gateway.chat(adminKey, { signal: leaving.signal });
  await until(async () => (await waitingIn(gateway)) === 1);
  leaving.abort();
  await assert.rejects(left);
  await until(async () => (await waitingIn(gateway)) === 0);
  upstream.reply({});
  clock.advance(5_000);
  assert.equal((await gateway.chat(adminKey)).status, 200);
  assert.equal(upstream.requests.length, 2);
  await assertQuiet(gateway, upstream, 1);
  // Its seat was taken back: only the other request's wait counts as one that ended in a seat.
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  assert.match(metrics, /^tokligence_queue_wait_seconds_count\{level="7"\} 1$/m);
  assert.equal((await gateway.pool()).levels[7].dispatched, 1);
});

test('a storm of busy answers: everybody is answered, each request is tried twice at most', async t => {
  const seats = 4;
  for (const headers of [{ 'retry-after-ms': '5' }, {}]) {
    let count = 0;
    // Every third request finds room.
    const upstream = await startFakeUpstream(t, () =>
      count++ % 3 === 0 ? { afterMs: 1 } : { ...busy(429, headers), afterMs: 1 },
    );
    const gateway = await startGateway(t, { ini: poolIni(upstream, { seats }) });
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => gateway.chat(adminKey, { model: `m${index}` })),
    );
    const tries = new Map<string, number>();
    for (const request of upstream.requests) tries.set(modelOf(request), (tries.get(modelOf(request)) ?? 0) + 1);
    const most = 'retry-after-ms' in headers ? 2 : 1;
    assert.equal(tries.size, 60);
    assert.equal(Math.max(...tries.values()), most);
    answers.forEach((answer, index) => {
      if (answer.status !== 200) assert.deepEqual([answer.status, tries.get(`m${index}`)], [429, most]);
    });
    assert.ok(answers.some(answer => answer.status === 200));
    await assertQuiet(gateway, upstream, seats);
    await assertAllSeats(gateway, upstream, seats, adminKey);
  }
});

test('with aimd the seats follow what the upstream has no room for and what it serves; without it they stay', async t => {
  for (const [sections, afterDrop] of [
    ['[pool.main]\naimd = true', 7],
    ['', 8],
  ] as const) {
    const upstream = await startFakeUpstream(t, busy(429));
    const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 8, sections }) });
    assert.equal((await gateway.chat(adminKey)).status, 429);
    upstream.reply({ hold: true });
    const answers = Array.from({ length: 20 }, () => gateway.chat(adminKey));
    await until(async () => (await waitingIn(gateway)) === 20 - afterDrop);
    await upstream.waitForActive(afterDrop);
    upstream.release(1);
    await until(async () => (await waitingIn(gateway)) === 20 - 8 - 1);
    await upstream.waitForActive(8);
    upstream.open();
    for (const answer of answers) assert.equal((await answer).status, 200);
    await assertQuiet(gateway, upstream, 8);
  }
});
