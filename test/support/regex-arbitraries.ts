/** Regexes in RE2 syntax, including unusual ones, and keys that they may match. */
import fc from 'fast-check';

const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    'k',
    'S',
    '_',
    '-',
    '.',
    'ab',
    'tok_',
    '\\d',
    '\\W',
    '\\s',
    '[ab]',
    '[^a]',
    '[a-f\\d_]',
    '[[:upper:]-]',
  ],
  ...[
    '^',
    '$',
    '\\A',
    '\\z',
    '\\b',
    '\\B',
    '\\pL',
    '\\PL',
    '\\p{Greek}',
    '[\\pN_]',
    'é',
    '[à-ÿ]',
    'ſ',
    '\\x{1F600}',
    '[^\\x00-\\x7f]',
  ],
  ...[
    '',
    '()',
    '(?i)',
    '(?s)',
    '(?m)',
    '(?U)',
    '(?-i)',
    '(?i:K)',
    '(?i)ß',
    '\\Qa.b\\E',
    '\\n',
    '[^\\n]',
    '[\\x00-\\x{10FFFF}]',
    '[^\\x00-\\x{10FFFF}]',
  ],
);
const repetition = fc.constantFrom(
  '*',
  '+',
  '?',
  '*?',
  '+?',
  '??',
  '{2}',
  '{0}',
  '{1}',
  '{0,2}',
  '{2,}',
  '{1,3}?',
  '{0,}',
);

/** Many are invalid: a repeated empty expression, a class with no character at its end. */
export const regexText: fc.Arbitrary<string> = fc.letrec<{ regex: string }>(tie => ({
  regex: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    { arbitrary: atom, weight: 3 },
    { arbitrary: fc.tuple(tie('regex'), tie('regex')).map(([a, b]) => `${a}${b}`), weight: 4 },
    { arbitrary: fc.tuple(tie('regex'), tie('regex')).map(([a, b]) => `${a}|${b}`), weight: 1 },
    { arbitrary: fc.tuple(tie('regex'), repetition).map(([a, times]) => `${a}${times}`), weight: 2 },
    { arbitrary: fc.tuple(tie('regex'), repetition).map(([a, times]) => `(?:${a})${times}`), weight: 2 },
    { arbitrary: tie('regex').map(a => `(${a})`), weight: 1 },
  ),
})).regex;

export const keyText = fc.string({
  unit: fc.constantFrom(
    ...[
      'a',
      'b',
      'c',
      'k',
      'K',
      'S',
      's',
      '_',
      '-',
      '.',
      '7',
      ' ',
      '\n',
      'é',
      'ÿ',
      'ß',
      'ſ',
      'K',
      'π',
      '😀',
      'tok_',
      'ab',
    ],
  ),
  maxLength: 12,
});

/** Distinct regexes, of which 20 use all the room. */
export const heavyRegex = (number: number): string => `(?:a?b?c?d?e?f?g?h?i?){0,13}_${String(number).padStart(2, '0')}`;
