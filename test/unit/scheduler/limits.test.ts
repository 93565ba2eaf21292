/** Reserved seats, caps, rates, tenants' limits, and their interaction. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scope } from '../../../src/scheduler/scheduler.ts';
import { arrangeScheduler as arrange } from '../../support/arrange-scheduler.ts';
import { perLevel } from '../../support/pool-settings.ts';

const times = (count: number) => Array.from({ length: count }, (_, index) => index);

test('a reserved seat is free for P0 at once while streams that never end hold all others', () => {
  const { come, seated } = arrange({ seats: 8, reserved: perLevel(0, { 0: 2 }) });
  for (const index of times(20)) come(`P9 ${index}`, 9);
  assert.equal(seated().length, 6);
  come('first', 0);
  come('second', 0);
  come('third', 0);
  assert.deepEqual(seated(), ['first', 'second']);
});

test('a cap holds its level down while seats are free, and others pass it by', () => {
  const { come, seated, end } = arrange({
    seats: 4,
    policy: 'strict',
    cap: perLevel(Number.POSITIVE_INFINITY, { 2: 1 }),
  });
  const first = come('P2 first', 2);
  come('P2 second', 2);
  come('P5', 5);
  assert.deepEqual(seated(), ['P2 first', 'P5']);
  end(first);
  assert.deepEqual(seated(), ['P2 second']);
});

test('known answer of SMG: of 128 seats the best class reserves 32; the worst gets 96, whether the 32 are used or not', () => {
  const { come, seated, scheduler } = arrange({ seats: 128, reserved: perLevel(0, { 0: 32 }) });
  for (const index of times(200)) come(`low ${index}`, 9);
  assert.equal(seated().length, 96);
  for (const index of times(32)) come(`high ${index}`, 0);
  assert.equal(seated().length, 32);
  assert.deepEqual([scheduler.level(9).running, scheduler.inUse], [96, 128]);
});

test('known answer of SMG: of 4 seats the best class reserves 2; the worst gets 2, and then the best still gets 2', () => {
  const { come, seated } = arrange({ seats: 4, reserved: perLevel(0, { 0: 2 }) });
  for (const index of times(4)) come(`low ${index}`, 9);
  assert.deepEqual(seated(), ['low 0', 'low 1']);
  for (const index of times(4)) come(`high ${index}`, 0);
  assert.deepEqual(seated(), ['high 0', 'high 1']);
});

/** The faulty rule: each partition admits up to its own share or while the total is below the limit. */
function naivePartitions(limit: number, shares: readonly number[], arrivals: readonly number[]): number {
  const inFlight = shares.map(() => 0);
  for (const partition of arrivals) {
    const total = inFlight.reduce((sum, each) => sum + each, 0);
    const own = inFlight[partition] ?? 0;
    if (total < limit || own < limit * (shares[partition] ?? 0)) inFlight[partition] = own + 1;
  }
  return inFlight.reduce((sum, each) => sum + each, 0);
}

test('naive partitions have 17 requests in flight at a limit of 10; reserves never exceed it', () => {
  const [live, batch] = [0, 1];
  const arrivals = [...times(10).map(() => batch), ...times(7).map(() => live)];
  assert.equal(naivePartitions(10, [0.7, 0.3], arrivals), 17);
  for (const reserved of [0, 3, 7, 9]) {
    const { come, seated, scheduler } = arrange({ seats: 10, reserved: perLevel(0, { 0: reserved }) });
    for (const index of times(10)) come(`batch ${index}`, 9);
    assert.equal(seated().length, 10 - reserved);
    for (const index of times(7)) come(`live ${index}`, 0);
    seated();
    assert.ok(scheduler.inUse <= 10, `${scheduler.inUse} in flight`);
  }
});

test('a lower number of seats ends no request: none starts until enough have ended', () => {
  const { come, seated, end, configure, scheduler } = arrange({ seats: 4 });
  const running = times(4).map(index => come(`running ${index}`, 5));
  seated();
  come('waiting', 0);
  configure({ seats: 2 });
  assert.deepEqual([scheduler.seats, scheduler.inUse], [2, 4]);
  for (const place of running.slice(0, 2)) {
    assert.deepEqual(seated(), []);
    end(place);
  }
  assert.deepEqual(seated(), []);
  for (const place of running.slice(2, 3)) end(place);
  assert.deepEqual(seated(), ['waiting']);
});

test('requests may start while the token bucket is not empty, so one request may overdraw it', () => {
  const { come, seated, pass, scheduler, at } = arrange({ seats: 9, tokensPerSec: 100, tokenBurst: 50 });
  for (const name of ['first', 'second', 'third']) come(name, 5, { tokens: 40 });
  assert.deepEqual(seated(), ['first', 'second'], '50, then 10, then −30');
  assert.ok(Math.abs((scheduler.nextWake(at()) ?? 0) - 300) < 0.01);
  pass(299);
  assert.deepEqual(seated(), []);
  pass(2);
  assert.deepEqual(seated(), ['third']);
});

test('a request larger than the bucket is served all the same, and paid for afterwards', () => {
  const { come, seated, pass } = arrange({ seats: 9, tokensPerSec: 100, tokenBurst: 50 });
  come('large', 5, { tokens: 1050 });
  come('next', 5, { tokens: 1 });
  assert.deepEqual(seated(), ['large']);
  pass(10_000);
  assert.deepEqual(seated(), []);
  pass(1);
  assert.deepEqual(seated(), ['next']);
});

test('tokens in flight: a request above the limit is impossible; one that does not fit now waits and is not overtaken', () => {
  const { come, seated, end, scheduler } = arrange({ seats: 9, maxTokensInFlight: 1000, policy: 'strict' });
  assert.equal(come('impossible', 0, { tokens: 1001 }).admission, 'impossible');
  const running = come('running', 5, { tokens: 700 });
  come('large', 5, { tokens: 400 });
  come('small', 9, { tokens: 1 });
  assert.deepEqual(seated(), ['running']);
  assert.equal(scheduler.tokensInFlight, 700);
  end(running);
  assert.deepEqual(seated(), ['large', 'small']);
  come('just fits', 9, { tokens: 599 });
  come('is one too many', 9, { tokens: 1 });
  assert.deepEqual(seated(), ['just fits']);
});

test('a limit of the pool makes everybody wait, best level included; a cap or a tenant at its limit only its own', () => {
  const pool = arrange({ seats: 9, requestsPerSec: 1, requestBurst: 1 });
  pool.come('first', 5);
  pool.come('P0', 0);
  pool.come('P9', 9, { flowId: 'b' });
  assert.deepEqual(pool.seated(), ['P0'], 'the best of those who wait');
  pool.pass(999);
  assert.deepEqual(pool.seated(), []);
  pool.pass(1);
  assert.deepEqual(pool.seated(), ['first']);

  const tenant = arrange({ seats: 9, policy: 'strict' }, { a: { requestsPerSec: 1 } });
  for (const name of ['a in P0', 'a again in P0']) tenant.come(name, 0);
  for (const name of ['a in P3', 'a in P7']) tenant.come(name, name === 'a in P3' ? 3 : 7);
  tenant.come('b in P0', 0, { flowId: 'b' });
  tenant.come('b in P7', 7, { flowId: 'b' });
  assert.deepEqual(tenant.seated(), ['a in P0', 'b in P0', 'b in P7']);
});

test('a tenant at its limit stands aside in all its levels and comes back in all of them', () => {
  const { come, seated, end } = arrange({ seats: 9, policy: 'strict' }, { a: { maxConcurrent: 2 } });
  const running = [come('P9', 9), come('P9 too', 9)];
  assert.deepEqual(seated(), ['P9', 'P9 too']);
  for (const level of [0, 3, 7] as const) come(`a in P${level}`, level);
  come('b in P7', 7, { flowId: 'b' });
  assert.deepEqual(seated(), ['b in P7']);
  for (const place of running) end(place);
  assert.deepEqual(seated(), ['a in P0', 'a in P3']);
});

test('a parked tenant gets no credit', () => {
  const { come, seated, end, pass } = arrange({ seats: 1 }, { a: { requestsPerSec: 1 } });
  let running = come('a', 5);
  seated();
  for (const name of ['a', 'a', 'a', 'a']) come(name, 5);
  for (const _ of times(50)) {
    const next = come('b', 5, { flowId: 'b' });
    end(running);
    assert.deepEqual(seated(), ['b']);
    running = next;
  }
  pass(4000);
  for (const _ of times(4)) come('b', 5, { flowId: 'b' });
  end(running);
  assert.deepEqual(seated(), ['a']);
});

test('the weight of a tenant is its share: 1 : 2 : 4 within one per cent', () => {
  const rules = { a: { weight: 1 }, b: { weight: 2 }, c: { weight: 4 } };
  const { come, scheduler } = arrange({}, rules);
  for (const flowId of ['a', 'b', 'c', 'a', 'b', 'c']) come(flowId, 5, { flowId });
  const served: Record<string, number> = { a: 0, b: 0, c: 0 };
  for (const _ of times(7000)) {
    const place = scheduler.next(0);
    assert.ok(place);
    served[place.flowId] = (served[place.flowId] ?? 0) + 1;
    scheduler.finish(place, place, 0);
    come(place.flowId, 5, { flowId: place.flowId });
  }
  for (const [id, { weight }] of Object.entries(rules))
    assert.ok(Math.abs((served[id] ?? 0) - 1000 * weight) <= 10 * weight);
});

/** A stream of `a` that reports its progress, beside one of `b` that was charged 500; both have something waiting. */
const whoIsNextAfter = (final: number): string[] => {
  const { come, seated, end, scheduler } = arrange({ seats: 2 });
  const long = come('a', 5, { cost: 100, tokens: 50 });
  come('blocker', 5, { flowId: 'b', cost: 500 });
  assert.deepEqual(seated(), ['a', 'blocker']);
  for (const flowId of ['a', 'b']) come(flowId, 5, { flowId });
  assert.equal(scheduler.progress(long, { cost: 116, tokens: 58 }, 0), false, 'not worth it yet');
  assert.equal(scheduler.progress(long, { cost: 117, tokens: 59 }, 0), true);
  assert.equal(scheduler.progress(long, { cost: 117, tokens: 59 }, 0), false);
  assert.equal(scheduler.progress(long, { cost: 900, tokens: 450 }, 0), true, 'now b is before a');
  end(long, { cost: final, tokens: 450 });
  return seated();
};

test('the charge is raised while a stream runs, by steps of 8 output tokens, and settled at its end', () => {
  assert.deepEqual(whoIsNextAfter(900), ['b']);
  assert.deepEqual(whoIsNextAfter(10), ['a'], 'what was too much is given back');
});

test('with aimd the seats follow the upstream, except on a limit of one model with a time', () => {
  const seatsAfter = (aimd: boolean, scope: Scope, until: number | null) => {
    const { come, seated, scheduler, at } = arrange({ seats: 10, aimd });
    const busy = come('without room', 5);
    seated();
    scheduler.upstreamBusy(busy, scope, until, at());
    return scheduler.seats;
  };
  assert.deepEqual(
    [
      seatsAfter(true, 'model', null),
      seatsAfter(true, 'provider', null),
      seatsAfter(true, 'provider', 500),
      seatsAfter(true, 'model', 500),
      seatsAfter(false, 'provider', null),
    ],
    [9, 9, 9, 10, 10],
  );
});

test('while a model is closed none of its requests starts, and when it opens the best one starts at once', () => {
  const { come, seated, end, scheduler, pass, at } = arrange({ seats: 2 });
  const busy = [come('without room', 5), come('without room', 5)];
  seated();
  for (const [nth, place] of busy.entries()) scheduler.upstreamBusy(place, 'model', nth === 0 ? 500 : 200, at());
  for (const place of busy) end(place);
  come('P9', 9);
  come('P0', 0);
  assert.deepEqual([seated(), scheduler.nextWake(at())], [[], 500]);
  pass(499);
  assert.deepEqual(seated(), []);
  pass(1);
  assert.deepEqual(seated(), ['P0', 'P9']);
});

test('a request that is put back is first in its flow, keeps its deadline and pays nothing for the first try', () => {
  const { come, seated, scheduler, pass, at } = arrange({}, {});
  const returned = come('put back', 5, {}, 1000);
  seated();
  come('behind', 5);
  come('other', 5, { flowId: 'b' });
  pass(10);
  assert.equal(scheduler.putBack(returned, at()), true);
  assert.equal(scheduler.putBack(returned, at()), false, 'it has no seat to give up');
  assert.equal(returned.deadline, 1000);
  assert.deepEqual(seated(), ['put back'], 'its flow has waited for longer than the other, and was charged no more');
});

test('a refund uses the weight with which the request was charged, whatever its tenant’s weight is by then', () => {
  const { come, seated, end, configure } = arrange({ seats: 2 }, { a: { weight: 8 } });
  let running = come('a', 5, { cost: 800 });
  come('holds the other seat', 5, { flowId: 'b', cost: 50 });
  seated();
  const waiting = [1, 2, 3, 4].map(() => come('a', 5, { cost: 50 }));
  come('b', 5, { flowId: 'b', cost: 50 });
  configure({ seats: 2 }, { a: { weight: 1 } });
  end(running, { cost: 0, tokens: 0 });
  const order: string[] = [];
  for (const next of waiting.slice(0, 3)) {
    order.push(...seated());
    running = next;
    end(running);
  }
  assert.deepEqual(order, ['a', 'a', 'b']);
});

test('a tenant whose rate has recovered meanwhile starts at once, although no request may wait', () => {
  const { come, seated, pass } = arrange({ seats: 9, maxQueueDepth: perLevel(0) }, { a: { requestsPerSec: 1 } });
  come('first', 5);
  seated();
  assert.equal(come('too early', 5).admission, 'level_full');
  pass(1000);
  assert.equal(come('second', 5).admission, 'queued');
  assert.deepEqual(seated(), ['second']);
});

test('a request that is put back, or never used its seat, uses nothing of its tenant’s rate', () => {
  const { come, seated, scheduler, at } = arrange({ seats: 9 }, { a: { requestsPerSec: 1 } });
  const returned = come('put back', 5);
  seated();
  scheduler.putBack(returned, at());
  assert.deepEqual(seated(), ['put back']);
  scheduler.releaseUnused(returned, at());
  come('next', 5);
  assert.deepEqual(seated(), ['next']);
});
