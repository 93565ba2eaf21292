import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Level } from '../../../src/domain/vocabulary.ts';
import { type Recent, RecentOutcomes, recentMs } from '../../../src/observed/recent-outcomes.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function counted(recent: RecentOutcomes): Recent {
  const steps = recent.count();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

const level: Level = 7;
const byKey = ({ requests }: Recent) => requests.map(({ keyId, asked, count }) => [keyId, asked, count]);

test('requests are counted by key and asked level; those without a level are not', () => {
  const recent = new RecentOutcomes(new ManualClock(), 8);
  recent.add({ level, keyId: 1, asked: null, pool: 'main' });
  recent.add({ level, keyId: 1, asked: '0', pool: 'main' });
  recent.add({ level, keyId: 1, asked: null, pool: 'main' });
  recent.add({ level, keyId: null, asked: '9', pool: 'main' });
  recent.add({ level, keyId: 2, asked: 'nonsense', pool: 'main' });
  recent.add({ level: null, keyId: 3, asked: 'x', pool: 'main' });
  const expected = [
    [2, undefined, 1],
    [null, '9', 1],
    [1, undefined, 2],
    [1, '0', 1],
  ];
  assert.deepEqual(byKey(counted(recent)), expected);
});

test('an hour later nothing is left, and since says how far back the counts reach', () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const recent = new RecentOutcomes(clock, 8);
  clock.advance(1_000);
  recent.add({ level, keyId: 1, asked: null, pool: 'main' });
  assert.equal(counted(recent).since.toISOString(), '2026-01-01T00:00:00.000Z');
  clock.advance(recentMs);
  assert.deepEqual(byKey(counted(recent)), [[1, undefined, 1]]);
  assert.equal(counted(recent).since.toISOString(), '2026-01-01T00:00:01.000Z');
  clock.advance(1);
  assert.deepEqual(byKey(counted(recent)), []);
});

test('the newest requests that fit are held, and none of them ended before since', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (pauses, size) => {
      const clock = new ManualClock();
      const recent = new RecentOutcomes(clock, size);
      const at = pauses.map((pause, index) => {
        clock.advance(pause);
        recent.add({ level, keyId: index + 1, asked: null, pool: 'main' });
        return clock.date().getTime();
      });
      const { since, requests } = counted(recent);
      const newest = at.map((_, index) => index + 1).slice(-size);
      assert.deepEqual(
        requests.map(({ keyId }) => keyId),
        newest.toReversed(),
      );
      for (const { keyId } of requests) assert.ok((at[(keyId ?? 0) - 1] ?? 0) >= since.getTime());
    }),
  );
});
