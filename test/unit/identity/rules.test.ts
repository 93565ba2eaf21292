import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { describe, test } from 'node:test';
import { requiredKey } from '../../../src/http/door/auth.ts';
import { drawKey, hashKey, keyColumns } from '../../../src/identity/api-key.ts';
import { parseEmail } from '../../../src/identity/email.ts';

describe('a drawn key', () => {
  test('is tok_ and 32 random bytes', () => assert.match(drawKey(null), /^tok_[A-Za-z0-9_-]{43}$/));
  test('carries the prefix that was asked for', () => assert.match(drawKey('prod'), /^tok_prod_[A-Za-z0-9_-]{43}$/));
  test('is never drawn twice', () => assert.notEqual(drawKey(null), drawKey(null)));
  test('is stored as its hash and its first 12 characters', () => {
    assert.deepEqual(keyColumns('tok_prod_abcdefgh'), {
      key_hash: hashKey('tok_prod_abcdefgh'),
      key_prefix: 'tok_prod_abc',
    });
    assert.equal(hashKey('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

describe('an e-mail', () => {
  const good: [string, string][] = [
    ['admin@local', 'admin@local'],
    ['  Ann@Example.COM ', 'ann@example.com'],
    ['a@b', 'a@b'],
    [`${'a'.repeat(252)}@b`, `${'a'.repeat(252)}@b`],
  ];
  for (const [text, email] of good) {
    test(`may be '${text.slice(0, 20)}'`, () => assert.equal(parseEmail(text), email));
  }
  const bad = ['', 'ab', '@b', 'a@', ' a@ ', 'a@@b', 'a@b@c', 'nobody', 'a\nb@c', 'a@b\u007f', `${'a'.repeat(253)}@b`];
  for (const text of bad) {
    test(`may not be '${text.slice(0, 20)}' (${text.length} characters)`, () =>
      assert.throws(() => parseEmail(text), { code: 'invalid_request', param: 'email' }));
  }
});

describe('the presented key', () => {
  const accepted: [string, IncomingHttpHeaders][] = [
    ['a bearer', { authorization: 'Bearer tok_a' }],
    ['a bearer in any case', { authorization: 'bEARER tok_a' }],
    ['a bearer after several spaces', { authorization: 'Bearer   tok_a' }],
    ['x-api-key', { 'x-api-key': 'tok_a' }],
    ['both headers that agree', { authorization: 'Bearer tok_a', 'x-api-key': 'tok_a' }],
    ['x-api-key beside an empty authorization', { authorization: '', 'x-api-key': 'tok_a' }],
    ['x-api-key beside a bearer without a key', { authorization: 'Bearer', 'x-api-key': 'tok_a' }],
    ['a bearer beside an empty x-api-key', { authorization: 'Bearer tok_a', 'x-api-key': '' }],
  ];
  for (const [what, headers] of accepted) {
    test(`is read from ${what}`, () => assert.equal(requiredKey(headers), 'tok_a'));
  }
  const refused: [string, IncomingHttpHeaders][] = [
    ['no header', {}],
    ['an empty bearer', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic dG9rOmE=' }],
    ['another scheme beside x-api-key', { authorization: 'Basic dG9rOmE=', 'x-api-key': 'tok_a' }],
    ['a key without a scheme', { authorization: 'tok_a' }],
    ['two keys that differ', { authorization: 'Bearer tok_a', 'x-api-key': 'tok_b' }],
  ];
  for (const [what, headers] of refused) {
    test(`is refused with ${what}`, () => assert.throws(() => requiredKey(headers), { code: 'invalid_api_key' }));
  }
});
