import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { PoolSettings } from '../../../src/config/config.ts';
import { ClientLeft } from '../../../src/domain/errors.ts';
import { allLevels } from '../../../src/domain/vocabulary.ts';
import { anyFields, arrangeDispatcher, none, refusalOf } from '../../support/arrange-dispatcher.ts';
import { perLevel } from '../../support/pool-settings.ts';

test('with a free seat the work begins in the same tick, and nothing of the queue shows', async () => {
  const { started, request, waits, clock, counts } = arrangeDispatcher();
  const { ticket, answer, end } = request('one');
  assert.deepEqual(started, ['one']);
  assert.deepEqual([ticket.waitMs, ticket.wasQueued, ticket.position], [0, false, 1]);
  assert.deepEqual(waits, [[3, 0]]);
  assert.equal(clock.pending, 0, 'no timer');
  assert.deepEqual(counts(), { ...none, running: 1, dispatched: 1 });
  end();
  assert.equal(await answer, 'one served');
  assert.deepEqual(counts(), { ...none, dispatched: 1 });
});

test('twenty requests on two seats: two at a time, in order, until all are served', async () => {
  const { dispatcher } = arrangeDispatcher({ seats: 2 });
  let inWork = 0;
  let most = 0;
  const order: number[] = [];
  const work = async (index: number) => {
    most = Math.max(most, ++inWork);
    order.push(index);
    await turn();
    inWork--;
  };
  const indexes = Array.from({ length: 20 }, (_, index) => index);
  await Promise.all(
    indexes.map(index => dispatcher.run(dispatcher.ticket({ ...anyFields, level: 5 }), () => work(index))),
  );
  assert.equal(most, 2);
  assert.deepEqual(order, indexes);
});

test('no end of the work leaks its seat: served, failed, thrown at once, left', async () => {
  const { dispatcher, request, desk } = arrangeDispatcher({ seats: 2 });
  const [served, failed] = [request('served'), request('failed')];
  const left = request('left');
  const thrown = dispatcher.run(dispatcher.ticket({ ...anyFields, level: 3 }), () => {
    throw new Error('at once');
  });
  left.ticket.leave();
  served.end();
  failed.fail(new Error('broke off'));
  await assert.rejects(failed.answer, /broke off/);
  await assert.rejects(left.answer, ClientLeft);
  await assert.rejects(thrown, /at once/);
  assert.equal(await served.answer, 'served served');
  assert.equal(desk.view.stats().in_use, 0);
  const probes = [request('probe 1'), request('probe 2')];
  assert.deepEqual(
    probes.map(probe => probe.ticket.wasQueued),
    [false, false],
  );
});

test('a recorder of waits that fails does not leak the seat', async () => {
  const record = () => {
    throw new Error('no histogram');
  };
  const percentiles = () => ({ p50: null, p95: null, p99: null });
  const { request, desk } = arrangeDispatcher(
    {},
    { waits: { record, percentiles, lastStep: () => ({ number: 0, levels: [] }), grantedNow: () => 0 } },
  );
  await assert.rejects(request('one').answer, /no histogram/);
  assert.equal(desk.view.stats().in_use, 0);
});

test('strict: a freed seat goes to the waiting P0, never to a P9 that comes at that very moment', async () => {
  for (let trial = 0; trial < 20; trial++) {
    const { started, request } = arrangeDispatcher({ policy: 'strict' });
    const running = request('running', 5);
    const waiting = request('P0', 0);
    const newcomer = running.answer.then(() => request('P9', 9));
    running.end();
    await newcomer;
    assert.deepEqual(started, ['running', 'P0']);
    assert.equal((await newcomer).ticket.wasQueued, true);
    waiting.end();
  }
});

test('a queued request knows how long it waited and how many were before it', async () => {
  const { clock, request, waits, started } = arrangeDispatcher();
  const running = request('running', 3);
  request('better', 1);
  request('worse', 8);
  const { ticket } = request('mine', 3);
  assert.equal(ticket.position, 2);
  clock.advance(250);
  running.end();
  await turn();
  assert.deepEqual(started, ['running', 'better']);
  assert.deepEqual(waits.at(-1), [1, 250]);
  assert.equal(ticket.wasQueued, true);
});

test('who waits too long is answered at the exact millisecond, whatever else left the queue before', async () => {
  const { clock, request, counts } = arrangeDispatcher({ queueTimeoutMs: perLevel(30_000) });
  request('running');
  const early = request('early');
  clock.advance(10_000);
  const late = request('late');
  early.ticket.leave();
  await assert.rejects(early.answer, ClientLeft);
  clock.advance(29_999);
  assert.equal(counts().timed_out, 0);
  clock.advance(1);
  assert.equal(counts().timed_out, 1);
  const error = await refusalOf(late.answer);
  assert.deepEqual([error.status, error.code], [503, 'queue_timeout']);
  assert.match(error.message, /P3 within 30 s/);
  assert.deepEqual([late.ticket.waitMs, late.ticket.wasQueued], [30_000, true]);
  assert.equal(clock.pending, 0, 'no timer without a queue');
});

test('a timeout longer than Node timers reach is still kept', async () => {
  const timeoutMs = 2 ** 31 + 5000;
  const { clock, request, outcomes } = withOutcomes({ queueTimeoutMs: perLevel(timeoutMs) });
  request('running');
  request('patient');
  clock.advance(timeoutMs - 1);
  await turn();
  assert.deepEqual(outcomes, []);
  clock.advance(1);
  await turn();
  assert.deepEqual(outcomes, ['patient: queue_timeout']);
});

function withOutcomes(fields: Partial<PoolSettings>) {
  const arranged = arrangeDispatcher(fields);
  const outcomes: string[] = [];
  const request = (name: string) => {
    const made = arranged.request(name);
    void made.outcome.then(outcome => outcomes.push(`${name}: ${String(outcome)}`));
    return made;
  };
  return { ...arranged, request, outcomes };
}

test('where nobody may wait, who finds a free seat is served and who does not is refused at once', async () => {
  const { request, counts } = arrangeDispatcher({ queueTimeoutMs: perLevel(0) });
  const running = request('running');
  assert.equal(await request('waiting').outcome, 'queue_timeout');
  running.end();
  assert.equal(await running.outcome, 'running served');
  assert.deepEqual(counts(), { ...none, dispatched: 1, timed_out: 1 });
});

test('a queued client that leaves frees its place', async () => {
  const { request, counts, started } = arrangeDispatcher({ maxQueueDepth: perLevel(1) });
  const running = request('running');
  const leaver = request('leaver');
  assert.equal(await request('too many').outcome, 'queue_full');
  leaver.ticket.leave();
  leaver.ticket.leave();
  assert.equal(await leaver.outcome, 'ClientLeft');
  const next = request('next');
  running.end();
  next.end();
  assert.equal(await next.outcome, 'next served');
  assert.deepEqual(started, ['running', 'next']);
  assert.deepEqual(counts(), { ...none, dispatched: 2, rejected: 1, cancelled: 1 });
});

test('a client that leaves between the hand-off and the start gives its seat on, and its work never begins', async () => {
  const { request, started, counts } = arrangeDispatcher();
  const running = request('running');
  const [leaver, next] = [request('leaver'), request('next')];
  running.end();
  // Microtask by microtask, up to the one in which the seat was handed on; the leaving client's own microtask comes
  // after it.
  while (counts().waiting === 2) await Promise.resolve();
  assert.deepEqual(started, ['running'], 'seated, but not begun');
  leaver.ticket.leave();
  assert.equal(await leaver.outcome, 'ClientLeft');
  assert.deepEqual(started, ['running', 'next']);
  next.end();
  await next.answer;
  assert.deepEqual(counts(), { ...none, dispatched: 2, cancelled: 1 });
});

test('who left before its work began is not charged: its tenant is not set back', async () => {
  const { request, started, counts } = arrangeDispatcher();
  const running = request('running', 3, { flowId: 'c' });
  const leaver = request('leaver', 3, { flowId: 'a', cost: 5000 });
  for (const name of ['a', 'b', 'b again']) request(name, 3, { flowId: name.slice(0, 1) });
  running.end();
  while (counts().waiting === 4) await Promise.resolve();
  leaver.ticket.leave();
  assert.equal(await leaver.outcome, 'ClientLeft');
  assert.deepEqual(started, ['running', 'a']);
});

test('a client that left before its request came to the queue takes no seat', async () => {
  const { dispatcher, started, counts } = arrangeDispatcher();
  const ticket = dispatcher.ticket({ ...anyFields, level: 3 });
  ticket.leave();
  const answer = dispatcher.run(ticket, () => assert.fail('it must not begin'));
  await assert.rejects(answer, ClientLeft);
  ticket.leave();
  assert.deepEqual(started, []);
  assert.deepEqual(counts(), { ...none, cancelled: 1 });
});

test('leaving while the work runs frees nothing: the seat is held until the work has settled', async () => {
  const { request, desk } = arrangeDispatcher();
  const running = request('running');
  running.ticket.leave();
  await turn();
  assert.equal(desk.view.stats().in_use, 1);
  running.end();
  await running.answer;
  assert.equal(desk.view.stats().in_use, 0);
});

test('the final cost decides whose turn it is next', async () => {
  for (const [settled, expected] of [
    [0, 'a'],
    [5000, 'b'],
    [null, 'b'],
  ] as const) {
    const { request, started } = arrangeDispatcher();
    const running = request('running', 3, { flowId: 'a' });
    for (const flowId of ['a', 'b']) request(flowId, 3, { flowId });
    if (settled !== null) running.ticket.settle({ cost: settled, tokens: settled });
    running.end();
    await running.answer;
    await turn();
    assert.equal(started[1], expected, `settled at ${settled}`);
  }
});

test('a ticket runs once, and only in its own pool', async () => {
  const { dispatcher, desk } = arrangeDispatcher();
  const ticket = dispatcher.ticket({ ...anyFields, level: 3 });
  await dispatcher.run(ticket, async () => {});
  assert.throws(() => dispatcher.run(ticket, async () => {}), /once/);
  assert.equal(desk.view.stats().in_use, 0);
});

test('a ticket of another pool is refused, whoever waits there, and runs in its own as before', async () => {
  const own = arrangeDispatcher();
  const other = arrangeDispatcher({ seats: 1 });
  const running = other.request('running');
  const ticket = own.dispatcher.ticket({ ...anyFields, level: 3 });
  const runElsewhere = () => other.dispatcher.run(ticket, async () => 'served');
  assert.throws(runElsewhere, /its own pool/, 'where it would wait');
  running.end();
  await running.answer;
  assert.throws(runElsewhere, /its own pool/, 'where a seat is free');
  assert.deepEqual(other.counts(), { ...none, dispatched: 1 });
  assert.equal(await own.dispatcher.run(ticket, async () => 'served'), 'served');
  ticket.leave();
  assert.deepEqual(own.counts(), { ...none, dispatched: 1 });
  await Promise.all([own.dispatcher.idle(), other.dispatcher.idle()]);
});

test('the stats name the pool and all ten levels, with the waits of each', () => {
  const { request, desk } = arrangeDispatcher({ seats: 3 });
  request('one', 7);
  const stats = desk.view.stats();
  assert.deepEqual([stats.name, stats.seats, stats.in_use], ['gpu', 3, 1]);
  assert.deepEqual(
    stats.levels.map(({ level }) => level),
    allLevels,
  );
  assert.deepEqual(stats.levels[7], {
    level: 7,
    ...none,
    running: 1,
    dispatched: 1,
    wait_ms: { p50: 7, p95: null, p99: null },
  });
});
