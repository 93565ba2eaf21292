import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { atEndOfTurn } from '../../../src/domain/end-of-turn.ts';

test('held writes are released at the end of the turn, in order', async () => {
  const released: number[] = [];
  for (const n of [1, 2, 3]) atEndOfTurn({ release: () => released.push(n) });
  await Promise.resolve();
  assert.deepEqual(released, []);
  await endOfTurn();
  assert.deepEqual(released, [1, 2, 3]);
});

test('all held writes are released once there are 64 in a turn', async () => {
  let released = 0;
  for (let n = 0; n < 63; n++) atEndOfTurn({ release: () => released++ });
  assert.equal(released, 0);
  atEndOfTurn({ release: () => released++ });
  assert.equal(released, 64);
  atEndOfTurn({ release: () => released++ });
  assert.equal(released, 64);
  await endOfTurn();
  assert.equal(released, 65);
});

test('a write that is held during a release waits for the next turn', async () => {
  const released: string[] = [];
  atEndOfTurn({
    release() {
      released.push('first');
      atEndOfTurn({ release: () => released.push('second') });
    },
  });
  await endOfTurn();
  assert.deepEqual(released, ['first']);
  await endOfTurn();
  assert.deepEqual(released, ['first', 'second']);
});

test('one that fails holds back none of the others', async () => {
  const released: number[] = [];
  const failing = { release: () => assert.fail('broken') };
  for (let n = 0; n < 61; n++) atEndOfTurn({ release: () => released.push(n) });
  atEndOfTurn(failing);
  atEndOfTurn({ release: () => released.push(61) });
  // The one that makes them too many releases them, and meets the failure.
  assert.throws(() => atEndOfTurn({ release: () => released.push(62) }), /broken/);
  await endOfTurn();
  assert.deepEqual(
    released,
    Array.from({ length: 63 }, (_, n) => n),
  );
});
