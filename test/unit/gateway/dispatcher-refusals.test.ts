/** Requests without a seat: their refusal, with its status and code, and the time to retry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { arrangeDispatcher, none, refusalOf } from '../../support/arrange-dispatcher.ts';
import { perLevel, poolSettings, tenantRules } from '../../support/pool-settings.ts';

test('a full level refuses and says so, while another level still takes requests', async () => {
  const { request, counts } = arrangeDispatcher({ maxQueueDepth: perLevel(2) });
  for (const name of ['running', 'first', 'second']) request(name);
  const error = await refusalOf(request('third').answer);
  assert.deepEqual([error.status, error.code], [503, 'queue_full']);
  assert.match(error.message, /level P3 is full: 2 requests/);
  assert.ok(error.retryAfterSec);
  request('other level', 4);
  assert.deepEqual([counts(3).waiting, counts(3).rejected, counts(4).waiting], [2, 1, 1]);
});

test('a pool with too many bytes waiting refuses in every level and says so', async () => {
  const { request } = arrangeDispatcher({ maxQueuedBytes: 2 ** 20 });
  request('running', 3, { bodyBytes: 2 ** 22 });
  const big = request('big', 0, { bodyBytes: 2 ** 20 });
  const error = await refusalOf(request('small', 0, { bodyBytes: 1 }).answer);
  assert.deepEqual([error.status, error.code], [503, 'queue_full']);
  assert.match(error.message, /pool 'gpu' is full: .* 1 MiB/);
  big.ticket.leave();
  assert.equal(request('small', 0, { bodyBytes: 1 }).ticket.wasQueued, true);
  await big.outcome;
});

/**
 * Something always waits, and one request of cost 100 leaves the queue each second, `grants` times; returns the
 * running one.
 */
async function drainOnePerSecond({ clock, request }: ReturnType<typeof arrangeDispatcher>, grants: number) {
  let running = request('first');
  for (let second = 0; second < grants; second++) {
    const next = request('next');
    clock.advance(1000);
    running.end();
    await running.answer;
    await turn();
    running = next;
  }
  return running;
}

test('Retry-After is half the queue ahead by the rate at which the level drains, spread by a fifth', async () => {
  const retryAfter = async (waiting: number, chance: number) => {
    const arranged = arrangeDispatcher({ queueTimeoutMs: perLevel(1e6) }, { random: () => chance });
    await drainOnePerSecond(arranged, 300);
    const { request, configure } = arranged;
    configure(poolSettings({ queueTimeoutMs: perLevel(1e6), maxQueueDepth: perLevel(waiting) }), new Map());
    for (let index = 0; index < waiting; index++) request('waiting');
    return (await refusalOf(request('refused').answer)).retryAfterSec;
  };
  assert.equal(await retryAfter(40, 0.5), 20);
  assert.equal(await retryAfter(40, 0), 16);
  assert.equal(await retryAfter(40, 0.999), 24);
  assert.equal(await retryAfter(1000, 0.5), 59, 'less than a minute');
  assert.equal(await retryAfter(0, 0.5), 1, 'at least a second');
});

test('Retry-After is a few seconds while nothing is known of the level', async () => {
  const { request } = arrangeDispatcher({ maxQueueDepth: perLevel(0) });
  request('running', 1);
  assert.equal((await refusalOf(request('refused', 2).answer)).retryAfterSec, 5);
});

/** Returns status, code and Retry-After of a refusal. */
const told = async (answer: Promise<unknown>) => {
  const { status, code, retryAfterSec } = await refusalOf(answer);
  return [status, code, retryAfterSec];
};

test('an impossible request is a 400 at once, whether or not a seat is free', async () => {
  const { request, counts } = arrangeDispatcher({ maxTokensInFlight: 1000 });
  const error = await refusalOf(request('impossible', 3, { tokens: 1000.5 }).answer);
  assert.deepEqual([error.status, error.code, error.retryAfterSec], [400, 'invalid_request', null]);
  assert.match(error.message, /about 1001 tokens; at most 1000/);
  assert.deepEqual(counts(), { ...none, rejected: 1 });
  request('possible', 3, { tokens: 1000 });
  assert.equal(counts().running, 1);
});

test('a tenant that has as many waiting as it may is told 429, its neighbours are not', async () => {
  const tenants = tenantRules({ a: { maxQueueDepth: 1, requestsPerSec: 0.1 } });
  const { request, counts } = arrangeDispatcher({}, { tenants });
  const running = request('running');
  request('waiting');
  const error = await refusalOf(request('too many', 7).answer);
  assert.deepEqual([error.status, error.code], [429, 'tenant_limit']);
  assert.match(error.message, /1 of its requests may wait/);
  assert.equal(error.retryAfterSec, 20, 'two of its requests of 10 s each are before the next');
  assert.equal(request('neighbour', 7, { flowId: 'b' }).ticket.wasQueued, true);
  assert.equal(counts(7).rejected, 1);
  running.end();
});

test('whom its own tenant kept waiting too long is told 429, whom the lack of seats did 503', async () => {
  const tenants = tenantRules({ a: { maxConcurrent: 1 } });
  const { request, clock, counts } = arrangeDispatcher({ seats: 2, queueTimeoutMs: perLevel(1000) }, { tenants });
  request('running');
  const held = request('held');
  request('other running', 3, { flowId: 'b' });
  const late = request('late', 3, { flowId: 'b' });
  clock.advance(1000);
  assert.deepEqual(await told(held.answer), [429, 'tenant_limit', 5]);
  assert.deepEqual(await told(late.answer), [503, 'queue_timeout', 5]);
  assert.equal(counts().timed_out, 2);
});

test('a flooder in a full level pushes out its own newest request, and a neighbour pushes out one of the flooder', async () => {
  const { request, counts } = arrangeDispatcher({ maxQueueDepth: perLevel(3) });
  request('running', 3, { flowId: 'c' });
  const flood = [request('1'), request('2'), request('3')];
  const fourth = await refusalOf(request('4').answer);
  assert.deepEqual([fourth.status, fourth.code], [503, 'queue_full']);
  const neighbour = request('neighbour', 3, { flowId: 'b' });
  assert.equal(neighbour.ticket.wasQueued, true);
  const last = flood[2];
  assert.ok(last);
  const evicted = await refusalOf(last.answer);
  assert.deepEqual([evicted.status, evicted.code], [503, 'queue_full']);
  assert.match(evicted.message, /had to make room/);
  assert.deepEqual(counts(), { ...none, running: 1, dispatched: 1, waiting: 3, rejected: 2 });
});

test('in a full pool a better level displaces the newest of the worst; nobody displaces P0', async () => {
  const { request, counts } = arrangeDispatcher({ maxQueueDepthPool: 2 });
  request('running', 0);
  const [p7, p9] = [request('P7', 7), request('P9', 9)];
  const p0 = request('P0', 0);
  assert.deepEqual(await told(p9.answer), [503, 'queue_full', 5]);
  const second = request('P0 too', 0);
  assert.deepEqual(await told(p7.answer), [503, 'queue_full', 5]);
  for (const level of [9, 1, 0] as const)
    assert.deepEqual(await told(request('late', level).answer), [503, 'queue_full', 5]);
  assert.deepEqual([p0.ticket.wasQueued, second.ticket.wasQueued, counts(0).waiting], [true, true, 2]);
});

test('a client that would wait less than its level allows is answered by then; more it does not get', async () => {
  const { request, clock, counts } = arrangeDispatcher({ queueTimeoutMs: perLevel(1000, { 9: 100 }) });
  request('running');
  const [hasty, patient] = [request('hasty', 3, { maxWaitMs: 200 }), request('patient', 9, { maxWaitMs: 5000 })];
  clock.advance(99);
  assert.deepEqual([counts(3).timed_out, counts(9).timed_out], [0, 0]);
  clock.advance(1);
  assert.deepEqual([counts(3).timed_out, counts(9).timed_out], [0, 1]);
  clock.advance(100);
  assert.deepEqual([counts(3).timed_out, counts(9).timed_out], [1, 1]);
  assert.match((await refusalOf(hasty.answer)).message, /within 0.2 s/);
  await refusalOf(patient.answer);
});

test('each level has its own depth and its own time', async () => {
  const depths = perLevel(0, { 0: 2 });
  const { request, clock, counts } = arrangeDispatcher({
    maxQueueDepth: depths,
    queueTimeoutMs: perLevel(10, { 0: 30 }),
  });
  request('running');
  assert.deepEqual(await told(request('P3', 3).answer), [503, 'queue_full', 5]);
  const waiting = [request('P0', 0), request('P0', 0)];
  clock.advance(29);
  assert.equal(counts(0).timed_out, 0);
  clock.advance(1);
  assert.equal(counts(0).timed_out, 2);
  for (const { outcome } of waiting) assert.equal(await outcome, 'queue_timeout');
});

test('whose wait cannot fit is refused in advance, once twenty grants tell how fast the queue drains', async () => {
  for (const [grants, outcome] of [
    [20, 'queue_timeout'],
    [19, 'waits'],
  ] as const) {
    const arranged = arrangeDispatcher();
    const running = await drainOnePerSecond(arranged, grants);
    const { request, clock, counts } = arranged;
    // Eleven requests of a second each would be served before it, by turns.
    for (let index = 0; index < 10; index++) request('queued');
    assert.equal(
      request('would be in time', 3, { maxWaitMs: 5500 }).ticket.wasQueued,
      true,
      'a prediction may err by half',
    );
    const hasty = request('hasty', 3, { maxWaitMs: 5400 });
    if (outcome === 'waits') assert.equal(hasty.ticket.wasQueued, true);
    else {
      assert.deepEqual(await told(hasty.answer), [503, 'queue_timeout', 6]);
      assert.equal(counts().rejected, 1);
    }
    const early = request('of another tenant', 3, { flowId: 'b', maxWaitMs: 1000 });
    assert.equal(early.ticket.wasQueued, true, 'its turn comes before');
    const earlier = request('of a third tenant', 3, { flowId: 'c', maxWaitMs: 900 });
    assert.equal(earlier.ticket.wasQueued, outcome === 'waits', 'but not before one of each other, two seconds');
    assert.equal(clock.pending, 1, 'one timer for all of them');
    running.end();
  }
});

test('what an idle queue tells is not held against who comes later', async () => {
  const arranged = arrangeDispatcher();
  const running = await drainOnePerSecond(arranged, 30);
  const { request, clock, dispatcher } = arranged;
  running.end();
  await running.answer;
  await dispatcher.idle();
  clock.advance(3_600_000);
  request('running again');
  for (let index = 0; index < 10; index++) request('queued');
  assert.equal(request('hasty', 3, { maxWaitMs: 100 }).ticket.wasQueued, true);
});

test('a minute without a queue does not make the queue seem slow', async () => {
  const arranged = arrangeDispatcher();
  const running = await drainOnePerSecond(arranged, 30);
  const { request, clock, dispatcher } = arranged;
  running.end();
  await dispatcher.idle();
  clock.advance(60_000);
  request('running again');
  for (let index = 0; index < 3; index++) request('queued');
  assert.equal(request('in time', 3, { maxWaitMs: 2000 }).ticket.wasQueued, true);
  assert.deepEqual(await told(request('late', 3, { maxWaitMs: 1000 }).answer), [503, 'queue_timeout', 2]);
});

test('a tenant whose own rate lets it start nothing in time is told so at once, with the exact time', async () => {
  const tenants = tenantRules({ a: { requestsPerSec: 0.1 } });
  const { request } = arrangeDispatcher({ seats: 9 }, { tenants });
  request('first');
  assert.deepEqual(await told(request('late', 3, { maxWaitMs: 4000 }).answer), [429, 'tenant_limit', 10]);
  assert.equal(request('patient', 3, { maxWaitMs: 5000 }).ticket.wasQueued, true);
});

test('while the upstream has closed the pool nobody is queued who cannot be served before', async () => {
  const { request } = arrangeDispatcher({ seats: 9 });
  const returned = request('put back');
  assert.equal(returned.putBack(30_000), true);
  await turn();
  assert.deepEqual(await told(request('hasty', 3, { maxWaitMs: 29_999 }).answer), [503, 'queue_timeout', 30]);
  assert.equal(request('patient', 3, { maxWaitMs: 30_000 }).ticket.wasQueued, true);
});

test('the rate of the pool is in Retry-After, and nobody is asked to wait for a minute', async () => {
  const retryAfter = async (requestsPerSec: number, chance: number) => {
    const settings = { seats: 9, requestsPerSec, requestBurst: 1, maxQueueDepth: perLevel(0) };
    const { request } = arrangeDispatcher(settings, { random: () => chance });
    request('first');
    return (await refusalOf(request('late').answer)).retryAfterSec;
  };
  assert.equal(await retryAfter(0.05, 0.5), 20);
  assert.equal(await retryAfter(0.05, 0), 16);
  assert.equal(await retryAfter(0.001, 0.5), 59);
  assert.equal(await retryAfter(100, 0), 1);
});
