import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOfExact, digestOfKey, parsePattern } from '../../../src/priority/matching/pattern.ts';

const faultOf = (matchType: Parameters<typeof parsePattern>[0], text: string): string | null => {
  const parsed = parsePattern(matchType, text);
  return parsed.kind === 'faulty' ? parsed.fault : null;
};

test('a star is dropped at the open end only, and any other star is an ordinary character', () => {
  assert.deepEqual(parsePattern('prefix', 'tok_prod*'), { kind: 'prefix', text: 'tok_prod' });
  assert.deepEqual(parsePattern('prefix', '*tok_prod'), { kind: 'prefix', text: '*tok_prod' });
  assert.deepEqual(parsePattern('prefix', 'tok**'), { kind: 'prefix', text: 'tok*' });
  assert.deepEqual(parsePattern('suffix', '*_ci'), { kind: 'suffix', text: '_ci' });
  assert.deepEqual(parsePattern('suffix', '_ci*'), { kind: 'suffix', text: '_ci*' });
  assert.deepEqual(parsePattern('contains', '*_ml_*'), { kind: 'contains', text: '_ml_' });
  assert.deepEqual(parsePattern('contains', 'a*b'), { kind: 'contains', text: 'a*b' });
  assert.deepEqual(parsePattern('exact', '*'), { kind: 'key', key: '*' });
  assert.deepEqual(parsePattern('exact', 'tok_a*'), { kind: 'key', key: 'tok_a*' });
});

test('a star alone leaves nothing to compare for prefix, suffix and contains', () => {
  for (const kind of ['prefix', 'suffix', 'contains'] as const)
    assert.deepEqual(parsePattern(kind, '*'), { kind, text: '' });
});

test('an exact pattern is a key, or the SHA-256 of one in either case', () => {
  const hex = digestOfKey('tok_a');
  assert.deepEqual(parsePattern('exact', `sha256:${hex.toUpperCase()}`), { kind: 'digest', hex });
  assert.match(faultOf('exact', `sha256:${hex.slice(1)}`) ?? '', /64 hex digits/);
  assert.equal(digestOfExact('tok_a'), hex);
  assert.equal(digestOfExact(`sha256:${hex}`), hex);
});

test('a faulty exact pattern is not quoted in the reason, because it may be a key', () => {
  assert.doesNotMatch(faultOf('exact', 'sha256:tok_secret') ?? '', /secret/);
});

test('lengths outside 1 to 512 characters are named, and characters count, not bytes', () => {
  assert.match(faultOf('prefix', '') ?? '', /1 to 512 characters, not 0/);
  assert.match(faultOf('prefix', 'x'.repeat(513)) ?? '', /not 513/);
  assert.equal(faultOf('prefix', '😀'.repeat(512)), null);
});

test('a control character, which a copied line break is, makes a pattern unusable', () => {
  for (const text of ['tok_prod\n', 'a\0b', 'a\ud800'])
    assert.match(faultOf('prefix', text) ?? '', /control characters/);
});

test('a regex is RE2: searched anywhere, with no look-around and no back-reference', () => {
  const parsed = parsePattern('regex', '_[a-f]{3}_');
  assert.equal(parsed.kind === 'regex' && parsed.regex.test('tok_abc_9'), true);
  assert.equal(parsed.kind === 'regex' && parsed.regex.test('tok_xyz_9'), false);
  for (const text of ['(?=a)b', '(a)\\1', '(a', '[', 'a**', '*a'])
    assert.match(faultOf('regex', text) ?? '', /not a regular expression in RE2 syntax: ./);
});

test('a regex longer than 256 characters is refused, although a prefix may be', () => {
  assert.match(faultOf('regex', 'a'.repeat(257)) ?? '', /at most 256 characters, not 257/);
  assert.equal(faultOf('regex', 'a'.repeat(256)), null);
});

const tooManyCopies = [
  'a{101}',
  'a{60}b{60}',
  '(a{10}){11}',
  '(?:(a{5}){5}){5}',
  '(?P<n>a{50}|b{51})',
  'a{50,}b{51,}',
  'a{2}{60}',
  '[]x]{101}',
  '\\pL{101}',
  'a{1,101}?',
];
for (const text of tooManyCopies)
  test(`the counted repetitions of ${text} make more than 100 copies`, () => {
    assert.match(faultOf('regex', text) ?? '', /at most 100 copies in all/);
  });

const fewCopies = [
  'a{100}',
  '(a{10}){10}',
  'a{50}b{50}',
  '\\x{10FFFF}{3}',
  '[{101}]{5}',
  'a\\{200}',
  '\\Qa{200}\\E',
  '[[:alpha:]{101}]{2}',
  'a{,500}',
  '\\p{Greek}{4}',
  '(?i:tok){9}',
  'x{0}',
];
for (const text of fewCopies)
  test(`${text} is within the limit on counted repetitions`, () => {
    assert.equal(faultOf('regex', text), null);
  });
