import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { explain } from '../../../src/priority/analysis/explain.ts';
import type { KnownKey } from '../../../src/priority/analysis/key-coverage.ts';
import { lint } from '../../../src/priority/analysis/lint.ts';
import { RowIndex } from '../../../src/priority/analysis/row-index.ts';
import { compileRows, compileSteps, type MappingSource } from '../../../src/priority/matching/matcher.ts';
import { prioritySettings } from '../../support/priority-settings.ts';
import { heavyRegex } from '../../support/regex-arbitraries.ts';
import { longestStep } from '../../support/turns.ts';

const settings = prioritySettings();

const row = (id: number, pattern: string): MappingSource => ({
  id,
  pattern,
  match_type: 'regex',
  priority: id % 10,
  tenant_id: `tenant-${id}`,
  tenant_name: null,
  tenant_type: null,
});

const keys = Array.from({ length: 60 }, (_, at): KnownKey => {
  const key = `tok_${hash('sha256', `${at}`)}`;
  return {
    keyId: at,
    userId: 1,
    role: 'gateway_user',
    hash: hash('sha256', key),
    beginning: key.slice(0, 12),
    key: at % 2 ? key : null,
  };
});

const categories = ['Lu', 'Ll', 'Lo', 'Nd', 'No', 'Po', 'Sm', 'So', 'Mn', 'Mc', 'Greek', 'Latin', 'Cyrillic', 'Han'];
const kinds: Record<string, (id: number) => string> = {
  'large classes again and again': id => `\\pL{100}${id}`,
  'a letter or a digit, in two places': id => `[\\pL\\pN]*${id % 10}[\\pL\\pN]{90}`,
  'many large classes': id => categories.map(name => `\\p{${name}}`).join('') + id,
  'many states': id => `.*${id % 10}.{99}x${id}`,
  'much that may be left out': heavyRegex,
};

for (const [name, pattern] of Object.entries(kinds))
  test(`regexes of ${name} are looked through in short steps`, t => {
    const rows = longestStep(
      compileRows(
        Array.from({ length: 30 }, (_, at) => row(at + 1, pattern(at + 1))),
        new Map(),
      ),
    );
    const { snapshot } = longestStep(compileSteps(rows.value, 0)).value;
    const index = longestStep(RowIndex.of(snapshot.ranked));
    let asked = 0;
    const isOver = (share: number) => ++asked > share * 400;
    const linted = longestStep(lint({ rows: rows.value, index: index.value, keys, raising: null, isOver }));
    assert.equal(linted.value.checked.usable, snapshot.size);
    const situation = {
      ranked: snapshot.ranked,
      faulty: [],
      disabled: rows.value,
      settings,
      sourceOf: () => 'row' as const,
      owner: null,
    } as const;
    const explained = longestStep(explain({ key: 'tok_abcd', isWhole: false, asked: null }, situation));
    assert.ok(explained.value.mappings.length >= snapshot.size);
    const steps = { compiled: rows.ms, indexed: index.ms, linted: linted.ms, explained: explained.ms };
    t.diagnostic(
      Object.entries(steps)
        .map(([what, ms]) => `${what} ${ms.toFixed(1)} ms`)
        .join(', '),
    );
    // Below ten on an idle machine, in CPU time, including a cold compiler.
    for (const [what, ms] of Object.entries(steps)) assert.ok(ms < 60, `${what}: a step of ${ms} ms`);
  });
