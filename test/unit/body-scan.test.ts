import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../src/domain/errors.ts';
import { type ScannedBody, scanBody } from '../../src/gateway/body-scan.ts';

const scan = (text: string) => scanBody(Buffer.from(text));

function faultOf(text: string): GatewayError {
  try {
    scan(text);
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.code, 'invalid_request');
    return error;
  }
  return assert.fail(`no fault found in ${text}`);
}

/** What JSON.parse makes of the same body; null where the body is one to refuse. */
function parsed(text: string): Omit<ScannedBody, 'dataUriBytes'> | null {
  const value = JSON.parse(text) as Record<string, unknown>;
  const limits: number[] = [];
  for (const name of ['max_tokens', 'max_completion_tokens', 'max_output_tokens']) {
    const limit = Object.hasOwn(value, name) ? (value[name] ?? null) : null;
    if (limit === null) continue;
    if (typeof limit !== 'number') return null;
    if (limit >= 0) limits.push(limit);
  }
  const model = Object.hasOwn(value, 'model') ? value.model : undefined;
  const stream = Object.hasOwn(value, 'stream') ? (value.stream ?? false) : false;
  if (typeof model !== 'string' || model === '' || typeof stream !== 'boolean') return null;
  return { model, stream, outputLimit: limits.length === 0 ? null : Math.min(...limits) };
}

const names = [
  'model',
  'stream',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'messages',
  'mod"el',
  'é',
];
const value = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
  { weight: 1, arbitrary: fc.stringMatching(/^["\\ab]{0,200}$/) },
  { weight: 1, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.integer() },
  { weight: 2, arbitrary: fc.jsonValue() },
);
const sound = fc.oneof(
  fc.tuple(fc.constant('model'), fc.string({ unit: 'binary', minLength: 1 })),
  fc.tuple(fc.constant('stream'), fc.boolean()),
  fc.tuple(fc.constantFrom('max_tokens', 'max_completion_tokens', 'max_output_tokens'), fc.nat()),
  fc.tuple(fc.constant('messages'), fc.jsonValue()),
);
const member = fc.oneof(
  { weight: 4, arbitrary: sound },
  { weight: 1, arbitrary: fc.tuple(fc.oneof(fc.constantFrom(...names), fc.string()), value) },
);
const blank = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** A name or string as some clients write it: with every character escaped. */
const escaped = (text: string) =>
  `"${[...text].map(c => (c.length === 1 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c)).join('')}"`;

test('a scan finds what JSON.parse finds, in any JSON object', () => {
  const body = fc.tuple(fc.array(fc.tuple(member, fc.boolean()), { maxLength: 12 }), blank);
  let accepted = 0;
  fc.assert(
    fc.property(body, ([members, space]) => {
      const text = `${space}{${members
        .map(([[name, content], isEscaped]) => {
          const quoted = isEscaped && !/["\\\ud800-\udfff]/.test(name) ? escaped(name) : JSON.stringify(name);
          return `${space}${quoted}${space}:${space}${JSON.stringify(content)}${space}`;
        })
        .join(',')}${space}}${space}`;
      const expected = parsed(text);
      if (expected === null) return void faultOf(text);
      accepted++;
      const { dataUriBytes, ...found } = scan(text);
      assert.equal(dataUriBytes, 0);
      assert.deepEqual(found, expected);
    }),
    { numRuns: 1000 },
  );
  assert.ok(accepted > 200, `only ${accepted} bodies were accepted`);
});

test('every body that is cut off is refused', () => {
  const whole = JSON.stringify({
    model: 'm\\"x',
    messages: [{ role: 'user', content: 'say \\"hi\\"'.repeat(20) }],
    stream: true,
    n: [[1], { a: {} }],
  });
  assert.equal(scan(whole).model, 'm\\"x');
  for (let length = 0; length < whole.length; length++) faultOf(whole.slice(0, length));
});

test('what is not one object is refused, and the message says what is wrong', () => {
  assert.match(faultOf('').message, /is empty/);
  assert.match(faultOf('  ').message, /is empty/);
  for (const text of ['[]', '"model"', 'null', '7', 'model=x'])
    assert.match(faultOf(text).message, /must be a JSON object/);
  assert.match(faultOf('{"model":"m"').message, /ends too early/);
  assert.match(faultOf('{"model":"m"}}').message, /follows the end.*byte 13/);
  assert.match(faultOf('{"model":"m" "stream":true}').message, /separated by commas/);
  assert.match(faultOf('{"model":"m",}').message, /quoted name/);
  assert.match(faultOf("{'model':'m'}").message, /quoted name/);
  assert.match(faultOf('{"model" "m"}').message, /colon/);
  assert.match(faultOf('{"model":}').message, /value is missing/);
  assert.match(faultOf('{"model":"m","a":[{]}}').message, /brackets do not match/);
});

test('a field of the wrong type is named', () => {
  const wrong: [string, string][] = [
    ['{}', 'model'],
    ['{"messages":[{"model":"inner"}]}', 'model'],
    ['{"model":7}', 'model'],
    ['{"model":""}', 'model'],
    ['{"model":null}', 'model'],
    ['{"model":{"name":"m"}}', 'model'],
    [`{"model":"${'m'.repeat(2000)}"}`, 'model'],
    ['{"model":"m","stream":"yes"}', 'stream'],
    ['{"model":"m","stream":1}', 'stream'],
    ['{"model":"m","stream":tru}', 'stream'],
    ['{"model":"m","max_tokens":"100"}', 'max_tokens'],
    ['{"model":"m","max_completion_tokens":[1]}', 'max_completion_tokens'],
    ['{"model":"m","max_output_tokens":true}', 'max_output_tokens'],
    ['{"model":"m","max_tokens":1.2.3}', 'max_tokens'],
  ];
  for (const [text, field] of wrong) assert.equal(faultOf(text).param, field, text);
});

test('the last of a repeated name counts, null counts as absent, and the least limit holds', () => {
  assert.equal(scan('{"model":1,"model":"b"}').model, 'b');
  assert.equal(scan('{"model":"a","\\u006dodel":"b"}').model, 'b');
  assert.deepEqual(scan('{"model":"m","stream":null,"max_tokens":null}'), {
    model: 'm',
    stream: false,
    outputLimit: null,
    dataUriBytes: 0,
  });
  assert.equal(scan('{"model":"m","max_tokens":90,"max_completion_tokens":70}').outputLimit, 70);
  assert.equal(scan('{"model":"m","max_tokens":-1}').outputLimit, null);
  assert.equal(scan('{"model":"m","max_tokens":0}').outputLimit, 0);
});

test('a byte order mark is passed over, and names beyond ASCII are read', () => {
  assert.equal(scan('\ufeff{"model":"größe-\\u00df"}').model, 'größe-ß');
});

test('base64 data URIs are measured, wherever they stand, and nothing else is', () => {
  const uri = `data:image/png;base64,${'QUJD'.repeat(500)}`;
  const body = {
    model: 'm',
    input: uri,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: uri } },
          { type: 'text', text: 'data: none' },
        ],
      },
    ],
  };
  assert.equal(scan(JSON.stringify(body)).dataUriBytes, 2 * uri.length);
});

test('strings of any length end at their own quote, whatever escapes stand before it', () => {
  for (let length = 0; length < 200; length++) {
    for (const tail of ['', '\\', '"', '\\\\', '\\"', '""""']) {
      const text = JSON.stringify({ prompt: 'x'.repeat(length) + tail + 'x'.repeat(length % 70) + tail, model: 'm' });
      assert.equal(scan(text).model, 'm', text);
    }
  }
});
