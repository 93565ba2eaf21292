/** A busy upstream, changed settings, and the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { ClientLeft } from '../../../src/domain/errors.ts';
import { arrangeDispatcher, none, refusalOf } from '../../support/arrange-dispatcher.ts';
import { perLevel, poolSettings, tenantRules } from '../../support/pool-settings.ts';

test('a request that is put back waits first in its flow until its model opens, and its waits add up', async () => {
  const { request, clock, started, waits, counts, desk } = arrangeDispatcher();
  const returned = request('put back');
  const [behind, better] = [request('behind'), request('P0', 0)];
  clock.advance(100);
  assert.equal(returned.putBack(2000), true);
  await turn();
  assert.deepEqual(counts(), { ...none, waiting: 2 });
  assert.deepEqual([returned.ticket.wasQueued, clock.pending, desk.view.stats().in_use], [true, 1, 0]);
  clock.advance(1999);
  await turn();
  assert.deepEqual(started, ['put back'], 'closed for P0 too');
  clock.advance(1);
  await turn();
  better.end();
  await better.answer;
  await turn();
  assert.deepEqual(started, ['put back', 'P0', 'put back']);
  assert.equal(returned.ticket.waitMs, 2000);
  returned.end();
  assert.equal(await returned.answer, 'put back served');
  behind.end();
  await behind.answer;
  assert.deepEqual(counts(), { ...none, dispatched: 2 }, 'each counted once');
  assert.deepEqual(
    waits.filter(([level]) => level === 3).map(([, ms]) => ms),
    [0, 2100],
  );
  assert.equal(clock.pending, 0);
});

test('a request is put back once, and not where it would be too late, nor without a time', async () => {
  const { request, clock } = arrangeDispatcher({ seats: 4, queueTimeoutMs: perLevel(5000) });
  const twice = request('twice');
  assert.equal(twice.putBack(1000), true);
  await turn();
  clock.advance(1000);
  await turn();
  assert.equal(twice.putBack(1000), false, 'a second time');
  clock.advance(1000);
  assert.equal(request('too late').putBack(5001), false);
  clock.advance(5001);
  assert.equal(request('no time').putBack(null), false);
  assert.equal(request('just in time').putBack(5000), true);
  twice.end();
  assert.equal(await twice.answer, 'twice served');
});

test('work that answers it wants to be put back where that was not allowed has failed, and its seat is free', async () => {
  const { request, desk } = arrangeDispatcher();
  const wrong = request('wrong');
  wrong.answerPutBack();
  await assert.rejects(wrong.answer, /not allowed/);
  assert.equal(desk.view.stats().in_use, 0);
});

test('a client that left while its request was put back is not served again', async () => {
  for (const isEarly of [true, false]) {
    const { request, counts, clock, dispatcher } = arrangeDispatcher();
    const leaver = request('leaver');
    leaver.putBack(1000);
    if (isEarly) leaver.ticket.leave();
    else {
      await turn();
      leaver.ticket.leave();
    }
    await assert.rejects(leaver.answer, ClientLeft);
    assert.deepEqual(counts(), { ...none, cancelled: 1 });
    await dispatcher.idle();
    assert.equal(clock.pending, 0);
  }
});

test('what was said of the first try does not count for the second: the estimate stands again', async () => {
  const { request, clock, started } = arrangeDispatcher();
  const returned = request('a', 3, { flowId: 'a', cost: 1000 });
  returned.ticket.settle({ cost: 0, tokens: 0 });
  assert.equal(returned.putBack(1000), true);
  await turn();
  request('a again', 3, { flowId: 'a' });
  request('b', 3, { flowId: 'b' });
  clock.advance(1000);
  await turn();
  returned.end();
  await returned.answer;
  await turn();
  assert.deepEqual(started, ['a', 'a', 'b']);
});

test('with aimd the seats shrink with each request that the upstream has no room for and grow with each that it serves', async () => {
  const { request, dispatcher, desk } = arrangeDispatcher({ seats: 10, aimd: true });
  const requests = Array.from({ length: 10 }, () => request('one'));
  requests[0]?.putBack(null);
  requests[1]?.putBack(null);
  assert.equal(desk.view.stats().seats, 8);
  for (const { end } of requests) end();
  await dispatcher.idle();
  assert.equal(desk.view.stats().seats, 10, 'of the other eight, all but the last few while half were in use');
});

test('progress of a stream parks its tenant, which comes back by the clock alone', async () => {
  const tenants = tenantRules({ a: { tokensPerSec: 100 } });
  const { request, clock, started } = arrangeDispatcher({ seats: 3 }, { tenants });
  const running = request('running', 3, { tokens: 1 });
  const blockers = [request('blocker', 3, { flowId: 'b' }), request('blocker', 3, { flowId: 'b' })];
  request('waiting', 3, { tokens: 1 });
  running.ticket.progress({ cost: 400, tokens: 200 });
  for (const { end } of blockers) end();
  await turn();
  assert.deepEqual(started, ['running', 'blocker', 'blocker']);
  clock.advance(999);
  assert.equal(started.length, 3);
  clock.advance(2);
  await turn();
  assert.equal(started.length, 4);
});

test('who comes after a change is allowed the time that holds by then', async () => {
  const { request, clock, counts, configure } = arrangeDispatcher({ queueTimeoutMs: perLevel(1000) });
  request('running');
  request('before');
  configure(poolSettings({ queueTimeoutMs: perLevel(100) }), new Map());
  const after = request('after');
  clock.advance(100);
  assert.equal(await after.outcome, 'queue_timeout');
  assert.equal(counts().waiting, 1);
});

test('when the one that all wait for is too late, the next starts at that very moment', async () => {
  const { request, clock, started } = arrangeDispatcher({ seats: 9, maxTokensInFlight: 1000 });
  request('running', 3, { tokens: 700 });
  const large = request('large', 3, { tokens: 400, maxWaitMs: 500 });
  request('small', 3, { tokens: 100 });
  clock.advance(499);
  await turn();
  assert.deepEqual(started, ['running']);
  clock.advance(1);
  assert.equal(await large.outcome, 'queue_timeout');
  assert.deepEqual(started, ['running', 'small']);
});

test('progress of a ticket without a seat changes nothing', async () => {
  const { request, started } = arrangeDispatcher();
  const running = request('running', 3, { flowId: 'c' });
  const early = request('a', 3, { flowId: 'a' });
  request('b', 3, { flowId: 'b' });
  early.ticket.progress({ cost: 1e6, tokens: 1e6 });
  running.end();
  await turn();
  assert.deepEqual(started, ['running', 'a']);
});

test('new settings hold from the next grant on, and nobody who waits is lost', async () => {
  const { request, dispatcher, started, clock, counts, configure, desk } = arrangeDispatcher({ policy: 'strict' });
  const running = request('running', 5);
  const [p9, p1] = [request('P9', 9, { flowId: 'b' }), request('P1', 1)];
  configure(
    poolSettings({
      seats: 2,
      reserved: perLevel(0, { 9: 1 }),
      queueTimeoutMs: perLevel(10),
      maxQueueDepth: perLevel(0),
    }),
    new Map(),
  );
  await turn();
  assert.deepEqual(started, ['running', 'P9'], 'the new seat is kept for P9');
  assert.equal(desk.view.stats().seats, 2);
  clock.advance(10);
  assert.equal(counts(1).timed_out, 0, 'who waits is allowed what it was promised');
  assert.match((await refusalOf(request('no room', 5).answer)).message, /: 0 requests may wait/);
  configure(poolSettings({ seats: 3 }), tenantRules({ a: { maxConcurrent: 1 } }));
  await turn();
  assert.deepEqual(started, ['running', 'P9'], 'its tenant is now at its limit');
  configure(poolSettings({ seats: 3 }), new Map());
  await turn();
  assert.deepEqual(started, ['running', 'P9', 'P1']);
  for (const { end } of [running, p9, p1]) end();
  await dispatcher.idle();
  assert.equal(clock.pending, 0);
});

test('a shutdown refuses who waits and who comes, and lets who has a seat finish', async () => {
  const { dispatcher, clock, request, counts } = arrangeDispatcher();
  const running = request('running');
  const waiting = request('waiting');
  clock.advance(40);
  dispatcher.refuseAll();
  for (const { answer } of [waiting, request('late')]) {
    const error = await refusalOf(answer);
    assert.deepEqual([error.status, error.code, error.retryAfterSec], [503, 'unavailable', 1]);
  }
  assert.equal(waiting.ticket.waitMs, 40);
  assert.equal(clock.pending, 0);
  let idle = false;
  const whenIdle = dispatcher.idle().then(() => {
    idle = true;
  });
  await turn();
  assert.equal(idle, false, 'a seat is in use');
  running.end();
  await whenIdle;
  assert.equal(await running.answer, 'running served');
  await dispatcher.idle();
  assert.deepEqual(counts(), { ...none, dispatched: 1, rejected: 2 });
});

test('property 21: a drain serves who waits for as long as the settings say, then refuses, and leaves no timer and no seat', async () => {
  const { dispatcher, clock, request, started, counts, desk } = arrangeDispatcher({ queueDrainMs: 2000 });
  const running = request('running');
  const [soon, late] = [request('soon'), request('late')];
  let isDrained = false;
  const drained = dispatcher.drain().then(() => {
    isDrained = true;
  });
  const error = await refusalOf(request('new').answer);
  assert.deepEqual([error.status, error.code, error.retryAfterSec], [503, 'unavailable', 1]);
  clock.advance(1000);
  running.end();
  await running.answer;
  await turn();
  assert.deepEqual(started, ['running', 'soon'], 'the queue goes on');
  clock.advance(999);
  assert.equal(counts().rejected, 1);
  clock.advance(1);
  assert.equal(await late.outcome, 'unavailable');
  assert.equal(isDrained, false, 'a stream may run on');
  soon.end();
  await drained;
  assert.deepEqual([clock.pending, desk.view.stats().in_use], [0, 0]);
});

test('a drain is over as soon as nobody waits and no seat is in use, at once where that is so already', async () => {
  const { dispatcher, clock, request } = arrangeDispatcher();
  const [running, waiting] = [request('running'), request('waiting')];
  const drained = dispatcher.drain();
  running.end();
  waiting.end();
  await drained;
  assert.equal(clock.pending, 0);
  const idle = arrangeDispatcher();
  await idle.dispatcher.drain();
  await idle.dispatcher.drain();
  assert.equal(idle.clock.pending, 0);
});

test('with no time for the queue a drain refuses who waits at once', async () => {
  const { dispatcher, clock, request } = arrangeDispatcher({ queueDrainMs: 0 });
  const [running, waiting] = [request('running'), request('waiting')];
  const drained = dispatcher.drain();
  clock.advance(0);
  assert.equal(await waiting.outcome, 'unavailable');
  running.end();
  await drained;
});

test('a request is not put back while the pool drains', async () => {
  const { dispatcher, request } = arrangeDispatcher({ seats: 2 });
  const [early, returned] = [request('early'), request('put back')];
  assert.equal(early.putBack(1000), true);
  const drained = dispatcher.drain();
  dispatcher.refuseAll();
  assert.equal(returned.putBack(1000), false);
  assert.equal(await early.outcome, 'unavailable', 'put back into a queue that is closed');
  returned.end();
  await drained;
});
