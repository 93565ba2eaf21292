import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Tally } from '../../../../src/domain/structures/tally.ts';

test('a tally returns the sum of the values added for each key', () => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 5 }), amount: fc.integer({ min: -3, max: 3 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const tally = new Tally<number>();
      const model = [0, 0, 0, 0, 0, 0];
      for (const { key, amount } of steps) {
        model[key] = (model[key] ?? 0) + amount;
        assert.equal(tally.add(key, amount), model[key]);
      }
      assert.deepEqual(
        model.map((_, key) => tally.of(key)),
        model,
      );
    }),
  );
});
