import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OutputEstimates } from '../../../src/gateway/output-estimate.ts';

test('a first request is taken for 256 tokens, or for fewer where it allows fewer', () => {
  const estimates = new OutputEstimates();
  assert.equal(estimates.estimate('dept-ml', 'm', null), 256);
  assert.equal(estimates.estimate('dept-ml', 'm', 4096), 256);
  assert.equal(estimates.estimate('dept-ml', 'm', 16), 16);
});

test('the estimate is the mean of the last five answers, never above the limit', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(100_000), { minLength: 1, maxLength: 20 }),
      fc.option(fc.nat(100_000)),
      (answers, limit) => {
        const estimates = new OutputEstimates();
        for (const tokens of answers) estimates.record('f', 'm', tokens);
        const last = answers.slice(-5);
        const mean = last.reduce((sum, tokens) => sum + tokens, 0) / last.length;
        const expected = Math.min(limit ?? Number.POSITIVE_INFINITY, mean);
        assert.ok(Math.abs(estimates.estimate('f', 'm', limit) - expected) < 1e-6);
      },
    ),
  );
});

test('tenants and models are told apart', () => {
  const estimates = new OutputEstimates();
  estimates.record('a', 'm', 1000);
  estimates.record('a', 'n', 10);
  assert.equal(estimates.estimate('a', 'm', null), 1000);
  assert.equal(estimates.estimate('a', 'n', null), 10);
  assert.equal(estimates.estimate('b', 'm', null), 256);
});

test('invented names of models push out names that were not used for long, and only those of their own flow', () => {
  const estimates = new OutputEstimates();
  estimates.record('neighbour', 'm', 1000);
  estimates.record('flooder', 'kept', 500);
  for (let n = 0; n < 10_000; n++) {
    estimates.record('flooder', `invented-${n}`, 1);
    if (n % 10 === 0) estimates.record('flooder', 'kept', 500);
  }
  assert.ok(estimates.size <= 33, `${estimates.size} averages`);
  assert.equal(estimates.estimate('neighbour', 'm', null), 1000);
  assert.equal(estimates.estimate('flooder', 'kept', null), 500);
  assert.equal(estimates.estimate('flooder', 'invented-0', null), 256);
  assert.equal(estimates.estimate('flooder', 'invented-9999', null), 1);
});

test('a hundred thousand flows are not all remembered, nor is a very long name', () => {
  const estimates = new OutputEstimates();
  for (let n = 0; n < 100_000; n++) estimates.record(`user:${n}`, 'm', 7);
  const { size } = estimates;
  assert.ok(size > 1024 && size <= 4096, `${size} averages`);
  estimates.record('user:99999', 'x'.repeat(257), 7);
  assert.equal(estimates.size, size);
  assert.equal(estimates.estimate('user:99999', 'm', null), 7);
});
