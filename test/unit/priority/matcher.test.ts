import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchTypes } from '../../../src/domain/vocabulary.ts';
import { hashOfAffix } from '../../../src/priority/matching/affix-table.ts';
import {
  type CompiledRow,
  compile,
  compileRow,
  compileRows,
  compileSteps,
  type Mapping,
  type MappingSource,
  rememberedKeys,
  type Snapshot,
} from '../../../src/priority/matching/matcher.ts';
import { digestOfKey, type FaultyPattern, type Pattern } from '../../../src/priority/matching/pattern.ts';

const row = (fields: Partial<MappingSource>): MappingSource => ({
  id: 1,
  pattern: 'tok_',
  match_type: 'prefix',
  priority: 5,
  tenant_id: null,
  tenant_name: null,
  tenant_type: null,
  ...fields,
});

const snapshotOf = (rows: readonly MappingSource[]): Snapshot =>
  compile(
    rows.map(source => compileRow(source)),
    0,
  ).snapshot;

const idFor = (rows: readonly MappingSource[], key: string) => snapshotOf(rows).match(key)?.id ?? null;

/** Runs a generator to its end and counts its steps. */
function finish<T>(steps: Generator<void, T>): { value: T; count: number } {
  for (let count = 1; ; count++) {
    const step = steps.next();
    if (step.done) return { value: step.value, count };
  }
}

// The rule in the words of the specification, one row after the other.
function naive(rows: readonly MappingSource[], key: string): number | null {
  const ordered = rows.toSorted((a, b) => a.priority - b.priority || a.id - b.id);
  return ordered.find(source => matches(compileRow(source).pattern, key))?.id ?? null;
}

function matches(pattern: Pattern | FaultyPattern, key: string): boolean {
  switch (pattern.kind) {
    case 'key':
      return key === pattern.key;
    case 'digest':
      return digestOfKey(key) === pattern.hex;
    case 'prefix':
      return key.startsWith(pattern.text);
    case 'suffix':
      return key.endsWith(pattern.text);
    case 'contains':
      return key.includes(pattern.text);
    case 'regex':
      return pattern.regex.test(key);
    case 'faulty':
      return false;
  }
}

// Few letters, so that patterns overlap, repeat and contain each other often.
const shortText = (minLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength, maxLength: 4 });
const key = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 7 });
const regexText = fc.constantFrom('a+b', '^ab', 'b$', 'a.b', '[ab]{3}', '(', 'a|b', '', '^$', '.*', 'a**');
const source = fc
  .record({
    text: shortText(1),
    regex: regexText,
    match_type: fc.constantFrom(...matchTypes),
    isDigest: fc.boolean(),
    priority: fc.integer({ min: 0, max: 9 }),
    tenant_id: fc.constantFrom(null, 'a', 'b'),
  })
  .map(({ text, regex, isDigest, ...fields }) => {
    const pattern =
      fields.match_type === 'regex'
        ? regex
        : fields.match_type === 'exact' && isDigest
          ? `sha256:${digestOfKey(text)}`
          : text;
    return row({ ...fields, pattern });
  });
const sources = fc
  .array(source, { maxLength: 40 })
  .map(rows => rows.map((fields, index) => ({ ...fields, id: index + 1 })));

test('the matcher finds the same row as a scan of all rows', () => {
  fc.assert(
    fc.property(sources, fc.array(key, { minLength: 1, maxLength: 20 }), (rows, keys) => {
      const snapshot = snapshotOf(rows);
      for (const asked of [...keys, ...keys])
        assert.equal(snapshot.match(asked)?.id ?? null, naive(rows, asked), asked);
    }),
    { numRuns: 400 },
  );
});

test('rows in any order compile to the same answers', () => {
  fc.assert(
    fc.property(sources, key, (rows, asked) => {
      assert.equal(idFor(rows.toReversed(), asked), idFor(rows, asked));
    }),
  );
});

test('compiling only changed rows gives the same snapshot as compiling all rows', () => {
  fc.assert(
    fc.property(sources, sources, fc.array(key, { minLength: 1, maxLength: 20 }), (before, after, keys) => {
      const known = new Map(before.map(source => [source.id, compileRow(source)]));
      const { value } = finish(compileRows(after, known));
      const incremental = compile(value, 0).snapshot;
      const full = snapshotOf(after);
      for (const asked of keys) assert.deepEqual(incremental.match(asked), full.match(asked));
    }),
  );
});

test('an unchanged row is taken over whole, and a changed tenant keeps the compiled pattern', () => {
  const before = compileRow(row({ match_type: 'regex', pattern: 'a+' }));
  assert.equal(compileRow(row({ match_type: 'regex', pattern: 'a+' }), before), before);
  const renamed = compileRow(row({ match_type: 'regex', pattern: 'a+', tenant_id: 'ml' }), before);
  assert.equal(renamed.pattern, before.pattern);
  assert.equal(renamed.mapping?.flowId, 'ml');
});

test('a row that changed only its match type is compiled anew', () => {
  const before = compileRow(row({ match_type: 'prefix', pattern: 'a' }));
  assert.equal(compileRow(row({ match_type: 'suffix', pattern: 'a' }), before).pattern.kind, 'suffix');
});

test('the best priority wins among all kinds of patterns, and the lowest id among equals', () => {
  const rows = [
    row({ id: 1, match_type: 'prefix', pattern: 'tok_', priority: 4 }),
    row({ id: 2, match_type: 'regex', pattern: 'prod', priority: 3 }),
    row({ id: 3, match_type: 'contains', pattern: 'prod', priority: 2 }),
    row({ id: 4, match_type: 'exact', pattern: 'tok_prod_ci', priority: 2 }),
    row({ id: 5, match_type: 'suffix', pattern: '*_ci', priority: 2 }),
  ];
  assert.equal(idFor(rows, 'tok_prod_ci'), 3);
  assert.equal(idFor(rows, 'tok_prod'), 3);
  assert.equal(idFor(rows, 'tok_ml_ci'), 5);
  assert.equal(idFor(rows, 'tok_ml'), 1);
  assert.equal(idFor(rows, 'sk_ml'), null);
});

test('a faulty row is left out and takes no other with it', () => {
  const rows = [row({ id: 1, match_type: 'regex', pattern: '(' }), row({ id: 2, pattern: 'tok_', priority: 9 })];
  assert.equal(idFor(rows, 'tok_a'), 2);
  assert.match(compileRow(row({ match_type: 'regex', pattern: '(' })).fault ?? '', /RE2/);
});

test('a priority outside 0 to 9, which an older table may hold, makes a row faulty', () => {
  assert.match(compileRow(row({ priority: 10 })).fault ?? '', /0 to 9, not 10/);
});

test('a mapping without a tenant id is a flow of its own', () => {
  const flowOf = (tenant_id: string | null) => snapshotOf([row({ id: 7, tenant_id })]).match('tok_a')?.flowId;
  assert.equal(flowOf('dept-ml'), 'dept-ml');
  assert.equal(flowOf(null), 'mapping:7');
  assert.equal(flowOf(''), 'mapping:7');
});

test('tenants are counted once per type, and rows without a tenant or type not at all', () => {
  const snapshot = snapshotOf([
    row({ id: 1, tenant_id: 'a', tenant_type: 'internal' }),
    row({ id: 2, pattern: 'x', tenant_id: 'a', tenant_type: 'internal' }),
    row({ id: 3, pattern: 'y', tenant_id: 'b', tenant_type: 'external' }),
    row({ id: 4, pattern: 'z', tenant_type: 'external' }),
    row({ id: 5, pattern: 'w', tenant_id: 'c', tenant_type: 'partner' }),
  ]);
  assert.equal(snapshot.tenants('internal'), 1);
  assert.equal(snapshot.tenants('external'), 1);
});

/** Two texts of equal length with equal hashes in the tables, found by search. */
function collision(fromEnd: boolean): [string, string] {
  const seen = new Map<number, string>();
  for (let n = 0; n < 2_000_000; n++) {
    const text = `${n.toString(36).padStart(6, '0')}`;
    const hash = hashOfAffix(text, fromEnd);
    const other = seen.get(hash);
    if (other !== undefined) return [other, text];
    seen.set(hash, text);
  }
  throw new Error('no two texts with one hash');
}

for (const match_type of ['prefix', 'suffix'] as const)
  test(`two ${match_type}es with one hash are told apart`, () => {
    const [first, second] = collision(match_type === 'suffix');
    const keyOf = (text: string) => (match_type === 'prefix' ? `${text}_rest` : `rest_${text}`);
    const one = [row({ id: 1, match_type, pattern: first })];
    assert.equal(idFor(one, keyOf(first)), 1);
    assert.equal(idFor(one, keyOf(second)), null);
    const both = [...one, row({ id: 2, match_type, pattern: second })];
    assert.equal(idFor(both, keyOf(first)), 1);
    assert.equal(idFor(both, keyOf(second)), 2);
  });

test('ten thousand prefixes of many lengths are all found', () => {
  const rows = Array.from({ length: 10_000 }, (_, index) =>
    row({
      id: index + 1,
      pattern: `tok_${(index * 7919).toString(36)}-${'x'.repeat(index % 13)}*`,
      priority: index % 10,
    }),
  );
  const snapshot = snapshotOf(rows);
  for (const { id, pattern } of rows) {
    const asked = `${pattern.slice(0, -1)}!`;
    const found = snapshot.match(asked);
    assert.ok(found && asked.startsWith(found.pattern.slice(0, -1)));
    if (found.id !== id) assert.ok(found.priority <= (id - 1) % 10);
  }
});

test('answers stay right when more keys come than are remembered', () => {
  const snapshot = snapshotOf([row({ pattern: 'tok_1' })]);
  const answers = (count: number): (Mapping | null)[] =>
    Array.from({ length: count }, (_, n) => snapshot.match(`tok_${n}`));
  const many = 2 * rememberedKeys + 10;
  assert.deepEqual(answers(many), answers(many));
  assert.equal(snapshot.match('tok_2'), null);
});

test('compiling yields after a few hundred rows and after each new regex', () => {
  const rows = Array.from({ length: 1_000 }, (_, index) =>
    row({ id: index + 1, pattern: `${index}`, match_type: index < 10 ? 'regex' : 'prefix' }),
  );
  const first = finish(compileRows(rows, new Map()));
  assert.ok(first.count > 10 + 3);
  const known = new Map(first.value.map((compiled: CompiledRow) => [compiled.source.id, compiled]));
  assert.ok(finish(compileRows(rows, known)).count < 6);
  assert.ok(finish(compileSteps(first.value, 0)).count >= 4);
});

test('no row depends on the time yet', () => {
  assert.equal(compile([compileRow(row({}))], 0).validUntil, Number.POSITIVE_INFINITY);
});
