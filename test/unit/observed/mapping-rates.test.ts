import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MappingRates } from '../../../src/observed/mapping-rates.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function counted(rates: MappingRates): Map<number, number> {
  const steps = rates.counted();
  for (;;) {
    const step = steps.next();
    if (step.done) return new Map(step.value.map(({ mappingId, requests }) => [mappingId, requests]));
  }
}

const add = (rates: MappingRates, mappingId: number | null, times: number) => {
  for (let n = 0; n < times; n++) rates.add({ mappingId });
};

test('in the first minute the requests are those of a minute, then their mean', () => {
  const clock = new ManualClock();
  const rates = new MappingRates(clock, 8);
  add(rates, 1, 6);
  add(rates, null, 5);
  assert.deepEqual([rates.perMinute(1), rates.perMinute(2)], [6, 0]);
  clock.advance(59_000);
  assert.equal(rates.perMinute(1), 6);
  clock.advance(61_000);
  assert.equal(rates.perMinute(1), 3);
  clock.advance(60_000);
  assert.equal(rates.perMinute(1), 2);
});

test('requests are forgotten after five minutes, and half a minute more at the most', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 200_000 }), id: fc.integer({ min: 1, max: 4 }) })),
      requests => {
        const clock = new ManualClock();
        const rates = new MappingRates(clock, 8);
        const seen: { id: number; at: number }[] = [];
        for (const { afterMs, id } of requests) {
          clock.advance(afterMs);
          rates.add({ mappingId: id });
          seen.push({ id, at: clock.now() });
          const counts = counted(rates);
          for (const mapping of [1, 2, 3, 4]) {
            const own = seen.filter(one => one.id === mapping);
            const least = own.filter(({ at }) => clock.now() - at < 300_000).length;
            const most = own.filter(({ at }) => clock.now() - at <= 330_000).length;
            const count = counts.get(mapping) ?? 0;
            assert.ok(count >= least && count <= most, `${count} of mapping ${mapping}, not ${least} to ${most}`);
          }
        }
      },
    ),
  );
});

test('after a pause longer than the counted time all counts are zero', () => {
  const clock = new ManualClock();
  const rates = new MappingRates(clock, 8);
  add(rates, 1, 3);
  clock.advance(86_400_000);
  assert.equal(rates.perMinute(1), 0);
  assert.deepEqual([...counted(rates)], []);
  add(rates, 1, 10);
  assert.ok(rates.perMinute(1) >= 1.8);
});

test('mappings beyond the number of places are not counted until others have no requests', () => {
  const clock = new ManualClock();
  const rates = new MappingRates(clock, 2);
  for (const id of [1, 2, 3]) add(rates, id, 1);
  assert.deepEqual(
    [...counted(rates)],
    [
      [1, 1],
      [2, 1],
    ],
  );
  clock.advance(200_000);
  add(rates, 2, 1);
  clock.advance(200_000);
  add(rates, 3, 1);
  assert.deepEqual(
    counted(rates),
    new Map([
      [2, 1],
      [3, 1],
    ]),
  );
  add(rates, 1, 1);
  assert.equal(rates.perMinute(1), 0);
});
