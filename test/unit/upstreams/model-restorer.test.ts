import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { modelRestorer, withoutLength } from '../../../src/upstreams/answer/model-restorer.ts';

const asked = 'gpt-4o "é\u{1f600}';
const json = 'application/json';
const events = 'text/event-stream; charset=utf-8';

/** What a client gets of an answer that comes in pieces which end at these places. */
function restored(contentType: string, answer: string | Buffer, cuts: readonly number[] = []): string {
  const bytes = Buffer.from(answer as string);
  const restorer = modelRestorer(asked, ['content-type', contentType]);
  assert.ok(restorer !== null);
  const ends = [...new Set(cuts)].filter(cut => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  const pieces = [...ends, bytes.length].map((end, index) => restorer.push(bytes.subarray(ends[index - 1] ?? 0, end)));
  return Buffer.concat([...pieces, restorer.end()]).toString();
}

/** The same for every single place to cut at, and for all at once. */
function restoredAnyhow(contentType: string, answer: string): string {
  const whole = restored(contentType, answer);
  const bytes = Buffer.byteLength(answer);
  const all = Array.from({ length: bytes }, (_, at) => at);
  assert.equal(restored(contentType, answer, all), whole);
  for (const at of all) assert.equal(restored(contentType, answer, [at]), whole, `cut at byte ${at}`);
  return whole;
}

test('the model of an answer is replaced, and every other byte stays', () => {
  const rest =
    ' , "choices":[{"model":"llama","message":{"model":"llama"}}],\n "usage" : {"n":1.50e3,"model":"llama"}}\n';
  const name = JSON.stringify(asked);
  assert.equal(restoredAnyhow(json, `{"model" : "llama"${rest}`), `{"model" : ${name}${rest}`);
  assert.equal(restoredAnyhow(json, `{"\\u006dodel":"ll\\u0061ma\\"\\\\"${rest}`), `{"\\u006dodel":${name}${rest}`);
  assert.equal(restoredAnyhow(json, `{"model":"a","model":"b"${rest}`), `{"model":${name},"model":${name}${rest}`);
  assert.equal(restoredAnyhow(json, '{"model":""}'), `{"model":${name}}`);
});

test('the models of a message and of a response are replaced, and those deeper are not', () => {
  const name = JSON.stringify(asked);
  const inside = (model: string) =>
    `{"type":"message_start","message":{"id":"m","content":[{"model":"llama"}],"model":${model},"x":{"model":"l"}},` +
    `"response":{"model":${model}},"other":{"model":"llama"},"message":[{"model":"llama"},"model"]}`;
  assert.equal(restoredAnyhow(json, inside('"llama"')), inside(name));
});

test('what is no name of a model, and what is no JSON, passes as it is', () => {
  const answers = [
    '{"model":7}',
    '{"model":null,"a":"model"}',
    '{"model":{"model":"x"}}',
    '{"model":["x"]}',
    '["model","x"]',
    '{"model":"cut o',
    'model',
    '',
    '}{"model":',
    '{"a":1 "model":"x"}',
  ];
  for (const answer of answers) assert.equal(restoredAnyhow(json, answer), answer);
});

test('of several documents that follow each other each is rewritten', () => {
  const name = JSON.stringify(asked);
  assert.equal(
    restoredAnyhow('application/x-ndjson', '{"model":"a"}\n{"model":"b"}\n'),
    `{"model":${name}}\n{"model":${name}}\n`,
  );
});

test('events of all dialects are rewritten, with every framing', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const stream = (model: string) =>
      [
        '\ufeff: a comment with "model":"llama"',
        'event: message_start',
        `data: {"type":"message_start","message":{"model":${model}}}`,
        '',
        `data:{"model":${model},"choices":[]}`,
        '',
        'dat: {"model":"llama"}',
        'data',
        `data: {"response":`,
        'id: {"model":"llama"}',
        `data: {"model":${model}}}`,
        '',
        '',
        'data: {"a":"cut',
        '',
        `data: {"model":${model}}`,
        '',
        'data: [DONE]',
        '',
        '',
      ].join(end);
    assert.equal(restoredAnyhow(events, stream('"llama"')), stream(JSON.stringify(asked)), JSON.stringify(end));
  }
});

test('nothing is held of a long value for longer than a name of a model can be', () => {
  const restorer = modelRestorer(asked, ['content-type', json]);
  assert.ok(restorer !== null);
  assert.equal(restorer.push(Buffer.from('{"model":"')).toString(), '{"model":');
  let passed = 0;
  for (let piece = 0; piece < 100; piece++) passed += restorer.push(Buffer.alloc(1024, 'x')).length;
  assert.equal(passed, 100 * 1024 + 1);
  const tail = '","response":{"model":"llama"}}';
  assert.equal(restorer.push(Buffer.from(tail)).toString(), tail.replace('"llama"', JSON.stringify(asked)));
});

test('any document keeps its meaning but for the model, however it is cut', () => {
  const member = fc.tuple(
    fc.constantFrom('model', 'message', 'response', 'a', 'choices'),
    fc.oneof(fc.string({ unit: 'grapheme' }), fc.jsonValue(), fc.record({ model: fc.string(), b: fc.jsonValue() })),
  );
  fc.assert(
    fc.property(fc.array(member, { maxLength: 8 }), fc.array(fc.nat(300)), (members, cuts) => {
      const document = Object.fromEntries(members);
      const wanted = structuredClone(document) as Record<string, unknown>;
      const replace = (object: unknown) => {
        if (typeof object !== 'object' || object === null || Array.isArray(object)) return;
        if (Object.hasOwn(object, 'model') && typeof (object as { model: unknown }).model === 'string')
          (object as { model: unknown }).model = asked;
      };
      for (const object of [wanted, wanted.message, wanted.response]) replace(object);
      assert.equal(restored(json, JSON.stringify(document), cuts), JSON.stringify(wanted));
      const stream = (one: object) => `event: x\ndata: ${JSON.stringify(one)}\n\n`;
      assert.equal(restored(events, stream(document).repeat(2), cuts), stream(wanted).repeat(2));
    }),
    { numRuns: 1000 },
  );
});

test('answers in another encoding or of another type are left alone, by their own headers', () => {
  const of = (...headers: (string | string[])[]) => modelRestorer(asked, headers);
  assert.equal(of('content-type', json, 'content-encoding', 'gzip'), null);
  assert.equal(of('content-encoding', 'br', 'content-type', events), null);
  for (const type of ['audio/mpeg', 'text/plain', 'application/jsonx', ''])
    assert.equal(of('content-type', type), null);
  assert.equal(of(), null);
  assert.equal(of('x', 'content-type', json, 'y'), null);
  assert.notEqual(of('content-encoding', 'identity', 'content-type', 'application/problem+json; charset=utf-8'), null);
});

test('headers that tell of other bytes are left out', () => {
  const headers = [
    'content-length',
    '7',
    'etag',
    'x',
    'content-type',
    json,
    'a',
    'etag',
    'digest',
    ['b', 'c'],
    'd',
    'e',
  ];
  assert.deepEqual(withoutLength(headers), ['content-type', json, 'a', 'etag', 'd', 'e']);
});
