import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { matchTypes } from '../../../src/domain/vocabulary.ts';
import { type FileRow, plainYaml, yamlOf } from '../../../src/priority/transfer/plain-yaml.ts';
import { portable } from '../../../src/priority/transfer/portable-row.ts';

const read = (text: string): FileRow[] | null => plainYaml(text, 1_000).rows;

const odd = fc.constantFrom(
  ...[
    'true',
    'Null',
    '~',
    '',
    ' ',
    '*',
    '*a',
    '&a',
    'a: b',
    'a #b',
    '- a',
    '!t',
    '@a',
    '`a',
    '%a',
    "it's",
    '"q"',
    '1',
    '-1',
    '0x1',
    '1e3',
  ],
  ...[
    '.inf',
    'a b',
    'a  b',
    'a ',
    'y',
    'no',
    '---',
    '...',
    '<<',
    '=',
    '?a',
    '{a}',
    '[a]',
    '\u0085',
    '\u2028',
    '\ufeff',
    'é',
    '😀',
    'a\nb',
    'a\tb',
  ],
);
const text = fc
  .oneof(odd, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme-ascii' }))
  .filter(one => one.isWellFormed());
const orNone = fc.option(text, { nil: null });
const row = fc.record({
  pattern: text,
  match_type: fc.constantFrom(...matchTypes),
  priority: fc.integer({ min: 0, max: 9 }),
  tenant_id: orNone,
  tenant_name: orNone,
  tenant_type: orNone,
  description: orNone,
  enabled: fc.boolean(),
});

test('an export is read back unchanged, by the fast reader and by the YAML library', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), rows => {
      const shown = rows.map(portable);
      const file = `# A comment\nmappings:\n${shown.map(yamlOf).join('')}`;
      const whole = shown.map(one =>
        Object.fromEntries(
          Object.entries(one).filter(([name, value]) => value !== null && !(name === 'enabled' && value)),
        ),
      );
      assert.deepEqual(parse(file), { mappings: whole });
      assert.deepEqual(parse(file, { version: '1.1' }), { mappings: whole }, file);
      const fast = read(file);
      assert.deepEqual(
        fast?.map(({ value }) => value),
        whole,
      );
      for (const { line, index } of fast ?? []) {
        assert.match(file.split('\n')[(line ?? 0) - 1] ?? '', /^ {2}- pattern:/);
        assert.equal(fast?.[index]?.line, line);
      }
    }),
    { numRuns: 500 },
  );
});

test('a text that any reader of YAML may take for something else is quoted', () => {
  const bare = {
    pattern: 'tok_a*',
    match_type: 'prefix',
    priority: 3,
    tenant_id: null,
    tenant_name: null,
    tenant_type: null,
    description: null,
    enabled: true,
  } as const;
  const words = ['yes', 'no', 'on', 'off', 'y', 'n', 'true', 'false', 'null', 'nan', 'inf', 'infinity', 'e0', 'E+12'];
  const texts = [
    ...words.flatMap(word => [word, word.toUpperCase(), word.charAt(0).toUpperCase() + word.slice(1)]),
    ...['nO', 'yEs', 'nULL', '~', '=', '<<', '.inf', '-.INF', '.NaN', '@home', '\u2028', '\ufeff'],
    ...[
      '0o7',
      '012',
      '0042',
      '08',
      '1_000',
      '1,000',
      '1e3',
      '1.5',
      '.5',
      '5.',
      '+1',
      '-1',
      '0x1F',
      '0b1',
      '1:30',
      '1:30:00.5',
    ],
    ...[
      '2026-11-29',
      '2026-11-29T10:00:00Z',
      '2001-1-1 1:1:1',
      ':symbol',
      '!php/object',
      '%a',
      '|',
      '>',
      '?a',
      '&a',
      '*a',
    ],
  ];
  for (const text of texts) {
    const file = `mappings:\n${yamlOf({ ...bare, tenant_id: text })}`;
    assert.match(file, /^ {4}tenant_id: "/m, text);
    for (const version of ['1.1', '1.2'] as const)
      assert.equal(parse(file, { version }).mappings[0].tenant_id, text, `${version}: ${text}`);
  }
  for (const text of ['dept-prod', 'nope', 'only', 'yes_', 'Team A'])
    assert.match(yamlOf({ ...bare, tenant_id: text }), new RegExp(`^ {4}tenant_id: ${text}$`, 'm'));
});

const fragment = fc.constantFrom(
  ...[
    'mappings:',
    '  - ',
    '- ',
    '    ',
    '   ',
    ' ',
    '\n',
    '\r\n',
    '\t',
    '# c',
    ' # c',
    'pattern:',
    'priority:',
    'enabled:',
    'tenant_id:',
  ],
  ...[
    ' a',
    ' a*',
    ' "a"',
    " 'a'",
    " 'it''s'",
    ' 1',
    ' 01',
    ' -0',
    ' 1.5',
    ' true',
    ' TRUE',
    ' tRUE',
    ' null',
    ' ~',
    ' a: b',
    ' a #b',
    ' a#b',
    ' "a" b',
    ' [a]',
    ' |',
    ' >',
  ],
  ...[
    ' "\\u00e9\\n"',
    ' "\\x41"',
    ' a b',
    ' a, b',
    ' &a',
    ' *a',
    ' !x',
    ' a:',
    '---\n',
    '...\n',
    'a\n',
    '  - pattern: a\n',
    '    priority: 1\n',
  ],
);

test('whatever the fast reader accepts, the YAML library reads the same way; the fast reader refuses the rest', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 14 }), fc.boolean(), (fragments, hasHead) => {
      const file = (hasHead ? 'mappings:\n  - pattern: a\n' : '') + fragments.join('');
      const fast = read(file);
      if (fast === null) return;
      taken += 1;
      const { mappings } = parse(file, { logLevel: 'error' });
      assert.deepEqual(
        fast.map(({ value }) => value),
        mappings,
        JSON.stringify(file),
      );
    }),
    { numRuns: 20_000 },
  );
  assert.ok(taken > 500, `only ${taken} were taken`);
});
