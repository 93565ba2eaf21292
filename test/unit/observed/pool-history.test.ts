import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Level } from '../../../src/domain/vocabulary.ts';
import { atEveryStep, PoolHistory } from '../../../src/observed/pool-history.ts';
import { stepMs, WaitWindow } from '../../../src/observed/wait-window.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const arrange = () => {
  const clock = new ManualClock();
  const waits = new WaitWindow(clock);
  const load = { waiting: 0, in_use: 0, refused: Array.from({ length: 10 }, () => 0) };
  const history = new PoolHistory({ clock, waits, load: () => ({ ...load, refused: [...load.refused] }) });
  const stopping = new AbortController();
  let ended = 0;
  atEveryStep(clock, stopping.signal, () => {
    if (history.sample()) ended++;
  });
  const grant = (level: Level, ...waitsMs: number[]) => {
    for (const waitMs of waitsMs) waits.record(level, waitMs);
  };
  const refuse = (level: Level, count: number) => {
    load.refused[level] = (load.refused[level] ?? 0) + count;
  };
  return { clock, waits, load, history, stopping, grant, refuse, ended: () => ended };
};

const idle = { granted: 0, refused: 0, p50: null, p95: null };

test('a step becomes a point when it is over, with its grants, its refusals and its state at the end', () => {
  const { clock, history, load, grant, refuse } = arrange();
  clock.advance(3000);
  grant(2, 10, 20, 30);
  grant(7, 0);
  refuse(7, 4);
  load.waiting = 5;
  load.in_use = 3;
  clock.advance(6999);
  assert.deepEqual(history.points(), []);
  clock.advance(1);
  const [point, ...others] = history.points();
  assert.deepEqual(others, []);
  assert.ok(point);
  assert.equal(point.at, clock.date().toISOString());
  assert.deepEqual([point.granted, point.refused, point.waiting, point.in_use], [4, 4, 5, 3]);
  assert.deepEqual(point.levels[2], { granted: 3, refused: 0, p50: 20, p95: 30 });
  assert.deepEqual(point.levels[7], { granted: 1, refused: 4, p50: 0, p95: 0 });
  assert.deepEqual(point.levels[0], idle);
  clock.advance(stepMs);
  const next = history.points()[1];
  assert.deepEqual([next?.levels[2], next?.levels[7]], [idle, idle], 'a step has its own requests only');
  assert.deepEqual([next?.granted, next?.refused, next?.waiting], [0, 0, 5]);
});

test('ten minutes are kept, whatever comes, and can be read from any step on', () => {
  const { clock, history, ended } = arrange();
  clock.advance(3_600_000);
  assert.deepEqual([history.points().length, ended()], [60, 360]);
  assert.equal(history.newest, 359);
  assert.equal(history.points(357).length, 2);
  assert.deepEqual(history.points(359), []);
});

test('no alarm rings after the stop', () => {
  const { clock, stopping } = arrange();
  clock.advance(25_000);
  assert.equal(clock.pending, 1);
  stopping.abort();
  assert.equal(clock.pending, 0);
});

test('a step that nobody observed is missing, and its grants count for no other step', () => {
  const clock = new ManualClock();
  const waits = new WaitWindow(clock);
  const history = new PoolHistory({ clock, waits, load: () => ({ waiting: 0, in_use: 0, refused: [] }) });
  waits.record(1, 5);
  clock.advance(3 * stepMs);
  assert.equal(history.sample(), true);
  assert.equal(history.sample(), false, 'once a step');
  assert.deepEqual(
    history.points().map(({ granted }) => granted),
    [0],
  );
});

test('rates: grants of the last ten to twenty seconds, refusals of the last minute', () => {
  const { clock, history, grant, refuse } = arrange();
  const rates = (level: Level) => history.rates()[level];
  grant(1, 0, 0, 0, 0, 0);
  refuse(1, 2);
  assert.deepEqual(rates(1), { granted_per_sec: 0.5, refused_per_min: 2 }, 'a moment is counted as a whole span');
  clock.advance(15_000);
  assert.deepEqual(rates(1), { granted_per_sec: 0.33, refused_per_min: 2 });
  clock.advance(5000);
  assert.equal(rates(1)?.granted_per_sec, 0);
  clock.advance(45_000);
  assert.deepEqual(rates(1), { granted_per_sec: 0, refused_per_min: 1.85 }, 'two in 65 s');
  clock.advance(5000);
  assert.equal(rates(1)?.refused_per_min, 0);
});

test('what is reported of five minutes is the same whether or not steps have ended', () => {
  const { clock, waits, grant } = arrange();
  grant(3, 10, 20);
  clock.advance(stepMs);
  grant(3, 30, 40);
  clock.advance(stepMs * 2);
  grant(3, 50);
  assert.deepEqual(waits.percentiles(3), { p50: 30, p95: 50, p99: 50 });
  assert.deepEqual([waits.grantedNow(3), waits.lastStep().levels[3]], [1, { granted: 0, p50: null, p95: null }]);
});
