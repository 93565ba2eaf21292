import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DocumentFault,
  type DocumentFormat,
  largestFreeYaml,
  longestLine,
  mostRegexes,
  mostRows,
  readDocument,
} from '../../../src/priority/transfer/document.ts';

const read = (format: DocumentFormat, text: string) => readDocument(format, Buffer.from(text));

/** The refusal of a file as a whole; undefined if there is none. */
const refusal = async (format: DocumentFormat, text: string): Promise<string | undefined> => {
  try {
    await read(format, text);
    return undefined;
  } catch (error) {
    if (error instanceof DocumentFault) return error.message;
    throw error;
  }
};

const plain = (field: string) =>
  `mappings:\n  - pattern: tok_a*\n    match_type: prefix\n    priority: 1\n    ${field}\n`;
const jsonRows = (count: number, row: object | number) =>
  `{"mappings":[${Array.from({ length: count }, () => JSON.stringify(row)).join()}]}`;
const regexRow = { pattern: 'a', match_type: 'regex', priority: 1 };

const refused: [string, DocumentFormat, string, RegExp][] = [
  ['one row too many in JSON', 'json', jsonRows(mostRows + 1, 0), /more mappings than an import takes: at most 200000/],
  ['one row too many in plain YAML', 'yaml', `mappings:\n${'  - pattern: a\n'.repeat(mostRows + 1)}`, /more mappings/],
  [
    'one regex too many',
    'json',
    jsonRows(mostRegexes + 1, regexRow),
    /more regexes than an import takes: at most 5000/,
  ],
  ['a word of megabytes', 'yaml', plain(`tenant_id: ${'a'.repeat(8 << 20)}`), /^Line 5 has more than 65536 characters/],
  ['many words', 'yaml', plain(`tenant_id: ${'a '.repeat(4 << 20)}`), /^Line 5 has more than 65536 characters/],
  ['a quoted text of megabytes', 'yaml', plain(`tenant_id: "${'a'.repeat(8 << 20)}"`), /^Line 5 has more/],
  ['a quote that never ends', 'yaml', plain(`tenant_id: '${'a'.repeat(8 << 20)}`), /^Line 5 has more/],
  ['a comment of megabytes', 'yaml', `mappings: # ${'x'.repeat(8 << 20)}`, /^Line 1 has more than 65536 characters/],
  ['lines that end in CR alone', 'yaml', 'mappings:\r'.repeat(10_000), /^Line 1 has more than 65536 characters/],
  ['a long line that begins like JSON', 'yaml', `{"mappings":[${'1,'.repeat(40_000)}`, /^Line 1 has more .* As JSON: /],
  [
    'free YAML of megabytes',
    'yaml',
    `mappings:\n${'- {pattern: a}\n'.repeat(300_000)}`,
    /^Line 2 is not as an export has them.* at most 4194304 characters/,
  ],
  ['brackets in brackets', 'yaml', `mappings: ${'['.repeat(60_000)}`, /nested too deeply|not valid YAML/],
  ['rows in rows', 'yaml', `mappings:\n${'- '.repeat(30_000)}`, /nested too deeply|not valid YAML/],
];
for (const [name, format, text, reason] of refused)
  test(`${name} is refused with the bound`, async () => assert.match((await refusal(format, text)) ?? '', reason));

test('a document exactly at the bounds is read', async () => {
  const line = (length: number) => {
    const field = `    description: "${'d'.repeat(length - '    description: ""'.length)}"`;
    assert.equal(field.length, length);
    return plain(field.trimStart());
  };
  assert.equal((await read('yaml', line(longestLine))).rows.length, 1);
  assert.match((await refusal('yaml', line(longestLine + 1))) ?? '', /^Line 5 /);
  assert.equal((await read('json', jsonRows(mostRegexes, regexRow))).rows.length, mostRegexes);
  const free = `mappings: [${'\n  {pattern: a},'.repeat(5)}\n  ]\n`;
  assert.equal((await read('yaml', free + '#'.repeat(60_000))).faults.count, 5);
  assert.ok(free.length < largestFreeYaml);
});

test('a value of megabytes in JSON is a fault of its row, and its text is not repeated', async () => {
  const value = 'secret'.repeat(2 ** 20);
  for (const field of ['pattern', 'match_type', 'tenant_id', 'tenant_type', 'description', 'enabled', value]) {
    const row = { pattern: 'a', match_type: 'prefix', priority: 1, [field]: value };
    const { rows, faults } = await read('json', JSON.stringify({ mappings: [row] }));
    assert.deepEqual([rows.length, faults.count], [0, 1], field.slice(0, 20));
    assert.ok(JSON.stringify(faults).length < 400);
  }
});

test('of two hundred thousand faults the first thousand are kept and the others counted', async () => {
  const { rows, faults } = await read('json', jsonRows(mostRows, 0));
  assert.deepEqual([rows.length, faults.count, faults.first.length], [0, mostRows, 1_000]);
  assert.deepEqual(faults.first[999], { index: 999, line: null, field: null, reason: 'a mapping is a set of fields' });
});

test('JSON in one long line is read as YAML too', async () => {
  const row = { pattern: 'tok_a*', match_type: 'prefix', priority: 1 };
  assert.equal((await read('yaml', `\n  ${jsonRows(2_000, row)}`)).rows.length, 2_000);
});

const yamlPiece = fc.constantFrom(
  ...[
    'mappings:',
    '- ',
    '  ',
    '\n',
    '\r',
    '\t',
    ': ',
    ', ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '#',
    '&a ',
    '*a',
    '!t ',
    '!!set',
    '!!binary ',
  ],
  ...[
    '<<: ',
    '? ',
    '|',
    '>-\n',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    'pattern: a',
    'match_type: regex',
    'priority: 1',
    'priority: .inf',
    '0x1f',
    '2001-01-01',
    '~',
  ],
  ...[
    '\u0000',
    '\u0085',
    '\u2028',
    '\ufeff',
    '😀',
    '\ud800',
    '\\u',
    '__proto__: ',
    'constructor: 1',
    '(',
    'a'.repeat(300),
  ],
);
const yamlText = fc.array(yamlPiece, { maxLength: 30 }).map(pieces => pieces.join(''));
const jsonText = fc.json({ maxDepth: 4 }).map(text => `{"mappings":[${text}]}`);

test('whatever the bytes are, they are read or refused in a sentence', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(fc.boolean(), yamlText).map(([isBegun, text]) => Buffer.from(isBegun ? `mappings:\n  - ${text}` : text)),
    fc.tuple(jsonText, fc.nat()).map(([text, cut]) => Buffer.from(text.slice(0, Math.max(0, text.length - (cut % 9))))),
  );
  let wasRead = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('yaml', 'json'), bytes, async (format, content) => {
      try {
        const { rows, faults } = await readDocument(format, content);
        wasRead++;
        for (const { row } of rows)
          assert.ok(Object.values(row).every(value => typeof value !== 'object' || value === null));
        assert.ok(faults.first.every(({ reason }) => reason.length < 600));
      } catch (error) {
        assert.ok(error instanceof DocumentFault, String(error));
        assert.ok(error.message.length < 500);
      }
    }),
    { numRuns: 3_000 },
  );
  assert.ok(wasRead > 100, `${wasRead} were read`);
});
