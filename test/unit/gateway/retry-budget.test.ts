import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RetryBudget } from '../../../src/gateway/route/retry-budget.ts';

test('ten retries in ten seconds are always allowed, and of many requests a fifth', () => {
  const budget = new RetryBudget();
  const taken = (now: number) => Array.from({ length: 1000 }, () => budget.take(now)).filter(Boolean).length;
  assert.equal(taken(0), 10);
  for (let nth = 0; nth < 200; nth++) budget.request(500);
  assert.equal(taken(900), 30);
  assert.equal(taken(9_999), 0);
  assert.equal(taken(10_000), 10, 'what was ten seconds ago is forgotten');
});

test('after any pause it is as new', () => {
  const budget = new RetryBudget();
  for (const now of [0, 12_345_678_901, 12_345_678_902 + 10_000]) {
    for (let nth = 0; nth < 10; nth++) assert.equal(budget.take(now), true);
    assert.equal(budget.take(now), false);
  }
});

test('in no ten steps of a second are there more retries than a fifth of their requests, or ten', () => {
  const event = fc.record({ afterMs: fc.nat(3_000), isRetry: fc.boolean(), count: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), events => {
      const budget = new RetryBudget();
      const requests: number[] = [];
      const retries: number[] = [];
      let now = 0;
      for (const { afterMs, isRetry, count } of events) {
        now += afterMs;
        for (let nth = 0; nth < count; nth++) {
          const step = Math.floor(now / 1_000);
          if (!isRetry) {
            budget.request(now);
            requests.push(step);
            continue;
          }
          const recent = (steps: number[]) => steps.filter(one => one > step - 10).length;
          const isAllowed = recent(retries) + 1 <= Math.max(10, recent(requests) * 0.2);
          assert.equal(budget.take(now), isAllowed);
          if (isAllowed) retries.push(step);
        }
      }
    }),
  );
});
