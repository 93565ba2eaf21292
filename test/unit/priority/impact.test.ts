import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Figures } from '../../../src/domain/shown/impact.ts';
import { isLevel, xPriorityPolicies } from '../../../src/domain/vocabulary.ts';
import { figuresOf, type Trial } from '../../../src/priority/analysis/impact.ts';
import { mappedClassify } from '../../../src/priority/matching/classifier.ts';
import { compile, compileRow, type MappingSource } from '../../../src/priority/matching/matcher.ts';
import { prioritySettings } from '../../support/priority-settings.ts';

const rows = (ids: number) =>
  fc
    .array(
      fc.record({
        pattern: fc.constantFrom('a*', 'b*', 'ab*', '*', 'ba', 'aa'),
        match_type: fc.constantFrom('prefix' as const, 'suffix' as const, 'contains' as const, 'exact' as const),
        priority: fc.integer({ min: 0, max: 9 }),
        tenant_id: fc.constantFrom(null, 'one', 'two'),
        tenant_type: fc.constantFrom(null, 'internal', 'external'),
      }),
      { maxLength: ids },
    )
    .map(list => list.map((row, at): MappingSource => ({ ...row, id: at + 1, tenant_name: null })));

const snapshotOf = (list: readonly MappingSource[]) =>
  compile(
    list.map(row => compileRow(row)),
    0,
  ).snapshot;

const keys = ['a', 'ab', 'aa', 'ba', 'bb', 'c'].map((key, at) => ({
  key,
  identity: { keyId: at + 1, userId: at % 2, role: null },
}));
const requests = fc.array(
  fc.record({
    keyId: fc.constantFrom(null, 1, 2, 3, 4, 5, 6, 99),
    asked: fc.constantFrom(undefined, '0', '4', '9'),
    pool: fc.constantFrom(null, 'main', 'other'),
    count: fc.integer({ min: 1, max: 5 }),
  }),
  { maxLength: 12 },
);

function figures(trial: Trial): { keys: Figures; requests: Figures } {
  const steps = figuresOf(trial);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

test('the figures are those of every key and request looked at one by one, before and after', () => {
  fc.assert(
    fc.property(rows(5), rows(5), requests, fc.constantFrom(...xPriorityPolicies), (was, will, seen, policy) => {
      const [before, after] = [snapshotOf(was), snapshotOf(will)];
      const settings = prioritySettings({ x_priority: policy });
      const by = (snapshot: typeof before) =>
        mappedClassify({ settings, match: key => snapshot.match(key), events: { keyMapped() {} } });
      const [old, fresh] = [by(before), by(after)];
      const trial = { settings, before, after, keys, totalKeys: 9, requests: seen };
      const told = figures(trial);

      const one = { changed: 0, unchanged: 0, unknown: 0, levels: new Map<string, number>() };
      for (const { keyId, asked, count } of seen) {
        const known = keys.find(({ identity }) => identity.keyId === keyId);
        if (keyId === null) one.unchanged += count;
        else if (known === undefined) one.unknown += count;
        else {
          const [a, b] = [old({ ...known, asked }), fresh({ ...known, asked })];
          if (a.level === b.level && a.flowId === b.flowId) one.unchanged += count;
          else {
            one.changed += count;
            one.levels.set(`${a.level}>${b.level}`, (one.levels.get(`${a.level}>${b.level}`) ?? 0) + count);
          }
        }
      }
      const { changed, unchanged, unknown, total, levels, tenants } = told.requests;
      assert.deepEqual(
        { changed, unchanged, unknown },
        { changed: one.changed, unchanged: one.unchanged, unknown: one.unknown },
      );
      assert.equal(total, changed + unchanged + unknown);
      assert.deepEqual(new Map(levels.map(({ from, to, count }) => [`${from}>${to}`, count])), one.levels);
      assert.equal(
        tenants.reduce((sum, { count }) => sum + count, 0),
        changed,
      );
      assert.deepEqual([told.keys.unknown, told.keys.total], [3, 9]);
      for (const { from, to, count } of told.keys.tenants) assert.ok(isLevel(from) && isLevel(to) && count > 0);
    }),
  );
});
