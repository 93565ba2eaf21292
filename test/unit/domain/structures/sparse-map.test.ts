import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SparseMap } from '../../../../src/domain/structures/sparse-map.ts';

const key = fc.integer({ min: 0, max: 8 });
const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, value: fc.string({ maxLength: 2 }) }),
  fc.record({ do: fc.constant('delete' as const), key }),
  fc.record({ do: fc.constant('clear' as const) }),
);

test('a sparse map holds what a map holds', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const map = new SparseMap<number, string | null>(null);
      const model = new Map<number, string>();
      for (const one of steps) {
        if (one.do === 'set') {
          map.set(one.key, one.value);
          model.set(one.key, one.value);
        } else if (one.do === 'delete') {
          map.delete(one.key);
          model.delete(one.key);
        } else {
          map.clear();
          model.clear();
        }
        assert.equal(map.size, model.size);
      }
      for (let each = 0; each <= 8; each++) assert.equal(map.get(each), model.get(each) ?? null);
      assert.deepEqual([...map.entries()].sort(), [...model].sort());
    }),
  );
});

test('a million keys that come and go leave some thousands of entries, and no key that stays is lost', () => {
  const map = new SparseMap<number, object | null>(null);
  const value = {};
  let most = 0;
  for (let stays = 0; stays < 3_000; stays++) map.set(-1 - stays, value);
  for (let each = 0; each < 1_000_000; each++) {
    map.set(each, value);
    map.delete(each);
    most = Math.max(most, map.held);
  }
  assert.ok(most <= 2 * 3_000 + 2_048, `${most} entries were held`);
  assert.equal(map.size, 3_000);
  for (let stays = 0; stays < 3_000; stays++) assert.equal(map.get(-1 - stays), value);
});
