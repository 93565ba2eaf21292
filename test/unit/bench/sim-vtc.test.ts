/** The synthetic workloads of the VTC paper on the scheduler itself; `npm run bench -- sim` prints the same tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runVtc, type SchedulerName, schedulers } from '../../../bench/sim/vtc.ts';
import { fairnessChecks, latencyChecks, weightedChecks } from '../../../bench/sim/vtc-checks.ts';
import { assertMet } from '../../support/checks.ts';

const seeds = [1, 2, 3];

test('overloaded tenants share as fairly as published, or fairer, and first come, first served is as unfair as published', () => {
  assertMet(fairnessChecks(seeds));
});

test('tenants with weights 1:2:3:4 get the published service, and their shares within 1 %', () => {
  assertMet(weightedChecks(seeds));
});

test('tenants wait for their first token as long as published', () => {
  assertMet(latencyChecks(seeds));
});

test('a tenant that was away gets no credit when it returns, as it does with least counter first', () => {
  const firstTokenOf = (scheduler: SchedulerName) =>
    runVtc('dist_shift', scheduler, { seed: 1 }).firstTokenSec[0] ?? NaN;
  assert.ok(firstTokenOf('lcf') < 2, 'the defect that makes the difference');
  assert.ok(firstTokenOf('vtc') > 10);
  assert.ok(firstTokenOf('oracle') > 10);
});

test('the same seed is the same run to the last event, another seed is another one', () => {
  for (const scheduler of schedulers) {
    const hashOf = (seed: number) => runVtc('poisson_short_long', scheduler, { seed, admission: 'batches' }).traceHash;
    const first = hashOf(1);
    assert.equal(hashOf(1), first, scheduler);
    assert.notEqual(hashOf(2), first, scheduler);
  }
});
