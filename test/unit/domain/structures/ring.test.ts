import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ring } from '../../../../src/domain/structures/ring.ts';

const members = Array.from({ length: 8 }, (_, number) => number);

test('a ring holds the values that joined and have not left, in the order in which they joined', () => {
  const step = fc.record({ member: fc.constantFrom(...members), joins: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const ring = new Ring<number>();
      const places = members.map(member => new Ring(member));
      let model: number[] = [];
      for (const { member, joins } of steps) {
        const place = places[member] ?? assert.fail();
        model = model.filter(one => one !== member);
        if (joins) {
          model.push(member);
          ring.append(place);
        } else {
          place.leave();
        }
        assert.deepEqual([...ring], model);
        assert.equal(ring.first, model[0] ?? null);
      }
    }),
  );
});

test('a place that joins another ring leaves the one it was in', () => {
  const [one, other] = [new Ring<string>(), new Ring<string>()];
  const place = new Ring('a');
  one.append(place);
  one.append(new Ring('b'));
  other.append(place);
  assert.deepEqual([[...one], [...other]], [['b'], ['a']]);
});

test('leaving twice is leaving once', () => {
  const ring = new Ring<string>();
  const place = new Ring('a');
  ring.append(place);
  ring.append(new Ring('b'));
  place.leave();
  place.leave();
  assert.deepEqual([...ring], ['b']);
});
