import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyUses } from '../../../src/observed/key-uses.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const start = Date.UTC(2026, 0, 1);
const at = (seconds: number) => new Date(start + seconds * 1_000);

test('a key was last used in the second in which its last request ended', () => {
  const clock = new ManualClock(start);
  const uses = new KeyUses(clock);
  uses.add({ keyId: 1 });
  uses.add({ keyId: null });
  clock.advance(2_900);
  uses.add({ keyId: 2 });
  uses.add({ keyId: 2 });
  assert.deepEqual([uses.lastUse(1), uses.lastUse(2), uses.lastUse(3)], [at(0), at(2), null]);
  assert.deepEqual(uses.since, at(0));
  clock.advance(5_000);
  uses.add({ keyId: 1 });
  assert.deepEqual(uses.lastUse(1), at(7));
});

test('with too many keys the one unused for longest is forgotten, and since says from when on uses are known', () => {
  const clock = new ManualClock(start);
  const uses = new KeyUses(clock, 2);
  for (const keyId of [1, 2, 1, 3]) {
    uses.add({ keyId });
    clock.advance(10_000);
  }
  assert.deepEqual([uses.lastUse(1), uses.lastUse(2), uses.lastUse(3)], [at(20), null, at(30)]);
  assert.deepEqual(uses.since, at(11), 'key 2 was used ten seconds after the start, and not again');
});
