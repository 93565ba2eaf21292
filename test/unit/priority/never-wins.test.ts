import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchTypes } from '../../../src/domain/vocabulary.ts';
import { automatonOf, dead, full, literalBeginning } from '../../../src/priority/analysis/automaton.ts';
import { type KnownByDigest, NeverWins, type Verdict } from '../../../src/priority/analysis/never-wins.ts';
import { RowIndex } from '../../../src/priority/analysis/row-index.ts';
import { compile, compileRow, type MappingSource } from '../../../src/priority/matching/matcher.ts';
import { digestOfKey } from '../../../src/priority/matching/pattern.ts';
import { Regex } from '../../../src/priority/matching/regex.ts';

// z stands for every letter that no pattern uses; the dash is no word character for \b and \B.
const alphabet = ['a', 'b', 'z', '-'];
const longer = (keys: readonly string[]) => keys.flatMap(key => alphabet.map(letter => key + letter));
const keysOf: string[][] = [['']];
for (let length = 1; length <= 7; length++) keysOf.push(longer(keysOf[length - 1] ?? []));
const allKeys = keysOf.slice(1, 6).flat();
/** Searched only if a row that is said to win wins none of the keys above. */
const longKeys = keysOf.slice(6).flat();

const letter = fc.constantFrom('a', 'b');
const word = fc.string({ unit: letter, minLength: 1, maxLength: 3 });
const regex: fc.Arbitrary<string> = fc.letrec<{ regex: string }>(tie => ({
  regex: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '[^ab]', '^', '$', '\\b', '\\B', '\\A', '\\z', '(?i:A)', 'b{2}', ''),
    fc.tuple(tie('regex'), tie('regex')).map(([a, b]) => `${a}${b}`),
    fc.tuple(tie('regex'), tie('regex')).map(([a, b]) => `(${a}|${b})`),
    tie('regex').map(a => `(${a})*`),
    tie('regex').map(a => `(${a})?`),
    word.map(text => `^${text}`),
  ),
})).regex;

const source = fc
  .record({
    match_type: fc.constantFrom(...matchTypes),
    word,
    isAll: fc.boolean(),
    isDigest: fc.boolean(),
    regex: regex.filter(text => text.length > 0),
    priority: fc.integer({ min: 0, max: 3 }),
  })
  .map(({ match_type, word, isAll, isDigest, regex, priority }) => ({
    match_type,
    priority,
    pattern:
      match_type === 'regex'
        ? regex
        : match_type === 'exact'
          ? isDigest
            ? `sha256:${digestOfKey(word)}`
            : word
          : isAll && word === 'bbb'
            ? '*'
            : word,
  }));
const rowsOf = (maxLength: number) =>
  fc
    .array(source, { minLength: 2, maxLength })
    .map(rows =>
      rows.map((row, at) => ({ id: at + 1, tenant_id: null, tenant_name: null, tenant_type: null, ...row })),
    );

const compiled = (rows: readonly MappingSource[]) =>
  compile(
    rows.map(row => compileRow(row)),
    0,
  ).snapshot;

function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Returns the verdict on each row, by its ID. */
function verdicts(rows: readonly MappingSource[], keyOf: (hex: string) => KnownByDigest | null = () => null) {
  const { ranked } = compiled(rows);
  const neverWins = new NeverWins(finish(RowIndex.of(ranked)), keyOf);
  return new Map(ranked.map(({ mapping }, rank) => [mapping.id, finish(neverWins.of(rank))]));
}

const hiders = (rows: readonly MappingSource[], id: number): number[] | string | undefined => {
  const verdict = verdicts(rows).get(id);
  return verdict?.kind === 'hidden'
    ? verdict.by.map(rank => compiled(rows).ranked[rank]?.mapping.id ?? 0)
    : verdict?.kind;
};

const row = (id: number, match_type: MappingSource['match_type'], pattern: string, priority = 5): MappingSource => ({
  id,
  match_type,
  pattern,
  priority,
  tenant_id: null,
  tenant_name: null,
  tenant_type: null,
});

test('"never wins" holds for every key of up to five letters: sound for all types, complete for exact and prefix', () => {
  let hiddenRows = 0;
  let byRegex = 0;
  fc.assert(
    fc.property(rowsOf(9), rows => {
      const snapshot = compiled(rows);
      const winners = new Set(allKeys.map(key => snapshot.find(key)?.id));
      for (const [id, verdict] of verdicts(rows)) {
        const { match_type, pattern } = rows[id - 1] as MappingSource;
        const what = `${match_type} ${pattern} of ${JSON.stringify(rows.map(one => [one.match_type, one.pattern, one.priority]))}`;
        if (verdict.kind === 'hidden') {
          hiddenRows++;
          if (verdict.by.some(rank => snapshot.ranked[rank]?.pattern.kind === 'regex')) byRegex++;
          assert.ok(!winners.has(id), `can win: ${what}`);
        }
        const isComplete = match_type === 'prefix' || (match_type === 'exact' && !pattern.startsWith('sha256:'));
        if (isComplete && verdict.kind !== 'hidden')
          assert.ok(winners.has(id) || longKeys.some(key => snapshot.find(key)?.id === id), `is hidden: ${what}`);
      }
    }),
    { numRuns: 1_500 },
  );
  assert.ok(hiddenRows > 1_000 && byRegex > 100, `${hiddenRows} hidden rows, ${byRegex} of them by a regex`);
});

test('the rows that are said to hide one match all of its keys together, and each is needed for it', () => {
  fc.assert(
    fc.property(rowsOf(9), rows => {
      const { ranked } = compiled(rows);
      for (const [id, verdict] of verdicts(rows)) {
        if (verdict.kind !== 'hidden') continue;
        const own = rows[id - 1] as MappingSource;
        const by = verdict.by.map(rank => rows[(ranked[rank]?.mapping.id ?? 0) - 1] as MappingSource);
        assert.ok(by.every(one => one.priority < own.priority || (one.priority === own.priority && one.id < id)));
        const together = compiled(by);
        const alone = compiled([own]);
        for (const key of allKeys) if (alone.find(key)) assert.ok(together.find(key), `${key} is left`);
      }
    }),
    { numRuns: 500 },
  );
});

test('the automaton and the engine agree on every key', () => {
  fc.assert(
    fc.property(
      regex,
      fc.string({ unit: fc.constantFrom('a', 'b', 'z', 'A', '-', 'é'), maxLength: 8 }),
      (text, key) => {
        const engine = new Regex(text);
        const automaton = automatonOf({ kind: 'regex', regex: engine });
        assert.ok(automaton);
        let state = automaton.start;
        for (const character of key) state = automaton.next(state, character.codePointAt(0) ?? 0);
        assert.equal(automaton.accepts(state), engine.test(key), `${text} on ${key}`);
        if (state === dead) assert.ok(!engine.test(`${key}abz`));
        if (state === full) assert.ok(engine.test(`${key}abz`));
        if (engine.test(key)) assert.ok(key.startsWith(literalBeginning(engine)));
      },
    ),
    { numRuns: 5_000 },
  );
});

test('all characters between two edges of a set are alike, also where case does not count', () => {
  for (const text of ['(?i)k', '(?i)s', '(?i)q', '(?i)Z', '(?i)[j-l]', '[^a-f\\d]', '\\w', '\\pL', '[[:punct:]]']) {
    const automaton = automatonOf({ kind: 'regex', regex: new Regex(text) });
    const [set] = automaton?.sets ?? [];
    assert.ok(set, text);
    const edges = new Set(set.edges);
    for (let character = 1; character < 0x20000; character++)
      if (!edges.has(character)) assert.equal(set.has(character), set.has(character - 1), `${text} at ${character}`);
  }
  assert.equal(automatonOf({ kind: 'regex', regex: new Regex('(?i)é') }), null);
});

test('a key with a sign that is no part of a word counts as any other', () => {
  const rows = [row(1, 'prefix', 'a', 1), row(2, 'regex', '(a)?\\B', 0), row(3, 'exact', 'a', 0)];
  assert.equal(compiled(rows).find('a-b')?.id, 1);
  assert.equal(hiders(rows, 1), 'wins');
  // Together, with a boundary behind the letter and without one, the two leave no key.
  const rest = [row(4, 'regex', '^a\\b', 0), row(1, 'prefix', 'a', 1), row(2, 'regex', '^a\\B', 0)];
  assert.deepEqual(hiders(rest, 1), [2, 4]);
});

test('a row is hidden by one wider row, and that one is named', () => {
  assert.deepEqual(hiders([row(1, 'prefix', 'tok_ext*'), row(2, 'prefix', 'tok_ext_free*', 9)], 2), [1]);
  assert.deepEqual(hiders([row(1, 'contains', '_ext_'), row(2, 'prefix', 'tok_ext_free*', 9)], 2), [1]);
  assert.deepEqual(hiders([row(1, 'suffix', '*'), row(2, 'regex', 'x', 9)], 2), [1]);
  assert.deepEqual(hiders([row(1, 'regex', '^tok_ext_.*$'), row(2, 'prefix', 'tok_ext_free*', 9)], 2), [1]);
  assert.deepEqual(hiders([row(1, 'prefix', 'tok_'), row(2, 'regex', '^tok_[a-z]+_ci$', 9)], 2), [1]);
  assert.deepEqual(hiders([row(1, 'prefix', 'tok_'), row(2, 'exact', 'tok_one', 9)], 2), [1]);
  assert.equal(hiders([row(1, 'prefix', 'tok_ext_free*'), row(2, 'prefix', 'tok_ext*', 9)], 2), 'wins');
  assert.equal(hiders([row(1, 'regex', '^tok_ext_[a-z]+$'), row(2, 'prefix', 'tok_ext_', 9)], 2), 'wins');
});

test('rows that only together match all keys of another are found and all of them named', () => {
  const halves = [row(1, 'regex', '^tok_[a-m]'), row(2, 'regex', '^tok_[^a-m]'), row(3, 'exact', 'tok_')];
  assert.deepEqual(hiders([...halves, row(4, 'prefix', 'tok_', 9)], 4), [1, 2, 3]);
  assert.equal(hiders([...halves.slice(0, 2), row(4, 'prefix', 'tok_', 9)], 4), 'wins');
  assert.deepEqual(
    hiders([...halves.slice(0, 1), row(2, 'prefix', 'tok_n'), row(4, 'regex', '^tok_[a-n]', 9)], 4),
    [1, 2],
  );
});

test('a pattern that no key can have never wins, whatever else there is', () => {
  assert.deepEqual(hiders([row(1, 'prefix', 'x'.repeat(257))], 1), []);
  assert.deepEqual(hiders([row(1, 'exact', 'x'.repeat(257))], 1), []);
  assert.deepEqual(hiders([row(1, 'regex', 'a^b')], 1), []);
  assert.deepEqual(hiders([row(1, 'regex', '^$')], 1), []);
  const longest = 'x'.repeat(256);
  assert.deepEqual(hiders([row(1, 'exact', longest), row(2, 'prefix', longest, 9)], 2), [1]);
  assert.equal(hiders([row(1, 'exact', longest.slice(1)), row(2, 'prefix', longest.slice(1), 9)], 2), 'wins');
});

test('an exact pattern given as a digest is hidden as far as its key is known', () => {
  const key = 'tok_ext_0123456789';
  const hex = digestOfKey(key);
  const rows = [row(1, 'prefix', 'tok_ext'), row(2, 'exact', `sha256:${hex}`, 9)];
  const kind = (known: KnownByDigest | null): Verdict['kind'] | undefined =>
    verdicts(rows, asked => (asked === hex ? known : null)).get(2)?.kind;
  assert.equal(kind(null), 'undecided');
  assert.equal(kind({ key, beginning: 'tok_ext_0123' }), 'hidden');
  assert.equal(kind({ key: null, beginning: 'tok_ext_0123' }), 'hidden');
  assert.equal(kind({ key: null, beginning: 'tok_e' }), 'undecided');
  assert.deepEqual(hiders([row(1, 'exact', key), row(2, 'exact', `sha256:${hex}`, 9)], 2), [1]);
  assert.equal(hiders([row(1, 'exact', 'other'), row(2, 'exact', `sha256:${hex}`, 9)], 2), 'wins');
});

test('a search among very many states is given up, and nothing is reported about the row', () => {
  const rows = [row(1, 'regex', 'a.{60}b$'), row(2, 'regex', '(a|b).{60}b$', 9)];
  assert.equal(hiders(rows, 2), 'undecided');
});

test('a beginning is open if some prefix continues it, among a few rows and thousands', () => {
  const beginning = fc.string({ unit: letter, maxLength: 12 });
  fc.assert(
    fc.property(
      fc.uniqueArray(
        beginning.filter(text => text !== ''),
        { maxLength: 30 },
      ),
      beginning,
      (texts, asked) => {
        const rows = texts.map((text, at) => row(at + 1, 'prefix', text));
        const index = finish(RowIndex.of(compiled(rows).ranked));
        const isOpen = texts.some(text => text.startsWith(asked) && text !== asked);
        assert.equal(finish(index.isOpenFor(asked)), isOpen);
      },
    ),
    { numRuns: 300 },
  );
  const rows = Array.from({ length: 3_000 }, (_, at) => row(at + 1, 'prefix', `tok_${(at * 7_919) % 3_000}_`));
  const index = finish(RowIndex.of(compiled(rows).ranked));
  for (let at = 0; at < 3_000; at++) {
    assert.ok(finish(index.isOpenFor(`tok_${at}`)), `tok_${at}`);
    assert.ok(!finish(index.isOpenFor(`tok_${at}_`)), `tok_${at}_`);
  }
});
