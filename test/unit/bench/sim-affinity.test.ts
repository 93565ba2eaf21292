/** What the bench of affinity prints, with less of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate, type Way } from '../../../bench/affinity/simulation.ts';

const shape = { seed: 1, minutes: 12, perSec: 0.9, cacheBlocks: 1600 };
const of = (way: Way) => simulate({ ...shape, way });

test('with affinity requests find far more of their prompts, and no endpoint has more than its share', () => {
  const plain = of('least busy');
  const best = of('one cache for all');
  for (const way of ['session', 'prefix'] as const) {
    const { hitRate, overBound, served, requests } = of(way);
    assert.ok(hitRate > plain.hitRate + 0.2, `${way}: ${hitRate} against ${plain.hitRate}`);
    assert.ok(hitRate <= best.hitRate + 0.02);
    assert.equal(overBound, 0);
    assert.ok(served < 1.25, `${way}: ${served}`);
    assert.ok(requests > 2000);
  }
  assert.ok(Math.abs(of('round robin').hitRate - plain.hitRate) < 0.1);
});

test('the same seed gives the same run', () => {
  assert.deepEqual(of('prefix'), of('prefix'));
});
