import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { drawKey } from '../../../src/identity/api-key.ts';
import { looksDrawnHere, looksLikeKey } from '../../../ui/src/parts/key-like.ts';

test('every key that the gateway draws looks like one, whatever its prefix, with blanks around it too', () => {
  const prefix = fc.option(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,31}$/));
  fc.assert(
    fc.property(prefix, fc.constantFrom('', ' ', '\n'), (text, blank) => {
      const key = `${blank}${drawKey(text)}${blank}`;
      assert.ok(looksDrawnHere(key) && looksLikeKey(key), key);
    }),
    { numRuns: 2_000 },
  );
});

for (const key of [
  'tok_prod_TZFSf4xYab12cd',
  'sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z',
  'sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789',
  'Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MEFCQ0Q=',
])
  test(`${key} is not to be searched for`, () => assert.ok(looksLikeKey(key)));

for (const text of [
  '',
  'tok_prod',
  'tok_prod_*',
  'tok_ext_ent_acme_europe_*',
  'tok_ext_ent_acme_europe',
  'ann@example.com',
  'a.very.long.address.of.somebody@department-42.Example.com',
  'Customers with a contract, since 2024, of Europe',
  'customer-support-automation-team-2024-europe',
  '9b2f6c1e-0d4a-4f3b-8a55-6a1c2f0d7e11',
  `sha256:${'1eb2184b'.repeat(8)}`,
])
  test(`'${text}' may be searched for`, () => assert.ok(!looksLikeKey(text)));

test('ids that clients choose for their requests can be searched for, whatever they look like', () => {
  for (const id of ['req_011CSHoEeqs5C35K2UUqR7Fy', 'chatcmpl-BhP3sQ7vXyZ0123456789AbCdEfGhIjK'])
    assert.ok(!looksDrawnHere(id), id);
});
