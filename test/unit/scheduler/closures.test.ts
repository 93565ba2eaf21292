/** Closures by the upstream: which requests stand aside, which pass by, which are probes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scope } from '../../../src/scheduler/scheduler.ts';
import { arrangeScheduler } from '../../support/arrange-scheduler.ts';
import { perLevel } from '../../support/pool-settings.ts';

const hourMs = 3_600_000;
const none = { cost: 0, tokens: 0 };
type Arranged = ReturnType<typeof arrangeScheduler>;
type Come = Parameters<Arranged['come']>;

/** Requests are named by their model's letter and a number; `close` lets an extra request find no room. */
function arrange(...fields: Parameters<typeof arrangeScheduler>) {
  const pool = arrangeScheduler(...fields);
  const { scheduler, at, end } = pool;
  const come = (name: string, level: Come[1] = 5, demand: Come[2] = {}, timeoutMs?: number) =>
    pool.come(name, level, { model: name.slice(0, 1), ...demand }, timeoutMs);
  const start = (...comer: Parameters<typeof come>) => {
    const place = come(...comer);
    assert.deepEqual(pool.seated(), [place.holder]);
    return place;
  };
  const findNoRoom = (place: ReturnType<typeof come>, ms: number | null, scope: Scope = 'model') => {
    const until = scheduler.upstreamBusy(place, scope, ms === null ? null : at() + ms, at());
    end(place, none);
    return until;
  };
  const close = (model: string, ms: number, scope: Scope = 'model', demand: Come[2] = {}) =>
    findNoRoom(start(`${model} without room`, 5, demand), ms, scope);
  return { ...pool, come, start, findNoRoom, close };
}

test('a request for a closed model is passed within its flow, and served in its old place when the model opens', () => {
  const { come, close, seated, start, end, pass } = arrange();
  close('a', 500);
  let running = start('x');
  const waiting = ['a1', 'b1', 'a2', 'b2', 'a3', 'c1', 'b3'].map(name => come(name));
  const order: string[] = [];
  const serve = (count: number) => {
    for (let served = 0; served < count; served++) {
      end(running);
      const [next = assert.fail('nobody starts')] = seated();
      order.push(next);
      running = waiting.find(({ holder }) => holder === next) ?? assert.fail();
    }
  };
  serve(2);
  assert.deepEqual(order, ['b1', 'b2']);
  pass(500);
  serve(5);
  assert.deepEqual(order, ['b1', 'b2', 'a1', 'a2', 'a3', 'c1', 'b3']);
});

test('nobody waits for a closed model: not its flow, its tenant, its level, a worse level, or the pool', () => {
  const { come, close, seated } = arrange({ seats: 9, policy: 'strict' });
  close('a', 500);
  come('a1', 0);
  assert.equal(come('b1', 0).admission, 'queued');
  come('b2', 3, { flowId: 'b' });
  come('b3', 9);
  assert.deepEqual(seated(), ['b1', 'b2', 'b3']);
});

test('a newcomer of an open model starts at once though others of its flow stand aside; one of a closed model does not', () => {
  const { come, close, seated } = arrange({ seats: 9, maxQueueDepth: perLevel(1) });
  close('a', 500);
  assert.equal(come('a1').admission, 'queued');
  assert.equal(come('a2').admission, 'level_full');
  assert.equal(come('b1').admission, 'queued');
  assert.deepEqual(seated(), ['b1']);
});

test('a closed provider closes all of its models, and those of the others of its pool go on', () => {
  const { come, close, seated, pass } = arrange({ seats: 9 });
  close('a', 500, 'provider', { provider: 'p' });
  come('a1', 5, { provider: 'p' });
  come('b1', 5, { provider: 'p' });
  come('a2', 5, { provider: 'q' });
  assert.deepEqual(seated(), ['a2']);
  pass(500);
  assert.deepEqual(seated(), ['a1', 'b1']);
});

test('a model that is closed by itself and with its provider opens when both are open', () => {
  for (const [modelMs, providerMs] of [
    [500, 300],
    [300, 500],
  ] as const) {
    const { come, start, findNoRoom, seated, pass } = arrange({ seats: 9 });
    const [one, other] = [start('a without room'), start('b without room')];
    findNoRoom(one, modelMs, 'model');
    findNoRoom(other, providerMs, 'provider');
    come('a1');
    come('b1');
    pass(300);
    assert.deepEqual(seated(), modelMs === 500 ? ['b1'] : []);
    pass(200);
    assert.deepEqual(seated(), modelMs === 500 ? ['a1'] : ['a1', 'b1']);
  }
});

test('a request that stands aside times out exactly at its deadline, and one with a later deadline starts on opening', () => {
  const { come, close, seated, scheduler, pass, at } = arrange({ seats: 9 });
  close('a', 500);
  come('a1', 5, {}, 499);
  come('a2', 5, {}, 500);
  assert.equal(scheduler.nextWake(at()), 499);
  pass(498);
  assert.deepEqual([seated(), scheduler.expire(at())], [[], []]);
  pass(1);
  assert.deepEqual(
    scheduler.expire(at()).map(({ holder }) => holder),
    ['a1'],
  );
  assert.equal(scheduler.nextWake(at()), 500);
  pass(1);
  assert.deepEqual([seated(), scheduler.expire(at())], [['a2'], []]);
});

test('requests that are put back precede all others of their model, in the order in which they were put back', () => {
  const { come, start, close, seated, end, scheduler, pass, at } = arrange({ seats: 5 });
  const [one, other, last] = [start('a1'), start('a2'), start('a3')];
  close('a', 10);
  const blockers = [start('b1'), start('b2')];
  come('a4');
  pass(10);
  assert.deepEqual(seated(), []);
  // The model is open, a4 waits for a seat, and all three find no room; the last is told a time.
  for (const place of [one, other]) scheduler.putBack(place, at());
  scheduler.upstreamBusy(last, 'model', at() + 100, at());
  scheduler.putBack(last, at());
  for (const blocker of blockers) end(blocker);
  come('b3');
  assert.deepEqual(seated(), ['b3']);
  pass(100);
  assert.deepEqual(seated(), ['a3', 'a2', 'a1', 'a4']);
});

test('a flow gets no credit for time in which all its requests stand aside', () => {
  const { come, close, start, seated, end, pass } = arrange();
  close('a', 1000, 'model', { flowId: 'aside' });
  const aside = ['a0', 'a1', 'a2', 'a3'].map(name => come(name, 5, { flowId: 'aside' }));
  for (let nth = 0; nth < 10; nth++) end(start('x', 5, { flowId: 'busy' }));
  let running = start('x', 5, { flowId: 'busy' });
  const busy = ['b0', 'b1'].map(name => come(name, 5, { flowId: 'busy' }));
  pass(1000);
  const order: string[] = [];
  for (let served = 0; served < 4; served++) {
    end(running);
    order.push(...seated());
    running = [...aside, ...busy].find(({ state }) => state === 'running') ?? assert.fail();
  }
  assert.deepEqual(order, ['a0', 'a1', 'b0', 'a2'], 'in turns, not all four of it first');
});

test('a request held by its tenant’s limit and by a closed model waits for both', () => {
  for (const isRateFirst of [true, false]) {
    const rules = { a: { requestsPerSec: isRateFirst ? 4 : 1 } };
    const { come, close, seated, pass } = arrange({ seats: 9 }, rules);
    close('a', 500);
    come('a1');
    pass(isRateFirst ? 250 : 500);
    assert.deepEqual(seated(), [], isRateFirst ? 'the model is closed' : 'the rate is used up');
    pass(isRateFirst ? 250 : 500);
    assert.deepEqual(seated(), ['a1']);
  }
});

test('requests that stand aside do not affect predictions, neither of the level nor of their tenant', () => {
  const { come, close, scheduler, start, pass, at } = arrange({ seats: 2 }, { a: { requestsPerSec: 1 } });
  close('a', 60_000);
  pass(1000);
  start('x');
  for (let nth = 0; nth < 50; nth++) come('a');
  const { inspection } = scheduler;
  const newcomer = come('b');
  scheduler.cancel(newcomer);
  assert.equal(inspection.tenantWaitMs(newcomer, at()), 1000, 'for the one that runs');
  assert.equal(inspection.costBefore(newcomer), 0);
  const { waiting, aside, waitingCost, dueCost } = scheduler.level(5);
  assert.deepEqual([waiting, aside, waitingCost, dueCost], [50, 50, 5000, 0]);
});

test('a full level drops the newest of the longest queue, those that stand aside counted with it', () => {
  const { come, close, start, scheduler } = arrange({ maxQueueDepth: perLevel(4) });
  close('a', 500);
  start('x');
  for (const name of ['a1', 'b1', 'a2']) come(name);
  come('b', 5, { flowId: 'b' });
  assert.equal(come('c', 5, { flowId: 'c' }).admission, 'queued');
  assert.deepEqual(
    scheduler.takeEvicted().map(({ holder }) => holder),
    ['a2'],
  );
});

test('a thousand models are closed by name; the next one closes the pool, for as long as a probe would wait', () => {
  const { come, start, findNoRoom, seated, pass, at } = arrange({ seats: 9 });
  const closeModel = (model: string, ms: number) => findNoRoom(start('busy', 5, { model }), ms);
  assert.equal(closeModel('short', 1000), 1000);
  for (let nth = 1; nth < 1000; nth++) closeModel(`invented-${nth}`, hourMs);
  come('b1');
  assert.deepEqual(seated(), ['b1']);
  assert.equal(closeModel('one too many', hourMs), at() + 30_000);
  come('b2');
  pass(29_999);
  assert.deepEqual(seated(), []);
  pass(1);
  assert.deepEqual(seated(), ['b2']);
  // Closures that are over have made room.
  assert.equal(closeModel('fits again', hourMs), at() + hourMs);
  come('b3');
  assert.deepEqual(seated(), ['b3']);
});

test('of several announced times the longest counts', () => {
  const { start, findNoRoom, come, seated, pass } = arrange({ seats: 9 });
  const busy = [start('a1'), start('a2'), start('a3')];
  assert.deepEqual(
    busy.map((place, nth) => findNoRoom(place, [200, 500, 300][nth] ?? 0)),
    [200, 500, 500],
  );
  come('a4');
  pass(499);
  assert.deepEqual(seated(), []);
  pass(1);
  assert.deepEqual(seated(), ['a4']);
});

test('an answer without a time, or with one that is over, closes nothing', () => {
  const { start, findNoRoom, come, seated } = arrange({ seats: 9 });
  findNoRoom(start('a1'), null);
  findNoRoom(start('a2'), 0, 'provider');
  come('a3');
  assert.deepEqual(seated(), ['a3']);
});

/** Passes each request that starts within the time to `answer`, second by second; returns the seconds of the starts. */
function startsWithin({ pass, at, seated }: Arranged, ms: number, answer: (name: string) => void): number[] {
  const starts: number[] = [];
  for (const last = at() + ms; at() < last; ) {
    pass(1000);
    for (const name of seated()) {
      starts.push(at() / 1000);
      answer(name);
    }
  }
  return starts;
}

/** One model that is closed for an hour from the beginning, and `waiting` requests for it, a0, a1 … */
function arrangeClosedForAnHour(waiting: number, scope: Scope = 'model') {
  const pool = arrange({ seats: 9 });
  pool.close('a', hourMs, scope);
  const places = Array.from({ length: waiting }, (_, nth) => pool.come(`a${nth}`, 5, {}, 2 * hourMs));
  const named = (name: string) => places.find(({ holder }) => holder === name) ?? assert.fail(name);
  return { ...pool, places, named };
}

test('a model closed for an hour gets one request after 30 s and, while those find no room, after 1, 2, 4, 4 … minutes', () => {
  for (const scope of ['model', 'provider'] as const) {
    const pool = arrangeClosedForAnHour(30, scope);
    const findNoRoom = (name: string) => pool.findNoRoom(pool.named(name), hourMs - pool.at(), scope);
    assert.deepEqual(startsWithin(pool, 1_200_000, findNoRoom), [30, 90, 210, 450, 690, 930, 1170]);
    const rest = startsWithin(pool, hourMs - 1_200_000, findNoRoom);
    assert.deepEqual([...new Set(rest)].slice(-2), [3570, 3600]);
    assert.equal(rest.filter(second => second === 3600).length, 9, 'open: as many as there are seats');
  }
});

test('an accepted probe opens the model at once, before its answer has ended', () => {
  const { pass, seated, scheduler, named, at } = arrangeClosedForAnHour(5);
  pass(30_000);
  assert.deepEqual(seated(), ['a0']);
  assert.equal(scheduler.answered(named('a0'), 'taken', at()), true);
  assert.deepEqual(seated(), ['a1', 'a2', 'a3', 'a4']);
  assert.equal(scheduler.answered(named('a1'), 'taken', at()), false, 'it was no probe');
});

test('a probe that finds no room for a shorter time shortens the closure', () => {
  const { pass, seated, named, findNoRoom } = arrangeClosedForAnHour(3);
  pass(30_000);
  assert.deepEqual(seated(), ['a0']);
  findNoRoom(named('a0'), 5000);
  pass(4999);
  assert.deepEqual(seated(), []);
  pass(1);
  assert.deepEqual(seated(), ['a1', 'a2']);
});

test('a probe that finds no room, but with no time or for another target, leaves the model closed', () => {
  for (const scope of ['model', 'provider'] as const) {
    const pool = arrangeClosedForAnHour(9);
    const findNoRoom = (name: string) => pool.findNoRoom(pool.named(name), scope === 'model' ? null : 1000, scope);
    assert.deepEqual(startsWithin(pool, 300_000, findNoRoom), [30, 90, 210]);
  }
});

test('after a probe without an answer the next one follows after the same interval, counted from its start', () => {
  const pool = arrangeClosedForAnHour(9);
  const lose = (name: string) => {
    pool.pass(4000);
    pool.end(pool.named(name), none);
  };
  assert.deepEqual(startsWithin(pool, 120_000, lose), [30, 60, 90, 120]);
});

test('two probes never run at once, except when one hangs for four minutes', () => {
  const pool = arrangeClosedForAnHour(9);
  assert.deepEqual(
    startsWithin(pool, 600_000, () => {}),
    [30, 270, 510],
  );
  // The first is taken after all, but its information is old; the present probe counts.
  assert.equal(pool.scheduler.answered(pool.named('a0'), 'taken', pool.at()), false);
  assert.equal(pool.scheduler.answered(pool.named('a2'), 'taken', pool.at()), true);
});

test('a probe that was never sent, or is at fault itself, proves nothing: another one follows at once', () => {
  const { pass, seated, scheduler, named, at } = arrangeClosedForAnHour(4);
  pass(30_000);
  assert.deepEqual(seated(), ['a0']);
  scheduler.releaseUnused(named('a0'), at());
  assert.deepEqual(seated(), ['a1']);
  assert.equal(scheduler.answered(named('a1'), 'at fault', at()), true);
  assert.deepEqual(seated(), ['a2'], 'while a1 still holds its seat');
  assert.equal(scheduler.answered(named('a1'), 'at fault', at()), false);
  assert.deepEqual(seated(), []);
});

test('the probe is the request that is next in turn, once there is a seat for it', () => {
  const { come, close, start, end, seated, pass } = arrange();
  close('a', hourMs);
  const running = start('x');
  come('a9', 9);
  come('a0', 0);
  pass(30_000);
  assert.deepEqual(seated(), []);
  pass(500_000);
  end(running);
  assert.deepEqual(seated(), ['a0']);
});

test('if nobody waits, the next request to arrive is the probe, and later ones are not', () => {
  const { come, close, seated, pass, scheduler, at } = arrange({ seats: 9 });
  close('a', hourMs);
  pass(29_999);
  const early = come('a1', 5, {}, 10);
  assert.deepEqual([seated(), scheduler.inspection.closedTo(early, at())?.until], [[], hourMs]);
  pass(100_000);
  const probe = come('a2');
  come('a3');
  assert.deepEqual(seated(), ['a2']);
  assert.equal(scheduler.answered(probe, 'taken', at()), true);
  assert.deepEqual(seated(), ['a3']);
});

test('a closure of 30 s or less needs no probe', () => {
  const { come, close, seated, pass } = arrange({ seats: 9 });
  close('a', 30_000);
  come('a1');
  come('a2');
  pass(29_999);
  assert.deepEqual(seated(), []);
  pass(1);
  assert.deepEqual(seated(), ['a1', 'a2']);
});

test('new settings, new tenants and the end of the queue reach requests that stand aside', () => {
  const { come, close, seated, configure, scheduler, pass } = arrange({ seats: 9 });
  close('a', 1000);
  for (let nth = 0; nth < 3; nth++) come(`a${nth}`);
  configure({ seats: 9 }, { a: { maxConcurrent: 1 } });
  assert.deepEqual(seated(), []);
  pass(1000);
  assert.deepEqual(seated(), ['a0']);
  assert.deepEqual(
    scheduler.removeAll().map(({ holder }) => holder),
    ['a1', 'a2'],
  );
  const { waiting, aside, waitingCost } = scheduler.level(5);
  assert.deepEqual([waiting, aside, waitingCost, scheduler.waiting], [0, 0, 0, 0]);
});
