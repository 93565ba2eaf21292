/** The effect of reserved seats, in virtual time; `npm run bench -- reserve` prints the table of twenty seeds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from '../../../bench/sim/check.ts';
import { type ReserveSetting, runReserve } from '../../../bench/sim/reserve-case.ts';

const seeds = [1, 2, 3, 4, 5];
const medianOf = (setting: ReserveSetting, figure: 'p50' | 'p99' | 'seatSec' | 'ratio') =>
  median(seeds.map(seed => runReserve(setting, seed)[figure]));

test('without a reserve P0 waits for seconds, in strict order too; with reserved seats it does not', () => {
  for (const setting of ['hybrid, 0 reserved', 'strict, 0 reserved'] as const) {
    assert.ok(medianOf(setting, 'p50') > 1, setting);
    assert.ok(medianOf(setting, 'p99') > 5, setting);
  }
  assert.equal(medianOf('hybrid, 2 reserved', 'p50'), 0);
  assert.equal(medianOf('hybrid, 4 reserved', 'p50'), 0);
  assert.ok(medianOf('hybrid, 4 reserved', 'p99') < medianOf('hybrid, 2 reserved', 'p99'));
  assert.ok(medianOf('hybrid, 4 reserved', 'p99') < 2);
});

test('a reserve of 2 costs the others 5 % of their work, one of 4 costs 15 %, and they share the rest 7 : 3', () => {
  const all = medianOf('hybrid, 0 reserved', 'seatSec');
  for (const [setting, cost] of [
    ['hybrid, 2 reserved', 0.05],
    ['hybrid, 4 reserved', 0.15],
  ] as const)
    assert.ok(Math.abs(1 - medianOf(setting, 'seatSec') / all - cost) <= 0.015, setting);
  for (const setting of ['hybrid, 0 reserved', 'hybrid, 2 reserved', 'hybrid, 4 reserved'] as const)
    assert.ok(Math.abs(medianOf(setting, 'ratio') - 7 / 3) <= 0.1, setting);
  assert.ok(medianOf('strict, 0 reserved', 'ratio') > 20, 'strict order starves P7');
});

test('the same seed is the same hour, to the last event', () => {
  const hashOf = (seed: number) => runReserve('hybrid, 2 reserved', seed).traceHash;
  assert.equal(hashOf(1), hashOf(1));
  assert.notEqual(hashOf(1), hashOf(2));
});
