import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Clock } from '../../../src/domain/clock.ts';
import type { Level } from '../../../src/domain/vocabulary.ts';
import { WaitWindow } from '../../../src/observed/wait-window.ts';

const minuteMs = 60_000;

const arrange = () => {
  let now = 12_345;
  const clock: Clock = { now: () => now, date: () => new Date(now), after: () => () => {} };
  return {
    window: new WaitWindow(clock),
    advance: (ms: number) => {
      now += ms;
    },
  };
};

test('a level without granted requests has no percentiles', () => {
  const { window } = arrange();
  window.record(3, 10);
  assert.deepEqual(window.percentiles(4), { p50: null, p95: null, p99: null });
});

test('requests that did not wait count as zero', () => {
  const { window } = arrange();
  for (let i = 0; i < 98; i++) window.record(0, 0);
  window.record(0, 500);
  window.record(0, 500);
  assert.deepEqual(window.percentiles(0), { p50: 0, p95: 0, p99: 500 });
});

test('percentiles of the numbers 1 … 1000 are 500, 950 and 990', () => {
  const { window } = arrange();
  for (let ms = 1; ms <= 1000; ms++) window.record(9, ms);
  assert.deepEqual(window.percentiles(9), { p50: 500, p95: 950, p99: 990 });
});

test('a wait is forgotten after five minutes and not before four and a half', () => {
  const { window, advance } = arrange();
  window.record(1, 70);
  advance(4.5 * minuteMs);
  assert.equal(window.percentiles(1).p50, 70);
  advance(0.5 * minuteMs);
  assert.equal(window.percentiles(1).p50, null);
});

test('a slice that comes round again starts empty', () => {
  const { window, advance } = arrange();
  window.record(1, 9000);
  advance(5 * minuteMs);
  window.record(1, 20);
  assert.deepEqual(window.percentiles(1), { p50: 20, p95: 20, p99: 20 });
});

test('waits of different half minutes are combined', () => {
  const { window, advance } = arrange();
  for (let i = 1; i <= 8; i++) {
    window.record(2, i * 100);
    advance(minuteMs / 2);
  }
  assert.deepEqual(window.percentiles(2), { p50: 400, p95: 800, p99: 800 });
});

test('waits below zero, above a day and below a tenth of a millisecond are accepted', () => {
  const { window } = arrange();
  for (const [level, waitMs] of [
    [0, -1],
    [1, 0.01],
    [2, 1e12],
  ] as const) {
    window.record(level, waitMs);
  }
  assert.equal(window.percentiles(0).p50, 0);
  assert.equal(window.percentiles(1).p50, 0);
  assert.equal(window.percentiles(2).p50, 86_400_000);
});

test('percentiles are those of the nearest rank, to three figures', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 200 }), waits => {
      const { window } = arrange();
      const level: Level = 5;
      for (const wait of waits) window.record(level, wait);
      const sorted = waits.toSorted((a, b) => a - b);
      const { p50, p95, p99 } = window.percentiles(level);
      for (const [percent, got] of [
        [50, p50],
        [95, p95],
        [99, p99],
      ] as const) {
        const want = sorted[Math.max(Math.round((percent / 100) * sorted.length) - 1, 0)] ?? 0;
        assert.ok(got !== null && Math.abs(got - want) <= 0.1 + want * 0.007, `p${percent}: ${got}, not ${want}`);
      }
    }),
  );
});
