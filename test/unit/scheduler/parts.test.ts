/** The parts that count: seats, rates and AIMD against their known answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allLevels } from '../../../src/domain/vocabulary.ts';
import { Aimd } from '../../../src/scheduler/capacity/aimd.ts';
import { Gcra } from '../../../src/scheduler/capacity/rate.ts';
import { Seats } from '../../../src/scheduler/capacity/seats.ts';
import { perLevel } from '../../support/pool-settings.ts';

const times = (count: number) => Array.from({ length: count }, (_, index) => index);

test('if seats shrink below the reserves, the reserves are cut from the worst level up, and return with the seats', () => {
  const seats = new Seats();
  const reserved = perLevel(0, { 0: 2, 4: 3, 9: 4 });
  /** How many requests of the worst level, which has no reserve, may start. */
  const shared = (limit: number) => {
    seats.configure({ reserved, cap: perLevel(Number.POSITIVE_INFINITY) }, limit);
    let taken = 0;
    while ((seats.open & (1 << 8)) !== 0) {
      seats.take(8);
      taken++;
    }
    const open = allLevels.filter(level => (seats.open & (1 << level)) !== 0);
    for (let count = 0; count < taken; count++) seats.free(8);
    return { taken, open };
  };
  assert.deepEqual(shared(12), { taken: 3, open: [0, 4, 9] });
  assert.deepEqual(shared(9), { taken: 1, open: [0, 4, 9] });
  assert.deepEqual(shared(6), { taken: 1, open: [0, 4] });
  assert.deepEqual(shared(3), { taken: 1, open: [0] });
  assert.deepEqual(shared(1), { taken: 1, open: [] });
  assert.deepEqual(shared(12), { taken: 3, open: [0, 4, 9] });
});

test('known answers of redis-cell: 5 at once, then one a second', () => {
  const gcra = new Gcra(1, 5);
  /**
   * Takes the quantity if allowed: returns the rest and the seconds until all is available again; otherwise the seconds
   * to retry.
   */
  const take = (quantity: number, seconds: number): string => {
    const now = seconds * 1000;
    const waitMs = gcra.waitFor(quantity, now);
    if (waitMs > 0) return Number.isFinite(waitMs) ? `retry in ${waitMs / 1000}` : 'never';
    gcra.take(quantity, now);
    const left = times(6).findLast(count => gcra.waitFor(count, now) === 0);
    const fullAgain = gcra.waitFor(5, now) / 1000;
    return `${left} left, all in ${Math.round(fullAgain * 1e6) / 1e6}`;
  };
  assert.deepEqual(
    times(6).map(() => take(1, 0)),
    ['4 left, all in 1', '3 left, all in 2', '2 left, all in 3', '1 left, all in 4', '0 left, all in 5', 'retry in 1'],
  );
  assert.equal(take(1, 3), '2 left, all in 3');
  assert.equal(take(1, 3.1), '1 left, all in 3.9');
  assert.equal(take(1, 4), '1 left, all in 4');
  assert.equal(take(1, 8), '4 left, all in 1');
  assert.equal(take(1, 9.5), '4 left, all in 1');
  assert.equal(take(0, 9.5), '4 left, all in 1');
  assert.equal(take(2, 9.5), '2 left, all in 3');
  assert.equal(take(5, 9.5), 'retry in 3');
  assert.equal(take(6, 9.5), 'never');
});

test('AIMD: a tenth fewer seats for each request that finds no room, one more for each served while half are in use', () => {
  const aimd = new Aimd(20);
  const limits = [20];
  for (const _ of times(4)) {
    aimd.dropped();
    limits.push(aimd.limit);
  }
  assert.deepEqual(limits, [20, 18, 16, 14, 12]);
  aimd.served(5);
  assert.equal(aimd.limit, 12, 'fewer than half in use say nothing');
  aimd.served(6);
  assert.equal(aimd.limit, 13);
  for (const _ of times(50)) aimd.served(20);
  assert.equal(aimd.limit, 20, 'never more than configured');
  for (const _ of times(50)) aimd.dropped();
  assert.equal(aimd.limit, 1, 'never none');
});
