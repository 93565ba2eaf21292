import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FreshRows, type FreshRowsParts } from '../../../src/db/fresh-rows.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const ttlMs = 30_000;

/** Rows whose loads the test ends, in their order; what is in effect is the number of the load. */
function arrange(t: TestContext, given: Partial<FreshRowsParts<number>> = {}) {
  const clock = new ManualClock();
  const loads: PromiseWithResolvers<void>[] = [];
  const failures: string[] = [];
  const table = { inEffect: 0 };
  const rows = new FreshRows<number>({
    load: async () => {
      const load = Promise.withResolvers<void>();
      const number = loads.push(load);
      await load.promise;
      table.inEffect = number;
      return number;
    },
    onFailure: (error, isFirst) => failures.push(`${isFirst ? 'first' : 'again'}: ${(error as Error).message}`),
    retriedBy: 'timer',
    ttlMs: () => ttlMs,
    clock,
    ...given,
  });
  t.after(async () => {
    for (const load of loads) load.resolve();
    await rows.stop();
  });
  const succeed = async () => {
    loads.at(-1)?.resolve();
    await settled();
  };
  const fail = async (message: string) => {
    loads.at(-1)?.reject(new Error(message));
    await settled();
  };
  const start = async () => {
    const started = rows.start();
    await succeed();
    await started;
  };
  return { rows, clock, loads, failures, table, succeed, fail, start };
}

const settled = () => new Promise(resolve => setImmediate(resolve));
const unavailable = { code: 'unavailable' };

test('a start resolves with the first rows in effect, however many loads fail before', async t => {
  const { rows, clock, loads, failures, succeed, fail } = arrange(t);
  let isStarted = false;
  const started = rows.start().then(() => {
    isStarted = true;
  });
  for (let second = 0; second < 3; second++) {
    await fail('away');
    assert.deepEqual([rows.isLoaded, rows.isFailing, isStarted], [false, true, false]);
    clock.advance(999);
    assert.equal(loads.length, second + 1);
    clock.advance(1);
  }
  await succeed();
  await started;
  assert.deepEqual([rows.isLoaded, rows.isFailing, loads.length], [true, false, 4]);
  assert.deepEqual(failures, ['first: away', 'again: away', 'again: away']);
});

test('each outage reports one first failure, whatever its errors are', async t => {
  const { rows, clock, failures, succeed, fail, start } = arrange(t);
  await start();
  rows.changed();
  await fail('connection refused');
  clock.advance(1_000);
  await fail('the database system is starting up');
  clock.advance(1_000);
  await succeed();
  rows.changed();
  await fail('connection refused');
  assert.deepEqual(failures, [
    'first: connection refused',
    'again: the database system is starting up',
    'first: connection refused',
  ]);
});

test('callers during a load share one load that begins after their call', async t => {
  const { rows, loads, succeed, start } = arrange(t);
  await start();
  const first = rows.reload();
  const [second, third] = [rows.reload(), rows.reload()];
  rows.changed();
  assert.equal(loads.length, 2);
  await succeed();
  assert.equal(await first, 2);
  assert.equal(loads.length, 3);
  await succeed();
  assert.deepEqual([await second, await third, loads.length], [3, 3, 3]);
});

test('a failed load rejects for its callers, and the load queued behind it still begins', async t => {
  const { rows, clock, loads, table, succeed, fail, start } = arrange(t);
  await start();
  const failing = assert.rejects(rows.reload(), /away/);
  const next = rows.reload();
  await fail('away');
  await failing;
  assert.equal(loads.length, 3);
  await succeed();
  assert.deepEqual([await next, table.inEffect, rows.isFailing], [3, 3, false]);
  clock.advance(1_000);
  assert.equal(loads.length, 3, 'the retry of the failed load is not wanted any more');
});

test('when the time to live is over the next use begins one load; time alone or an earlier use does not', async t => {
  const { rows, clock, loads, succeed, start } = arrange(t);
  await start();
  clock.advance(ttlMs - 1);
  rows.use();
  assert.equal(loads.length, 1);
  clock.advance(1_000_000);
  assert.equal(loads.length, 1);
  for (let use = 0; use < 3; use++) rows.use();
  assert.equal(loads.length, 2);
  await succeed();
  rows.use();
  assert.deepEqual([rows.isOverdue, loads.length], [false, 2]);
});

test('the time to live is read after each load and starts again with it', async t => {
  let ttl = 10_000;
  const { rows, clock, succeed, start } = arrange(t, { ttlMs: () => ttl });
  await start();
  clock.advance(9_000);
  ttl = 5_000;
  rows.changed();
  await succeed();
  clock.advance(4_999);
  assert.equal(rows.isOverdue, false);
  clock.advance(1);
  assert.equal(rows.isOverdue, true);
});

test('rows without a time to live are never overdue', async t => {
  const clock = new ManualClock();
  const rows = new FreshRows({ load: async () => {}, onFailure: assert.fail, retriedBy: 'timer', clock });
  t.after(() => rows.stop());
  await rows.start();
  assert.equal(clock.pending, 0);
});

test('retried by use: a load that failed is tried again by a use, at most once a second, and by no timer', async t => {
  const { rows, clock, loads, succeed, fail, start } = arrange(t, { retriedBy: 'use' });
  await start();
  rows.changed();
  await fail('away');
  clock.advance(999);
  rows.use();
  assert.deepEqual([rows.isOverdue, loads.length], [true, 2]);
  clock.advance(10_000);
  assert.equal(loads.length, 2);
  rows.use();
  rows.use();
  assert.equal(loads.length, 3);
  await fail('away');
  rows.use();
  assert.equal(loads.length, 3);
  clock.advance(1_000);
  rows.use();
  await succeed();
  assert.deepEqual([rows.isOverdue, rows.isFailing, loads.length], [false, false, 4]);
});

test('retried by a timer: a use between two tries begins none', async t => {
  const { rows, clock, loads, fail, start } = arrange(t);
  await start();
  clock.advance(ttlMs);
  rows.use();
  await fail('away');
  clock.advance(500);
  rows.use();
  assert.equal(loads.length, 2);
  clock.advance(500);
  rows.use();
  assert.equal(loads.length, 3);
});

test('a stop before the first rows ends the wait for them', async t => {
  const { rows, fail } = arrange(t);
  const started = assert.rejects(rows.start(), unavailable);
  await fail('away');
  await rows.stop();
  await started;
});

test('a stop leaves no unhandled rejection if nobody awaited the start', async t => {
  const { rows } = arrange(t);
  await rows.stop();
  await settled();
});

test('a stop before a retry cancels it and leaves no timer', async t => {
  const { rows, clock, loads, fail, start } = arrange(t);
  await start();
  rows.changed();
  await fail('away');
  await rows.stop();
  assert.equal(clock.pending, 0);
  clock.advance(10_000);
  rows.use();
  rows.changed();
  await settled();
  assert.equal(loads.length, 2);
  await assert.rejects(rows.reload(), unavailable);
});

test('a stop during a load waits for it and applies it, but starts neither a timer nor the queued load', async t => {
  const { rows, clock, loads, table, succeed, start } = arrange(t);
  await start();
  const running = rows.reload();
  const waiting = assert.rejects(rows.reload(), unavailable);
  let isStopped = false;
  const stopping = rows.stop().then(() => {
    isStopped = true;
  });
  await settled();
  assert.equal(isStopped, false);
  await succeed();
  await stopping;
  assert.deepEqual([await running, table.inEffect, loads.length, clock.pending], [2, 2, 2, 0]);
  await waiting;
});

test('a load that fails after the stop rejects for its callers and is reported to nobody else', async t => {
  const { rows, clock, failures, fail, start } = arrange(t);
  await start();
  const running = assert.rejects(rows.reload(), /closed/);
  const stopping = rows.stop();
  await fail('closed');
  await stopping;
  await running;
  assert.deepEqual([failures, clock.pending], [[], 0]);
});
