import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../../src/domain/errors.ts';
import { BodyScan, type ScannedBody } from '../../../src/gateway/receiving/body-scan.ts';
import { within } from '../../support/within.ts';

/** Returns what is read from a body that comes in these pieces. */
function scan(text: string | Buffer, cuts: readonly number[] = []): ScannedBody {
  const bytes = Buffer.from(text as string);
  const ends = [...new Set(cuts)].filter(cut => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  const body = new BodyScan();
  for (const [index, end] of [...ends, bytes.length].entries()) body.push(bytes.subarray(ends[index - 1] ?? 0, end));
  return body.end();
}

function faultOf(text: string | Buffer, cuts: readonly number[] = []): GatewayError {
  try {
    scan(text, cuts);
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.code, 'invalid_request');
    return error;
  }
  return assert.fail(`no fault found in ${text}`);
}

/** Returns what JSON.parse reads from the same body; null if the body must be refused, as for two different models. */
function parsed(
  text: string,
  models: ReadonlySet<unknown>,
): Pick<ScannedBody, 'model' | 'stream' | 'outputLimit' | 'leavesTraces'> | null {
  if (models.size > 1) return null;
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
  const leavesTraces = ['store', 'background'].some(name => Object.hasOwn(value, name) && value[name] === true);
  return { model, stream, outputLimit: limits.length === 0 ? null : Math.min(...limits), leavesTraces };
}

const names = [
  'model',
  'stream',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'store',
  'background',
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
  fc.tuple(fc.constantFrom('store', 'background'), fc.boolean()),
  fc.tuple(fc.constant('messages'), fc.jsonValue()),
);
const member = fc.oneof(
  { weight: 4, arbitrary: sound },
  { weight: 1, arbitrary: fc.tuple(fc.oneof(fc.constantFrom(...names), fc.string()), value) },
);
const blank = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

/** A name or string with every character escaped, as some clients write it. */
const escaped = (text: string) =>
  `"${[...text].map(c => (c.length === 1 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c)).join('')}"`;

test('a scan finds what JSON.parse finds, in any JSON object and however it is cut', () => {
  const body = fc.tuple(fc.array(fc.tuple(member, fc.boolean()), { maxLength: 12 }), blank, fc.array(fc.nat(2000)));
  let accepted = 0;
  fc.assert(
    fc.property(body, ([members, space, cuts]) => {
      const text = `${space}{${members
        .map(([[name, content], isEscaped]) => {
          const quoted = isEscaped && !/["\\\ud800-\udfff]/.test(name) ? escaped(name) : JSON.stringify(name);
          return `${space}${quoted}${space}:${space}${JSON.stringify(content)}${space}`;
        })
        .join(',')}${space}}${space}`;
      const models = members.filter(([[name]]) => name === 'model').map(([[, content]]) => content);
      const expected = parsed(text, new Set(models));
      if (expected === null) return void faultOf(text, cuts);
      accepted++;
      const { media, places, ...found } = scan(text, cuts);
      assert.equal(media.bytes, 0);
      const bytes = Buffer.from(text);
      assert.equal(places.closedAt, bytes.lastIndexOf('}'));
      assert.deepEqual(
        places.model.map(({ from, to }) => JSON.parse(bytes.toString('utf8', from, to))),
        models,
      );
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

test('two models that differ are refused, however they are spelled; of equal ones every place is told', () => {
  const different = [
    '1,"model":"b"',
    '"a","\\u006dodel":"b"',
    '{},"model":"b"',
    '"b","model":["b"]',
    '"b","model":null',
    'null,"model":"b"',
  ];
  for (const rest of different) assert.equal(faultOf(`{"model":${rest}}`).param, 'model', rest);
  assert.match(faultOf('{"model":"a","model":"b"}').message, /stands twice, with different values/);
  const text = '{"model":"b" ,"a":{"model":"c"},"\\u006dodel":"\\u0062"}';
  const { model, places } = scan(text);
  assert.equal(model, 'b');
  assert.deepEqual(
    places.model.map(({ from, to }) => text.slice(from, to)),
    ['"b"', '"\\u0062"'],
  );
  const many = (count: number) => `{${Array<string>(count).fill('"model":"b"').join()}}`;
  assert.equal(scan(many(8)).places.model.length, 8);
  assert.match(faultOf(many(9)).message, /`model` stands more than 8 times/);
});

test('the last of a repeated name counts, null counts as absent, and the least limit holds', () => {
  assert.equal(scan('{"model":"m","stream":false,"stream":true}').stream, true);
  const { model, stream, outputLimit } = scan('{"model":"m","stream":null,"max_tokens":null}');
  assert.deepEqual({ model, stream, outputLimit }, { model: 'm', stream: false, outputLimit: null });
  assert.equal(scan('{"model":"m","max_tokens":90,"max_completion_tokens":70}').outputLimit, 70);
  assert.equal(scan('{"model":"m","max_tokens":-1}').outputLimit, null);
  assert.equal(scan('{"model":"m","max_tokens":0}').outputLimit, 0);
});

test('a byte order mark is passed over, and names beyond ASCII are read', () => {
  assert.equal(scan('\ufeff{"model":"größe-\\u00df"}').model, 'größe-ß');
});

const picture = 'QUJD'.repeat(500);
const uri = `data:image/png;base64,${picture}`;
const media = (part: unknown, more: object = {}) => {
  const { images, otherBytes, bytes } = scan(
    JSON.stringify({ model: 'm', messages: [{ content: [part] }], ...more }),
  ).media;
  return { images, otherBytes, bytes };
};
const image = (bytes: number) => ({ images: 1, otherBytes: 0, bytes });
const other = (bytes: number) => ({ images: 0, otherBytes: bytes * 0.75, bytes });
const none = { images: 0, otherBytes: 0, bytes: 0 };

test('media in base64 are known by their place, in all dialects', () => {
  const source = { type: 'base64', media_type: 'image/png', data: picture };
  assert.deepEqual(media({ type: 'image_url', image_url: { url: uri } }), image(uri.length));
  assert.deepEqual(media({ type: 'input_image', image_url: uri }), image(uri.length));
  assert.deepEqual(media({ type: 'image', source }), image(picture.length));
  const { type, ...rest } = source;
  assert.deepEqual(media({ type: 'image', source: { ...rest, type } }), image(picture.length));
  assert.deepEqual(media({ type: 'tool_result', content: [{ type: 'image', source }] }), image(picture.length));
  const pdf = { ...source, media_type: 'application/pdf' };
  assert.deepEqual(media({ type: 'document', source: pdf }), other(picture.length));
  const audio = { data: picture, format: 'wav' };
  assert.deepEqual(media({ type: 'input_audio', input_audio: audio }), other(picture.length));
  assert.deepEqual(media({ type: 'file', file: { file_data: picture } }), other(picture.length));
  const file = `data:application/pdf;base64,${picture}`;
  assert.deepEqual(media({ type: 'input_file', file_data: file }), other(file.length));
  const twice = media({ type: 'image', source }, { input: [{ image_url: uri }] });
  assert.deepEqual(twice, { images: 2, otherBytes: 0, bytes: picture.length + uri.length });
});

test('text does not pass for a picture', () => {
  const text = 'Please'.repeat(500);
  const texts: unknown[] = [
    { type: 'text', text: uri },
    uri,
    { content: uri },
    { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text } },
    { type: 'image', source: { type: 'url', url: `https://example.com/${text}` } },
    { type: 'image_url', image_url: { url: `https://example.com/${text}` } },
    { type: 'image_url', image_url: { url: `data:text/plain,${text}` } },
    { data: text },
    { source: { data: text }, type: 'base64' },
    { source: { nested: { type: 'base64' }, data: text } },
    { input_audio: { nested: { data: text } } },
    { input_audio: {}, data: text },
  ];
  for (const part of texts) assert.deepEqual(media(part), none, JSON.stringify(part).slice(0, 80));
  assert.deepEqual(media('x', { prompt: uri, input: uri, instructions: uri }), none);
});

test('media are measured the same however the body is cut', () => {
  const parts = [
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: picture } },
    { type: 'image_url', image_url: { url: uri } },
    { type: 'input_audio', input_audio: { data: picture } },
  ];
  const text = JSON.stringify({ model: 'm', messages: parts });
  const whole = scan(text);
  assert.equal(whole.media.images, 2);
  const everyByte = Array.from({ length: text.length }, (_, index) => index);
  for (const cuts of [everyByte, everyByte.filter(at => at % 7 === 0)]) assert.deepEqual(scan(text, cuts), whole);
});

test('strings of any length end at their own quote, whatever escapes stand before it', () => {
  for (let length = 0; length < 200; length++) {
    for (const tail of ['', '\\', '"', '\\\\', '\\"', '""""']) {
      const text = JSON.stringify({ prompt: 'x'.repeat(length) + tail + 'x'.repeat(length % 70) + tail, model: 'm' });
      assert.equal(scan(text).model, 'm', text);
    }
  }
});

test('deep nesting is refused, at the depth where it becomes deep', () => {
  const nested = (depth: number) => `{"model":"m","a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  assert.equal(scan(nested(512)).model, 'm');
  assert.match(faultOf(nested(513)).message, /nested deeper than 512 levels \(at byte 528\)/);
  const deep = Buffer.from(nested(10_000_000));
  within(1_000, () => faultOf(deep));
  assert.match(faultOf(`{"a":${'{"a":'.repeat(600)}`).message, /nested deeper/);
});

const pieces = fc.array(
  fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '\\"',
      '\\u006d',
      ' ',
      '\n',
      '\ufeff',
      'null',
      'true',
      '12',
      '-',
      '1e9',
      "'",
      '\0',
      'é',
    ],
    ...[
      '"model"',
      '"model":"m"',
      '"stream":true',
      '"max_tokens":5',
      '"source"',
      '"type":"base64"',
      '"data":"x"',
      '"url":"data:;base64,x"',
    ],
  ),
  { maxLength: 60 },
);

test('a body that is cut, mixed up or ends anywhere is read in bounded time, and however it is cut alike', () => {
  const said = (body: Buffer, cuts: readonly number[]) => {
    try {
      return scan(body, cuts);
    } catch (error) {
      assert.ok(error instanceof GatewayError, String(error));
      return error.message;
    }
  };
  const start = fc.constantFrom('{', '{"model":"m",', '');
  fc.assert(
    fc.property(start, pieces, fc.array(fc.nat(300), { maxLength: 20 }), fc.nat(), (from, parts, cuts, end) => {
      const text = Buffer.from(from + parts.join(''));
      const body = text.subarray(0, end % (text.length + 1));
      const whole = within(1_000, () => said(body, []));
      assert.deepEqual(
        within(1_000, () => said(body, cuts)),
        whole,
      );
      const everyByte = Array.from({ length: body.length }, (_, index) => index);
      assert.deepEqual(
        within(1_000, () => said(body, everyByte)),
        whole,
      );
    }),
    { numRuns: 3_000 },
  );
});
