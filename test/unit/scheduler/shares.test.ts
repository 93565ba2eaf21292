/** The shares of tenants and levels, and the known answers of the design. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PoolSettings } from '../../../src/config/config.ts';
import { allLevels, type Level, type Policy } from '../../../src/domain/vocabulary.ts';
import { Place, Scheduler, type SchedulerOptions } from '../../../src/scheduler/scheduler.ts';
import { anyTarget, linear, perLevel, poolSettings } from '../../support/pool-settings.ts';
import { ReferenceScheduler } from '../../support/reference-scheduler.ts';
import { SchedulerById } from '../../support/scheduler-by-id.ts';
import { type Step, walk } from '../../support/scheduler-walk.ts';

const options = (policy: Policy, fields: Partial<PoolSettings> = {}): SchedulerOptions => ({
  settings: poolSettings({ policy, ...fields }),
  tenants: new Map(),
});

interface Demand {
  readonly level: Level;
  readonly flowId?: string;
  readonly cost?: number;
}

/** A scheduler of places that hold their own demand, at a constant time. */
function arrange(policy: Policy, fields: Partial<PoolSettings> = {}) {
  const scheduler = new Scheduler<Demand>(options(policy, fields));
  const place = (demand: Demand) =>
    new Place(
      demand,
      { ...anyTarget, flowId: 'a', cost: 1, tokens: 1, bodyBytes: 0, ...demand },
      Number.POSITIVE_INFINITY,
    );
  const enqueue = (demand: Demand) => {
    const queued = place(demand);
    assert.equal(scheduler.enqueue(queued, 0), 'queued');
    return queued;
  };
  const finish = (ended: Place<Demand>, cost: number) => scheduler.finish(ended, { cost, tokens: cost }, 0);
  /** Seats the next request, ends it at once, returns its demand. */
  const serve = (actualCost?: number): Demand | undefined => {
    const served = scheduler.next(0);
    if (served !== undefined) finish(served, actualCost ?? served.cost);
    return served?.holder;
  };
  /** Serves `count` requests; each served one comes again at once, so that no flow ever runs out. */
  const serveBacklogged = (count: number, again: (served: Demand) => Demand = served => served) => {
    const served: Demand[] = [];
    for (let i = 0; i < count; i++) {
      const demand = serve();
      assert.ok(demand);
      served.push(demand);
      enqueue(again(demand));
    }
    return served;
  };
  return { scheduler, enqueue, finish, serve, serveBacklogged };
}

const costPerLevel = (served: readonly Demand[]) =>
  allLevels.map(level => served.reduce((sum, { level: own, cost }) => sum + (own === level ? (cost ?? 1) : 0), 0));

const sharesOf = (amounts: readonly number[]) => {
  const total = amounts.reduce((sum, amount) => sum + amount, 0);
  return amounts.map(amount => amount / total);
};

const assertShares = (amounts: readonly number[], weights: readonly number[]) => {
  const expected = sharesOf(weights);
  for (const [level, share] of sharesOf(amounts).entries())
    assert.ok(
      Math.abs(share - (expected[level] ?? 0)) <= 0.01 * (expected[level] ?? 0),
      `P${level}: ${share} instead of ${expected[level]}`,
    );
};

test('wfq: levels that always have something waiting are given cost as their weights say, within 1 %', () => {
  for (const weights of [linear, linear.map((_, level) => 2 ** (9 - level))]) {
    const { enqueue, serveBacklogged } = arrange('wfq', { weights });
    for (const level of allLevels) for (let i = 0; i < 2; i++) enqueue({ level, cost: 500 });
    assertShares(costPerLevel(serveBacklogged(110_000)), weights);
  }
});

test('wfq: the shares are shares of cost, not of requests, whatever the sizes', () => {
  const { enqueue, serveBacklogged } = arrange('wfq');
  for (const level of allLevels) for (let i = 0; i < 2; i++) enqueue({ level, cost: 100 });
  let seed = 1;
  const resized = (served: Demand) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return { ...served, cost: served.level % 2 === 0 ? 1000 + (seed % 3000) : 1 + (seed % 100) };
  };
  assertShares(costPerLevel(serveBacklogged(150_000, resized)), linear);
});

/**
 * The faulty rule: each turn adds its weight to every queue, serves the largest, subtracts the thousandth of its
 * tokens.
 */
function naiveWfq(weights: readonly number[], turns: number, tokens: number): number[] {
  const deficits = weights.map(() => 0);
  const served = weights.map(() => 0);
  for (let turn = 0; turn < turns; turn++) {
    for (const [level, weight] of weights.entries()) deficits[level] = (deficits[level] ?? 0) + weight;
    const best = deficits.indexOf(Math.max(...deficits));
    served[best] = (served[best] ?? 0) + tokens;
    deficits[best] = Math.max(0, (deficits[best] ?? 0) - tokens / 1000);
  }
  return served;
}

test('the earlier naive weighting gives P0 everything and P1 to P9 nothing, also at 2:1', () => {
  for (const weights of [linear, linear.map((_, level) => 2 ** (9 - level))])
    assert.deepEqual(sharesOf(naiveWfq(weights, 10_000, 500)), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(naiveWfq([2, 1], 45, 1), [45, 0]);

  const { enqueue, serveBacklogged } = arrange('wfq', { weights: [2, ...Array.from({ length: 9 }, () => 1)] });
  for (const level of [0, 1] as const) for (let i = 0; i < 2; i++) enqueue({ level });
  assert.deepEqual(costPerLevel(serveBacklogged(45)).slice(0, 2), [30, 15]);
});

test('hybrid: P0 first, and what it leaves goes to P1 to P9 as their weights say', () => {
  const { enqueue, serve, serveBacklogged } = arrange('hybrid');
  for (const level of allLevels.slice(1)) for (let i = 0; i < 2; i++) enqueue({ level, cost: 500 });
  const served = serveBacklogged(45_000);
  assertShares(costPerLevel(served).slice(1), linear.slice(1));
  for (let i = 0; i < 50; i++) enqueue({ level: 0, cost: 100_000 });
  for (let i = 0; i < 50; i++) assert.equal(serve()?.level, 0);
  assertShares(costPerLevel(serveBacklogged(45_000)).slice(1), linear.slice(1));
});

test('hybrid and wfq: a level that was idle returns to its share, without a credit', () => {
  for (const policy of ['hybrid', 'wfq'] as const) {
    const { enqueue, serveBacklogged } = arrange(policy);
    for (let i = 0; i < 2; i++) enqueue({ level: 5, cost: 500 });
    serveBacklogged(10_000);
    for (let i = 0; i < 2; i++) enqueue({ level: 7, cost: 500 });
    const served = costPerLevel(serveBacklogged(80));
    assert.ok(Math.abs((served[7] ?? 0) - 30 * 500) <= 500, `${served[5]} : ${served[7]} instead of 5 : 3`);
  }
});

test('strict with one tenant serves by level, then in order of arrival', () => {
  const anyLevels = fc.array(fc.constantFrom(...allLevels), { minLength: 1, maxLength: 100, size: 'max' });
  fc.assert(
    fc.property(anyLevels, levels => {
      const { enqueue, serve } = arrange('strict');
      const demands = levels.map((level, index) => ({ level, cost: index }));
      for (const demand of demands) enqueue(demand);
      assert.deepEqual(
        demands.map(() => serve()),
        [...demands].sort((a, b) => a.level - b.level || a.cost - b.cost),
      );
    }),
  );
});

test('strict: a P9 newcomer does not take the freed seat from a waiting P0', () => {
  const { scheduler, finish, enqueue } = arrange('strict');
  for (let trial = 0; trial < 20; trial++) {
    const running = enqueue({ level: 5 });
    assert.equal(scheduler.next(0), running);
    const waiting = enqueue({ level: 0 });
    assert.equal(scheduler.next(0), undefined);
    finish(running, 1);
    const newcomer = enqueue({ level: 9 });
    assert.equal(scheduler.next(0), waiting);
    assert.equal(scheduler.next(0), undefined);
    finish(waiting, 1);
    assert.equal(scheduler.next(0), newcomer);
    finish(newcomer, 1);
  }
});

test('a heavy tenant takes turns with a light one that comes later, instead of being served first to the end', () => {
  const { enqueue, serve } = arrange('hybrid');
  for (let i = 0; i < 1000; i++) enqueue({ level: 7, flowId: 'heavy', cost: 100 });
  for (let i = 0; i < 500; i++) serve();
  for (let i = 0; i < 10; i++) enqueue({ level: 7, flowId: 'light', cost: 100 });
  const flows = Array.from({ length: 20 }, () => serve()?.flowId);
  assert.equal(flows.filter(flow => flow === 'light').length, 10);
});

test('an overcharge is refunded, and an undercharge is charged', () => {
  for (const [actualCost, expected] of [
    [0, ['a', 'b']],
    [100, ['b', 'a']],
    [1000, ['b', 'b']],
  ] as const) {
    const { scheduler, finish, enqueue, serve } = arrange('hybrid');
    const first = enqueue({ level: 2, flowId: 'a', cost: 100 });
    for (const flowId of ['a', 'a', 'b', 'b']) enqueue({ level: 2, flowId, cost: 100 });
    assert.equal(scheduler.next(0), first);
    finish(first, actualCost);
    const flows = [serve()?.flowId, serve()?.flowId];
    assert.deepEqual(flows, expected, `after ${actualCost}`);
  }
});

test('an absurd usage report neither locks its tenant out nor affects the others', () => {
  const { scheduler, finish, enqueue, serve } = arrange('hybrid', { seats: 2 });
  const holder = enqueue({ level: 2, flowId: 'long', cost: 1 });
  scheduler.next(0);
  for (const actualCost of [Number.NaN, -5, Number.POSITIVE_INFINITY]) {
    for (const flowId of ['a', 'b']) enqueue({ level: 2, flowId, cost: 10 });
    assert.deepEqual(new Set([serve(actualCost)?.flowId, serve()?.flowId]), new Set(['a', 'b']));
  }
  finish(holder, 1);
  for (const flowId of ['a', 'a', 'b']) enqueue({ level: 2, flowId, cost: 10 });
  assert.deepEqual([serve()?.flowId, serve()?.flowId], ['a', 'b'], 'an idle level starts anew');
});

test('tenants are remembered only while they affect decisions: strangers cannot make the scheduler grow', () => {
  const { scheduler, finish, enqueue, serve } = arrange('hybrid', { seats: 2 });
  enqueue({ level: 7, flowId: 'long', cost: 5 });
  const long = scheduler.next(0);
  assert.ok(long);
  for (let stranger = 0; stranger < 20_000; stranger++) {
    enqueue({ level: 7, flowId: `stranger ${stranger}`, cost: 10 + (stranger % 7) });
    serve();
  }
  assert.ok(scheduler.level(7).flows <= 5000, `${scheduler.level(7).flows} tenants remembered`);
  finish(long, 5);
  assert.equal(scheduler.level(7).flows, 0, 'an idle level remembers nobody of so many');
});

test('a tenant is forgotten as soon as the others have caught up with it', () => {
  const { scheduler, enqueue, serve } = arrange('hybrid');
  for (const flowId of ['once', 'busy', 'busy', 'busy', 'busy']) enqueue({ level: 7, flowId, cost: 10 });
  serve();
  assert.equal(scheduler.level(7).flows, 2, 'in debt: remembered');
  serve();
  serve();
  assert.equal(scheduler.level(7).flows, 1, 'even: forgotten');
});

test('counters that have run for years are lowered without changing a decision', () => {
  const anyBigSteps = fc.array(
    fc.record({ flowId: fc.constantFrom('a', 'b', 'c'), cost: fc.integer({ min: 1, max: 1e9 }) }),
    { minLength: 5, maxLength: 40, size: 'max' },
  );
  fc.assert(
    fc.property(anyBigSteps, requests => {
      const rounds = Math.ceil(5000 / requests.length);
      const steps: Step[] = [];
      const enqueue = (request: { flowId: string; cost: number }) =>
        steps.push({
          kind: 'enqueue',
          request: { ...request, ...anyTarget, level: 3, tokens: 0, bodyBytes: 0, timeoutMs: 1e9 },
        });
      for (const request of requests) enqueue(request);
      for (let round = 0; round < rounds; round++)
        for (const { flowId, cost } of requests) {
          enqueue({ flowId, cost: 9e8 + (cost % 1e8) });
          steps.push({ kind: 'finish', nth: 1, spent: { cost: 8e8 + (cost % 2e8), tokens: 0 } });
        }
      const one = options('strict', { maxQueueDepth: perLevel(100) });
      const run = (scheduler: SchedulerById | ReferenceScheduler) =>
        walk(scheduler, steps, { pumpAlways: true }).filter(event => event.kind === 'granted');
      assert.deepEqual(run(new SchedulerById(one)), run(new ReferenceScheduler(one)));
    }),
    { numRuns: 3 },
  );
});

test('weighted levels keep their shares when their counters are lowered', () => {
  const { enqueue, serveBacklogged } = arrange('wfq');
  for (const level of allLevels) for (let i = 0; i < 2; i++) enqueue({ level, cost: 9e8 });
  assertShares(costPerLevel(serveBacklogged(110_000)), linear);
});

test('a level that wakes after the counters were lowered gets its share, no more', () => {
  const { enqueue, serveBacklogged } = arrange('wfq');
  for (let i = 0; i < 2; i++) enqueue({ level: 5, cost: 9e8 });
  serveBacklogged(6000);
  for (let i = 0; i < 2; i++) enqueue({ level: 7, cost: 9e8 });
  const served = costPerLevel(serveBacklogged(80));
  assert.ok(Math.abs((served[7] ?? 0) - 30 * 9e8) <= 9e8, `${served[5]} : ${served[7]} instead of 5 : 3`);
});

test('an overdue request takes no room from a newcomer, even before the deadlines are checked', () => {
  const { scheduler, enqueue } = arrange('hybrid', { maxQueueDepth: perLevel(1) });
  const at = (timeoutMs: number) =>
    new Place<Demand>(
      { level: 3 },
      { ...anyTarget, flowId: 'a', level: 3, cost: 1, tokens: 1, bodyBytes: 0 },
      timeoutMs,
    );
  enqueue({ level: 3 });
  scheduler.next(0);
  const overdue = at(10);
  assert.equal(scheduler.enqueue(overdue, 0), 'queued');
  assert.equal(scheduler.enqueue(at(10), 10), 'level_full');
  assert.equal(scheduler.enqueue(at(10), 11), 'queued');
  assert.deepEqual(scheduler.expire(11), [overdue]);
});

test('a request that can start at once is not subject to the limits of the queue', () => {
  const { scheduler, enqueue } = arrange('hybrid', { maxQueueDepth: perLevel(0), maxQueuedBytes: 0 });
  const first = enqueue({ level: 3 });
  assert.equal(scheduler.next(0), first);
  const second = new Place(
    { level: 3 as Level },
    { ...anyTarget, flowId: 'a', level: 3, cost: 1, tokens: 1, bodyBytes: 0 },
    9,
  );
  assert.equal(scheduler.enqueue(second, 0), 'level_full');
});

test('invalid weights are refused', () => {
  for (const weights of [[1, 2], linear.map(weight => weight - 1), linear.map(() => Number.NaN)])
    assert.throws(() => arrange('wfq', { weights }), /positive/);
});
