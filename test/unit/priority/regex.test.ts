import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { maxRegexWeight, Regex } from '../../../src/priority/matching/regex.ts';
import { act, expandedSize, type Program, reach, sightBetween } from '../../../src/priority/matching/regex-program.ts';
import { keyText, regexText } from '../../support/regex-arbitraries.ts';

/** Null: the text is no regex, or beyond the bounds. */
function attempt<T>(make: () => T): T | null {
  try {
    return make();
  } catch {
    return null;
  }
}

test('a search finds what the engine finds, in every key', () => {
  let searched = 0;
  let matched = 0;
  fc.assert(
    fc.property(regexText, fc.array(keyText, { minLength: 1, maxLength: 8 }), (text, keys) => {
      const engine = attempt(() => RE2JS.compile(text));
      const regex = attempt(() => new Regex(text));
      if (engine === null) assert.equal(regex, null, `the engine refuses ${text}`);
      if (engine === null || regex === null) return;
      for (const key of keys) {
        searched++;
        if (engine.test(key)) matched++;
        assert.equal(regex.test(key), engine.test(key), `${text} in ${JSON.stringify(key)}`);
      }
    }),
    { numRuns: 10_000 },
  );
  assert.ok(searched > 20_000 && matched > 5_000 && searched - matched > 5_000, `${matched} of ${searched} matched`);
});

test('a key with line breaks, which no request can bring, is searched like any other', () => {
  for (const text of [
    '(?m)^b',
    '(?m)a$',
    '(?m)^$',
    '(?m)(?:^|x)b(?:$|y)',
    '(?m)\\bb$(?:.|\\n)^a',
    '(?m)(?:^?$?a?){0,20}b$',
  ]) {
    const [engine, regex] = [RE2JS.compile(text), new Regex(text)];
    for (const key of ['a', 'b', 'a\nb', 'b\na', '\n', 'a\n\nb', 'xb\n', 'xby\na', 'ab'])
      assert.equal(regex.test(key), engine.test(key), `${text} in ${JSON.stringify(key)}`);
  }
});

test('a search across words of 32 places works as within one', () => {
  const keys = (letter: string) => [31, 32, 33, 63, 64, 65, 95, 96, 97, 100].map(length => letter.repeat(length));
  for (const text of [
    'a{32}',
    '^a{33}$',
    'a{64}b?',
    '^(?:ab?){0,50}c?$',
    'x|a{96}',
    '(?:a|b){65}$',
    '^a{31}(?:b|a{2}|a{34})*$',
  ]) {
    const [engine, regex] = [RE2JS.compile(text), new Regex(text)];
    for (const key of [...keys('a'), ...keys('ab'), ...keys('b')])
      assert.equal(regex.test(key), engine.test(key), `${text} in ${key.length} characters`);
  }
});

test('the predicted size is never below that of the program and less than twice as much', () => {
  fc.assert(
    fc.property(regexText, fc.integer({ min: 1, max: 30 }), (inner, times) => {
      for (const text of [inner, `(?:${inner}){${times}}`, `(${inner}){0,${times}}`, `(?:${inner}|x){${times},}`]) {
        const engine = attempt(() => RE2JS.compile(text));
        const size = attempt(() => expandedSize(text));
        if (engine === null || size === null) continue;
        assert.ok(engine.programSize() <= size, `${text}: ${engine.programSize()} of ${size}`);
        const isCutShort = text.includes('[^\\x00-\\x{10FFFF}]') || text.includes('\\E');
        if (!isCutShort)
          assert.ok(size <= 2 * engine.programSize() + 10, `${text}: ${engine.programSize()} of ${size}`);
      }
    }),
    { numRuns: 3_000 },
  );
});

/** The steps of a search with this key, counted place by place. */
function stepsOf(program: Program, key: string): number {
  const { acts, outs, args, sets, start } = program;
  const takes = [...acts.keys()].filter(place => acts[place] === act.take);
  const words = (takes.length + 31) >> 5;
  const codes = [...key].map(character => character.codePointAt(0) ?? 0);
  let standing: number[] = [];
  let steps = 0;
  for (const [at, code] of codes.entries()) {
    const seen = sightBetween(codes[at - 1] ?? -1, code);
    const next = standing.map(place => reach(program, [outs[place] ?? 0], seen).waiting);
    const rows = standing.filter((place, n) => next[n]?.some(one => one !== takes[takes.indexOf(place) + 1]));
    steps += 2 * words + rows.length * words;
    const waiting = new Set([...next.flat(), ...reach(program, [start], seen).waiting]);
    standing = [...waiting].filter(place => sets[args[place] ?? 0]?.has(code));
  }
  return steps;
}

test('no key makes a search take more steps than its regex weighs', () => {
  const long = fc
    .tuple(keyText, fc.integer({ min: 1, max: 20 }))
    .map(([text, times]) => text.repeat(times).slice(0, 256));
  fc.assert(
    fc.property(
      regexText,
      fc.integer({ min: 1, max: 20 }),
      fc.array(long, { minLength: 1, maxLength: 4 }),
      (inner, times, keys) => {
        const regex = attempt(() => new Regex(`(?:${inner}){0,${times}}_`));
        for (const key of regex === null ? [] : keys) {
          const steps = stepsOf(regex?.program ?? assert.fail(), key);
          assert.ok(steps <= (regex?.weight ?? 0), `${inner}, ${times} times: ${steps} steps of ${regex?.weight}`);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

/** Regexes as operators write them, and the widest sensible ones: none may come near the bounds. */
const sensible = [
  '^tok_prod_',
  '_ci$',
  '(?i)beta',
  '^tok_(prod|ml|dev|analytics)_',
  '^tok_[a-z]{4}_[A-Za-z0-9]{16,32}$',
  '[A-Za-z0-9_-]{100}',
  '^\\w{1,100}$',
  '[a-z]{0,100}x',
  '^\\pL{100}$',
  '(?i)[\\x80-\\x{10FFFF}]{1,100}',
  '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}',
  '(?:[a-zA-Z0-9]+_?){1,50}',
  '^([A-Za-z]+[-_.]?){2,30}$',
  '^tok_(?:[a-z0-9]+-){1,20}[a-z0-9]+$',
  '(?:prod|dev|ml)(?:-(?:a|b|c)[0-9]+){1,20}',
  '\\S{0,50}-\\S{0,50}',
  '\\b(?:[\\w-]+\\.)+[a-z]{2,20}\\b',
  `^(?:${'acme|globex|initech|umbrella|hooli|stark|wayne|wonka|soylent|tyrell|massive|aperture|oscorp|weyland'.repeat(2)})_`,
];
for (const text of sensible)
  test(`${text.slice(0, 50)} is far within the bounds`, () => {
    const { weight } = new Regex(text);
    assert.ok(weight < 0.6 * maxRegexWeight, `${weight}`);
  });

const abusive: [string, RegExp][] = [
  [`(?:${'ab'.repeat(60)}){90}`, /expands to at most 1000 steps, not 10802/],
  [`(?:${'('.repeat(60)}a${')'.repeat(60)}){100}`, /expands to at most 1000 steps, not 12102/],
  [`(?:a${'|'.repeat(200)}b){100}`, /weighs at most 200000, not \d+/],
  [`(?:${'()'.repeat(100)}){100}`, /expands to at most 1000 steps/],
  [`(?:${'^'.repeat(100)}a){100}`, /expands to at most 1000 steps/],
  ['(?:a?b?c?d?e?f?g?h?i?){0,100}', /expands to at most 1000 steps/],
  ['(?:a?b?c?d?e?f?g?h?i?){0,40}', /at most 20000 ways/],
  ['(?:a|b[^!]|[^?]){100}', /weighs at most 200000, not \d+/],
  ['[\\pL]{100}[\\pN\\pL]{60}', /classes that expand to at most 100000 ranges/],
  [`(?i)${'[B-\\x{1E942}]'.repeat(15)}`, /folds too many characters/],
  [`(?i)[${'\u0080-\u{1E942}'.repeat(60)}]`, /folds too many characters/],
  [`[${'\\pL'.repeat(80)}]`, /too many \\p/],
];
for (const [text, fault] of abusive)
  test(`${text.slice(0, 40)}… is refused, and costs next to nothing`, () => {
    const began = performance.now();
    assert.throws(() => new Regex(text), { message: fault });
    // A few milliseconds; re2js takes up to 250 ms for some of them.
    assert.ok(performance.now() - began < 100);
  });
