import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { completion } from '../../../src/upstreams/answer/cut-json.ts';

const error = { message: 'It broke "off".', code: 'upstream_failed' };
const last = `"error":${JSON.stringify(error)}`;
const object = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 });

test('the beginning of an object becomes an object, wherever it was cut, and keeps its complete members', () => {
  fc.assert(
    fc.property(object, fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      const text = JSON.stringify({ first: 'whole', ...value }, null, indent).replaceAll('\\n', '\\u000a');
      for (let cut = 1; cut < text.length; cut++) {
        const beginning = text.slice(0, cut);
        const end = completion(beginning, last);
        assert.ok(end !== null, beginning);
        const read = JSON.parse(beginning + end);
        assert.deepEqual(read.error, error);
        if (/"first": ?"whole",/.test(beginning) && !('first' in value)) assert.equal(read.first, 'whole');
      }
    }),
    { numRuns: 200 },
  );
});

test('a completed chunk keeps the text that had arrived', () => {
  const beginning = '{"id":"c","choices":[{"index":0,"delta":{"content":"Hel';
  assert.deepEqual(JSON.parse(beginning + completion(beginning, '"error":{}')), {
    id: 'c',
    choices: [{ index: 0, delta: { content: 'Hel' } }],
    error: {},
  });
});

test('complete or malformed texts, and texts that are not objects, are left unchanged', () => {
  for (const text of [
    '',
    '{}',
    ' {"a":[1]} ',
    '[',
    '[1',
    '"a',
    '1',
    'tru',
    '[DONE',
    '{]',
    '{"a":1}}',
    '{,',
    '{"a""',
    '{a',
  ]) {
    assert.equal(completion(text, last), null, text);
  }
  for (const text of ['{"a" 1', '{"a":x', '{"a":1 2', '{"a":[1:', '{"a"}', '{1', '{"a":}', '{"a":[}']) {
    const end = completion(text, last);
    if (end !== null) assert.throws(() => JSON.parse(text + end), text);
  }
});

test('long beginnings are completed quickly', () => {
  const beginning = `{"a":${'[{"b":'.repeat(5_000)}"${'\\\\\\"x'.repeat(5_000)}`;
  const begun = performance.now();
  assert.ok(JSON.parse(beginning + completion(beginning, last)));
  assert.ok(performance.now() - begun < 1_000);
});
