/** The seats that a pool wants: what an autoscaler of the model server goes by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allLevels, type Level } from '../../../src/domain/vocabulary.ts';
import { Place, Scheduler } from '../../../src/scheduler/scheduler.ts';
import { arrangeScheduler } from '../../support/arrange-scheduler.ts';
import { anyTarget, perLevel, poolSettings, tenantRules } from '../../support/pool-settings.ts';

const wantedIn = ({ scheduler, at }: ReturnType<typeof arrangeScheduler>) => scheduler.inspection.seatsWanted(at());
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

test('what runs and what waits is wanted, level by level', () => {
  const pool = arrangeScheduler({ seats: 2 });
  assert.deepEqual(wantedIn(pool), perLevel(0));
  for (const [name, level] of [
    ['a', 0],
    ['b', 0],
    ['c', 5],
    ['d', 9],
    ['e', 9],
  ] as const)
    pool.come(name, level);
  assert.equal(pool.seated().length, 2);
  assert.deepEqual(wantedIn(pool), perLevel(0, { 0: 2, 5: 1, 9: 2 }));
});

test('a tenant at its limit of seats wants no more, whatever of its requests waits in whichever level', () => {
  const pool = arrangeScheduler({ seats: 1 }, { small: { maxConcurrent: 3 } });
  for (const level of [1, 1, 1, 4, 4] as const) pool.come(`small at ${level}`, level, { flowId: 'small' });
  pool.come('free', 4, { flowId: 'free' });
  assert.deepEqual(wantedIn(pool), perLevel(0, { 1: 3, 4: 1 }));
  pool.seated();
  assert.deepEqual(wantedIn(pool), perLevel(0, { 1: 3, 4: 1 }), 'one of them runs');
});

test('a tenant at its rates wants what they let start at this moment', () => {
  const pool = arrangeScheduler({ seats: 1 }, { requests: { requestsPerSec: 2 }, tokens: { tokensPerSec: 100 } });
  pool.come('blocks', 0, { flowId: 'other' });
  pool.seated();
  for (let i = 0; i < 9; i++) pool.come(`r${i}`, 3, { flowId: 'requests' });
  for (let i = 0; i < 9; i++) pool.come(`t${i}`, 6, { flowId: 'tokens', tokens: 40 });
  assert.deepEqual(wantedIn(pool), perLevel(0, { 0: 1, 3: 2, 6: 3 }));
});

test('requests for a closed model, provider or pool are not wanted, also while a probe may start', () => {
  const pool = arrangeScheduler({ seats: 2 });
  const { scheduler, at } = pool;
  const closing = pool.come('closing', 2, { model: 'a' });
  pool.come('stays', 2, { model: 'b' });
  pool.seated();
  scheduler.upstreamBusy(closing, 'model', at() + 3_600_000, at());
  for (const model of ['a', 'a', 'b']) pool.come(`waits for ${model}`, 2, { model });
  assert.deepEqual(wantedIn(pool), perLevel(0, { 2: 3 }));
  pool.pass(60_000);
  scheduler.nextWake(at());
  assert.deepEqual(wantedIn(pool), perLevel(0, { 2: 3 }));
});

test('a level wants no more than its cap', () => {
  const pool = arrangeScheduler({ seats: 1, cap: perLevel(Number.POSITIVE_INFINITY, { 7: 2 }) });
  for (let i = 0; i < 5; i++) pool.come(`r${i}`, 7);
  assert.deepEqual(wantedIn(pool), perLevel(0, { 7: 2 }));
});

const anyRequest = fc.record({
  flowId: fc.constantFrom('a', 'b', 'c', 'd'),
  level: fc.constantFrom<Level>(...allLevels.slice(0, 4)),
});
const anyLimits = fc.record({
  maxConcurrent: fc.option(fc.integer({ min: 1, max: 6 })),
  requestsPerSec: fc.option(fc.integer({ min: 1, max: 6 })),
});
const noLimits = { maxConcurrent: null, requestsPerSec: null };
const noCap = perLevel(Number.POSITIVE_INFINITY);
const anyCap = fc.array(fc.constantFrom(1, 3, Number.POSITIVE_INFINITY), { minLength: 10, maxLength: 10 });

test('as many seats are wanted as would be taken if there were any number of them', () => {
  fc.assert(
    fc.property(
      fc.record({ seats: fc.integer({ min: 1, max: 4 }), ended: fc.nat(3) }),
      // Not both: then it depends on whose turn it is.
      fc.oneof(
        fc.record({ cap: anyCap, a: fc.constant(noLimits), b: fc.constant(noLimits) }),
        fc.record({ cap: fc.constant(noCap), a: anyLimits, b: anyLimits }),
      ),
      fc.array(anyRequest, { maxLength: 40 }),
      ({ seats, ended }, { cap, a, b }, requests) => {
        const tenants = tenantRules({ a, b });
        const scheduler = new Scheduler<null>({ settings: poolSettings({ seats, cap }), tenants });
        const running: Place<null>[] = [];
        const start = () => {
          for (let next = scheduler.next(0); next !== undefined; next = scheduler.next(0)) running.push(next);
        };
        for (const request of requests) {
          const demand = { ...anyTarget, cost: 1, tokens: 1, bodyBytes: 0, ...request };
          scheduler.enqueue(new Place(null, demand, Number.POSITIVE_INFINITY), 0);
          start();
        }
        for (const place of running.splice(0, ended)) scheduler.finish(place, { cost: 1, tokens: 1 }, 0);
        const wanted = sum(scheduler.inspection.seatsWanted(0));
        scheduler.configure(poolSettings({ seats: 1000, cap }), tenants, 0);
        start();
        assert.equal(scheduler.inUse, wanted);
      },
    ),
  );
});
