import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileRows, type MappingSource } from '../../../src/priority/matching/matcher.ts';
import { maxRegexWeight } from '../../../src/priority/matching/regex.ts';
import { regexRoom, weightOf } from '../../../src/priority/matching/regex-room.ts';
import { heavyRegex } from '../../support/regex-arbitraries.ts';

const row = (id: number, pattern: string, priority = 5): MappingSource => ({
  id,
  pattern,
  priority,
  match_type: 'regex',
  tenant_id: null,
  tenant_name: null,
  tenant_type: null,
});

function finish<T>(steps: Generator<void, T>): { value: T; count: number } {
  for (let count = 1; ; count++) {
    const step = steps.next();
    if (step.done) return { value: step.value, count };
  }
}

const compiled = (rows: readonly MappingSource[]) => finish(compileRows(rows, new Map())).value;

test('regexes are used in the order priority, id until their weights reach the bound, and the rest say so', () => {
  const priority = fc.integer({ min: 0, max: 9 });
  fc.assert(
    fc.property(fc.array(priority, { minLength: 1, maxLength: 50 }), priorities => {
      const rows = priorities.map((priority, at) => row(at + 1, heavyRegex(at % 7), priority));
      const all = compiled([...rows, { ...row(100, 'tok_'), match_type: 'prefix' as const }]);
      const inOrder = all
        .slice(0, -1)
        .sort((a, b) => a.source.priority - b.source.priority || a.source.id - b.source.id);
      const served = inOrder.filter(({ fault }) => fault === null);
      assert.deepEqual(inOrder.slice(0, served.length), served);
      const weights = served.map(({ pattern }) => weightOf(pattern));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      assert.ok(total < regexRoom + maxRegexWeight);
      if (served.length < inOrder.length) assert.ok(total >= regexRoom);
      for (const { fault } of inOrder.slice(served.length)) assert.match(fault ?? '', /no room .* weigh 3000000/);
      assert.equal(all.at(-1)?.fault, null);
    }),
    { numRuns: 30 },
  );
});

test('a regex without room serves as soon as there is some, and costs nothing until then', () => {
  const rows = Array.from({ length: 30 }, (_, at) => row(at + 1, heavyRegex(at)));
  const first = compiled(rows);
  const without = first.filter(({ fault }) => fault !== null).map(({ source }) => source.id);
  assert.ok(without.length > 3 && without.includes(30));
  assert.ok(first.every(({ fault, pattern }) => fault === null || pattern.kind === 'faulty'));
  const known = new Map(first.map(one => [one.source.id, one]));
  const again = finish(compileRows(rows, known));
  assert.deepEqual(again, { value: first, count: 1 });
  assert.ok(again.value.every((one, at) => one === first[at]));

  const fewer = finish(compileRows(rows.slice(15), known)).value;
  assert.deepEqual(
    fewer.map(({ fault }) => fault),
    Array.from({ length: 15 }, () => null),
  );
});

test('of two hundred thousand regexes few are compiled, and the rest is checked in short steps', () => {
  const rows = Array.from({ length: 200_000 }, (_, at) => row(at + 1, heavyRegex(at % 20)));
  const { value, count } = finish(compileRows(rows, new Map()));
  const usable = value.filter(({ fault }) => fault === null).length;
  assert.ok(usable > 10 && usable < 40 && count > 1_000, `${usable} usable, ${count} steps`);
});

test('regexes up to the bound cost a new key about a millisecond', t => {
  const rows = compiled(Array.from({ length: 200 }, (_, at) => row(at + 1, `(?:[^!${at}]?){0,27}!`)));
  const served = rows
    .map(({ pattern }) => (pattern.kind === 'regex' ? pattern.regex : null))
    .filter(one => one !== null);
  assert.ok(served.length > 150 && served.length < rows.length, `${served.length}`);
  const key = 'tok_live-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO'.repeat(6);
  const msFor = (length: number) => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 30; round++) {
      const began = performance.now();
      for (const regex of served) assert.equal(regex.test(key.slice(0, length)), false);
      best = Math.min(best, performance.now() - began);
    }
    return best;
  };
  const [drawn, widest, longest] = [47, 80, 256].map(msFor);
  t.diagnostic(
    `a new key of 47, 80, 256 characters: ${[drawn, widest, longest].map(ms => ms?.toFixed(2)).join(', ')} ms`,
  );
  // On an idle machine 0.6, 1 and 3 ms; a busy one may take several times as long.
  assert.ok((widest ?? 0) < 8);
});
