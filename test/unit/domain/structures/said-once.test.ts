import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SaidOnce } from '../../../../src/domain/structures/said-once.ts';

test('a lasting fault is reported once, again when its text changes, and its end once', () => {
  const said = new SaidOnce();
  assert.equal(said.isOver('a'), false);
  assert.equal(said.isNews('a', 'broken'), true);
  assert.equal(said.isNews('a', 'broken'), false);
  assert.equal(said.isNews('b', 'broken'), true);
  assert.equal(said.isNews('a', 'gone'), true);
  assert.deepEqual([said.has('a'), said.subjects()], [true, ['a', 'b']]);
  assert.deepEqual([said.isOver('a'), said.isOver('a'), said.has('a')], [true, false, false]);
  assert.equal(said.isNews('a', 'gone'), true);
});

test('an empty text counts as a text', () => {
  const said = new SaidOnce();
  assert.deepEqual([said.isNews('a', ''), said.isNews('a', ''), said.isOver('a')], [true, false, true]);
});

test('of all current faults only new or changed ones are reported, and those that disappeared are over', () => {
  const faults = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('', 'broken', 'gone'));
  fc.assert(
    fc.property(fc.array(faults), steps => {
      const said = new SaidOnce();
      let before: Record<string, string> = {};
      for (const now of steps) {
        const news = Object.entries(now).filter(([subject, text]) => before[subject] !== text);
        const given = new Map(Object.entries(now));
        assert.deepEqual(said.news(given), news);
        // The caller may change the map afterwards.
        given.clear();
        assert.deepEqual(said.subjects(), Object.keys(now));
        before = now;
      }
    }),
  );
});
