import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { meteredUsage } from '../../../src/upstreams/metering/charge.ts';
import { meterFor } from '../../../src/upstreams/metering/meter.ts';
import { within } from '../../support/within.ts';

const sse = 'text/event-stream; charset=utf-8';
const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const named = (value: { type: string }) => `event: ${value.type}\n${data(value)}`;

interface Metering {
  readonly cuts?: readonly number[];
  readonly outputLimit?: number | null;
  readonly producesTokens?: boolean;
}

/** Returns the charge for an answer that comes in these pieces; the input is estimated at 77 tokens. */
function metered(contentType: string, text: string | Buffer, { cuts = [], ...asked }: Metering = {}) {
  const reading = read(contentType, text, cuts);
  return meteredUsage(reading, { inputEstimate: 77, outputLimit: null, producesTokens: true, ...asked });
}

function read(contentType: string, text: string | Buffer, cuts: readonly number[] = []) {
  const bytes = Buffer.from(text as string);
  const ends = [...new Set(cuts)].filter(cut => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  const pieces = [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
  const meter = meterFor(contentType);
  for (const piece of pieces) meter.feed(piece);
  return meter.read();
}

const told = (inputTokens: number, cachedInputTokens: number, outputTokens: number) => ({
  inputTokens,
  cachedInputTokens,
  outputTokens,
  isEstimated: false,
});
const estimated = (inputTokens: number, cachedInputTokens: number, outputTokens: number) => ({
  ...told(inputTokens, cachedInputTokens, outputTokens),
  isEstimated: true,
});

const chunk = (delta: object, more: object = {}) =>
  data({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: null }], ...more });
const chatUsage = {
  prompt_tokens: 19,
  completion_tokens: 7,
  total_tokens: 26,
  prompt_tokens_details: { cached_tokens: 8, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
};

test('usage of a chat completion, an embedding, a response and a message is read from JSON', () => {
  const content = 'a "usage":{"prompt_tokens":1} b';
  assert.deepEqual(
    metered('application/json', JSON.stringify({ choices: [{ message: { content } }], usage: chatUsage, fp: 'x' })),
    told(19, 8, 7),
  );
  assert.deepEqual(
    metered('application/json', JSON.stringify({ data: [{}], usage: { prompt_tokens: 8, total_tokens: 8 } }), {
      producesTokens: false,
    }),
    told(8, 0, 0),
  );
  assert.deepEqual(
    metered(
      'application/json',
      JSON.stringify({
        output: [],
        usage: { input_tokens: 36, input_tokens_details: { cached_tokens: 6 }, output_tokens: 87, total_tokens: 123 },
        user: null,
        metadata: {},
      }),
    ),
    told(36, 6, 87),
  );
  assert.deepEqual(
    metered(
      'application/json',
      JSON.stringify({
        content: [{ type: 'tool_use', input: { usage: { input_tokens: 999 } } }],
        usage: { input_tokens: 5, cache_creation_input_tokens: 20, cache_read_input_tokens: 300, output_tokens: 4 },
      }),
    ),
    told(325, 300, 4),
  );
});

test('usage is found before and after megabytes of embeddings, with spaces or without', () => {
  const vectors = Array.from({ length: 20_000 }, (_, index) => index / 7);
  const usage = { prompt_tokens: 3, total_tokens: 3 };
  const expected = told(3, 0, 0);
  const cuts = Array.from({ length: 500 }, (_, index) => index * 1000);
  for (const indent of [undefined, 2]) {
    for (const body of [
      { usage, data: vectors },
      { data: vectors, usage },
    ]) {
      assert.deepEqual(
        metered('application/json', JSON.stringify(body, null, indent), { cuts, producesTokens: false }),
        expected,
      );
    }
  }
});

test('an answer without output that reports no usage is not charged, nor is an empty one', () => {
  for (const text of ['{"input_tokens":12}', '{"usage":null}', '{"usage":{"prompt_tok']) {
    assert.equal(metered('application/json', text, { producesTokens: false }), null, text);
  }
  assert.equal(metered('application/json', ''), null);
  assert.equal(metered(sse, ': nothing yet\n\n'), null);
});

test('an answer whose usage cannot be read is charged by its size, and at most what the request allows', () => {
  const unreadable: [string, string | Buffer][] = [
    ['application/json', JSON.stringify({ choices: [{ message: { content: 'x'.repeat(400) } }] })],
    ['application/json', `{"usage":{"prompt_tokens":0,"completion_tokens":0},"text":"${'x'.repeat(400)}"}`],
    ['application/json', `{"usage":"a lot","text":"${'x'.repeat(400)}"}`],
    ['application/json', 'x'.repeat(400)],
    ['application/octet-stream', Buffer.alloc(400, 0x1f)],
    ['', '[['.repeat(400)],
    [sse, `data: ${'x'.repeat(400)}\n\n`],
  ];
  for (const [type, text] of unreadable) {
    const tokens = Math.ceil(Buffer.byteLength(text) / 4);
    assert.deepEqual(metered(type, text), estimated(77, 0, tokens), String(text).slice(0, 60));
    assert.deepEqual(metered(type, text, { outputLimit: 16 }), estimated(77, 0, 16));
    assert.deepEqual(metered(type, text, { outputLimit: 1e6 }), estimated(77, 0, tokens));
  }
});

test('usage that reports only one side is completed with an estimate of the other', () => {
  const output = JSON.stringify({ usage: { completion_tokens: 5 }, text: 'x' });
  assert.deepEqual(metered('application/json', output), estimated(77, 0, 5));
  const input = JSON.stringify({ usage: { prompt_tokens: 5 }, text: 'x' });
  assert.deepEqual(metered('application/json', input), estimated(5, 0, Math.ceil(input.length / 4)));
  assert.deepEqual(metered('application/json', '{"usage":{"prompt_tokens":5,"total_tokens":9}}'), told(5, 0, 4));
  assert.deepEqual(metered('application/json', '{"usage":{"prompt_tokens":5,"completion_tokens":0}}'), told(5, 0, 0));
  const total = '{"usage":{"total_tokens":9}}';
  assert.deepEqual(metered('application/json', total, { producesTokens: false }), told(9, 0, 0));
});

test('a number that is not a count of tokens is ignored, whatever else the usage says', () => {
  for (const odd of [
    'null',
    '1e999',
    '-7',
    '1e10',
    '7.5',
    '"12"',
    '{"a":1}',
    '[3]',
    'NaN',
    'true',
    '99999999999999999999',
  ]) {
    const text = `{"text":"x","usage":{"prompt_tokens":11,"completion_tokens":${odd}}}`;
    const expected = estimated(11, 0, Math.ceil(text.length / 4));
    assert.deepEqual(metered('application/json', text), expected, odd);
    const first = `{"usage":{"prompt_tokens":11,"completion_tokens":7}}\n{"usage":{"prompt_tokens":${odd},"completion_tokens":${odd}}}`;
    assert.deepEqual(metered('application/x-ndjson', first), told(11, 0, 7), odd);
  }
  assert.deepEqual(
    metered('application/json', '{"usage":{"prompt_tokens":1e1,"completion_tokens":2.0}}'),
    told(10, 0, 2),
  );
});

test('reported usage is not reset by a later null or 0, and the larger number counts', () => {
  const deltas = [
    '{"output_tokens":9}',
    '{"input_tokens":0,"output_tokens":9}',
    '{"input_tokens":null,"cache_read_input_tokens":null,"cache_creation_input_tokens":null,"output_tokens":9}',
    '{"input_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":9}',
    '{"output_tokens":9,"server_tool_use":{"input_tokens":77777}}',
  ];
  const start = { id: 'm', usage: { input_tokens: 1200, cache_read_input_tokens: 300, output_tokens: 1 } };
  for (const delta of deltas) {
    const text =
      named({ type: 'message_start', ...{ message: start } }) +
      named({ type: 'content_block_delta', ...{ delta: { type: 'text_delta', text: 'hey' } } }) +
      `event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":${delta}}\n\n` +
      named({ type: 'message_stop' });
    assert.deepEqual(metered(sse, text), told(1500, 300, 9), delta);
  }
});

test('cached input is known under the names of all vendors', () => {
  const usages: [object, number, number][] = [
    [{ prompt_tokens: 100, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 60 } }, 100, 60],
    [{ prompt_tokens: 100, completion_tokens: 1, prompt_cache_hit_tokens: 60, prompt_cache_miss_tokens: 40 }, 100, 60],
    [{ prompt_tokens: 100, completion_tokens: 1, cached_tokens: 60 }, 100, 60],
    [{ input_tokens: 100, output_tokens: 1, input_tokens_details: { cached_tokens: 60 } }, 100, 60],
    [{ input_tokens: 40, output_tokens: 1, cache_read_input_tokens: 60, cache_creation_input_tokens: 7 }, 107, 60],
    [{ prompt_tokens: 100, completion_tokens: 1, cache_read_input_tokens: 60 }, 100, 60],
    [{ prompt_tokens: 100, completion_tokens: 1, completion_tokens_details: { cached_tokens: 60 } }, 100, 0],
    [{ prompt_tokens: 100, completion_tokens: 1, cached_tokens: 600 }, 100, 100],
  ];
  for (const [usage, input, cached] of usages) {
    assert.deepEqual(
      metered('application/json', JSON.stringify({ usage })),
      told(input, cached, 1),
      JSON.stringify(usage),
    );
  }
});

test('usage counts only at the positions that the dialects define', () => {
  const usage = { prompt_tokens: 11, completion_tokens: 7 };
  const absurd = { prompt_tokens: 900_000, completion_tokens: 900_000, input_tokens: 900_000 };
  for (const own of [
    { usage },
    { choices: [{ usage }] },
    { response: { usage } },
    { x_groq: { usage } },
    { message: { usage } },
  ]) {
    assert.deepEqual(metered('application/json', JSON.stringify(own)), told(11, 0, 7), JSON.stringify(own));
    assert.deepEqual(metered(sse, data(own)), told(11, 0, 7), JSON.stringify(own));
  }
  const foreign = [
    { content: [{ type: 'tool_use', input: { usage: absurd } }], usage },
    { content: [{ type: 'tool_use', input: { message: { usage: absurd } } }], usage },
    { choices: [{ message: { tool_calls: [{ function: { arguments: { usage: absurd } } }] } }], usage },
    { choices: [{ message: { content: JSON.stringify({ usage: absurd }) } }], usage },
    { choices: [{ message: { parsed: { usage: absurd } } }], usage },
    { response: { tools: [{ parameters: { properties: { usage: absurd } } }] }, usage },
    { metadata: { usage: absurd }, usage },
    { usage, output: [{ type: 'x', usage: absurd }] },
    { input: { usage: absurd }, message: { usage } },
  ];
  for (const answer of foreign) {
    assert.deepEqual(metered('application/json', JSON.stringify(answer)), told(11, 0, 7), JSON.stringify(answer));
    assert.deepEqual(metered(sse, data(answer)), told(11, 0, 7), JSON.stringify(answer));
  }
});

test('usage is found anywhere in an answer of many megabytes', () => {
  const usage = { prompt_tokens: 11, completion_tokens: 7 };
  const long = 'x"\\'.repeat(400_000);
  const cuts = Array.from({ length: 300 }, (_, index) => index * 16_411);
  for (const body of [
    { usage, long },
    { long, usage, more: long },
    { choices: [{ long, usage }], long },
  ]) {
    assert.deepEqual(metered('application/json', JSON.stringify(body), { cuts }), told(11, 0, 7));
    assert.deepEqual(metered(sse, data(body), { cuts }), told(11, 0, 7));
    const lines = JSON.stringify(body, null, 1)
      .split('\n')
      .map(line => `data: ${line}\n`);
    assert.deepEqual(metered(sse, `${lines.join('')}\n`, { cuts }), told(11, 0, 7));
  }
});

test('a stream is recognized by its media type in any case, and by its first bytes where the type is wrong', () => {
  const text = chunk({ content: 'a' }) + data({ choices: [], usage: chatUsage });
  for (const type of [
    'text/event-stream',
    'Text/Event-Stream; charset=UTF-8',
    ' TEXT/EVENT-STREAM',
    'text/plain',
    '',
    'application/json',
  ]) {
    assert.deepEqual(metered(type, text), told(19, 8, 7), type);
  }
  assert.deepEqual(metered('text/plain', `\ufeff: hello\n\n${text}`), told(19, 8, 7));
});

test('every framing that the format allows can be read', () => {
  const usage = '{"choices":[],"usage":{"prompt_tokens":40,"completion_tokens":5,"total_tokens":45}}';
  const delta = '{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}';
  const pretty = JSON.stringify(JSON.parse(usage), null, 2)
    .split('\n')
    .map(line => `data: ${line}\n`)
    .join('');
  const framings = [
    `data: ${delta}\n\ndata: ${usage}\n\ndata: [DONE]\n\n`,
    `data: ${delta}\r\n\r\ndata: ${usage}\r\n\r\ndata: [DONE]\r\n\r\n`,
    `data: ${delta}\r\rdata: ${delta}\r\rdata: ${usage}\r\rdata: [DONE]\r\r`,
    `data: ${delta}\n\r\ndata: ${usage}\r\n\n`,
    `data: ${delta}\n\ndata: {"choices":[],"usage":{"prompt_tokens":40,\ndata: "completion_tokens":5,\ndata: "total_tokens":45}}\n\n`,
    `data: ${delta}\n\n${pretty}\ndata: [DONE]\n\n`,
    `\ufeffdata:${delta}\n\ndata:${usage}`,
    `id: 1\nretry: 10\n: comment\nevent: x\ndata: ${delta}\n\n\n\ndata: ${usage}\nid: 2\n\n`,
    `data: ${delta}\n\ndata: {"choices" : [], "usage" : {"prompt_tokens" : 40, "completion_tokens" : 5}}\n\n`,
  ];
  for (const text of framings) {
    const everyByte = Array.from({ length: text.length }, (_, index) => index);
    for (const cuts of [[], everyByte]) assert.deepEqual(metered(sse, text, { cuts }), told(40, 0, 5), text);
  }
});

test('the content of an answer shows whether it is a success and whether it is complete', () => {
  const text = chunk({ content: 'a' });
  const failed: [string, string][] = [
    [sse, data({ error: { message: 'engine overloaded', type: 'server_error', code: '1302' } })],
    [sse, `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n`],
    [sse, data({ type: 'error', code: 'server_error', message: 'x' })],
    [sse, named({ type: 'response.failed', ...{ response: { status: 'failed', error: { code: 'server_error' } } } })],
    [sse, text + data({ error: 'out of memory' })],
    [sse, text + data({ id: 'x', choices: [{ index: 0, error: { code: 502 }, finish_reason: 'error' }] })],
    ['application/json', JSON.stringify({ error: { message: 'Provider returned error', code: 429 } })],
    ['application/json', JSON.stringify({ error: 'no such thing' })],
    ['application/json', JSON.stringify({ object: 'error', message: 'x', code: 500 })],
    ['application/json', JSON.stringify({ object: 'response', status: 'failed', error: null })],
    ['application/json', JSON.stringify({ type: 'error', error: { type: 'api_error' } })],
  ];
  for (const [type, answer] of failed) assert.notEqual(read(type, answer).error, null, answer);
  const sound: [string, string][] = [
    [sse, text],
    [sse, data({ choices: [{ delta: { content: '"error":{"message":1}' } }], error: null })],
    [sse, named({ type: 'content_block_delta', ...{ delta: { partial_json: '{"error":"x"}' } } })],
    [sse, data({ type: 'response.output_item.done', item: { error: { message: 'tool failed' } } })],
    ['application/json', JSON.stringify({ choices: [{ message: { error: { a: 1 } } }], error: null })],
    ['application/json', JSON.stringify({ content: [{ type: 'tool_use', input: { error: 'x' } }], error: '' })],
    ['application/json', JSON.stringify({ object: 'response', status: 'incomplete', error: null })],
  ];
  for (const [type, answer] of sound) assert.equal(read(type, answer).error, null, answer);
  assert.equal(read(sse, ': only a comment\n\ndata: [DONE]\n\n').isEmpty, true);
  assert.equal(read(sse, text).isEmpty, false);
});

test('the last event of a stream is known by its name or type, never by a text inside', () => {
  const isOver = (text: string) => {
    const meter = meterFor(sse);
    meter.feed(Buffer.from(text));
    return meter.isOver;
  };
  const over = [
    'data: [DONE]\n\n',
    'data: [DONE]\n',
    'data:[DONE]\r\n\r\n',
    named({ type: 'message_stop' }),
    'event: message_stop\ndata: {}\n\n',
    data({ type: 'message_stop' }),
    named({ type: 'response.completed', ...{ response: { output: ['x'.repeat(100_000)] } } }),
    data({ type: 'response.incomplete', response: {} }),
    named({ type: 'response.failed' }),
  ];
  for (const text of over) assert.equal(isOver(chunk({ content: 'a' }) + text), true, text.slice(0, 80));
  const going = [
    '',
    'data: [DONE',
    'data: {"a":"[DONE]"}\n\n',
    chunk({ content: 'data: [DONE]' }),
    chunk({ content: '"type":"message_stop"' }),
    data({ type: 'content_block_delta', delta: { type: 'message_stop' } }),
    'event: message_stop\n',
    named({ type: 'response.created', ...{ response: { metadata: { type: 'response.completed' } } } }),
    ': data: [DONE]\n\n',
  ];
  for (const text of going) assert.equal(isOver(chunk({ content: 'a' }) + text), false, text.slice(0, 80));
});

const anthropicStream =
  named({
    type: 'message_start',
    ...{ message: { content: [], usage: { input_tokens: 25, cache_read_input_tokens: 10, output_tokens: 1 } } },
  }) +
  named({ type: 'content_block_start', ...{ index: 0, content_block: { type: 'text', text: '' } } }) +
  named({ type: 'ping' }) +
  named({ type: 'content_block_delta', ...{ index: 0, delta: { type: 'text_delta', text: 'Hello' } } }) +
  named({ type: 'content_block_delta', ...{ index: 0, delta: { type: 'text_delta', text: ' "you"' } } }) +
  named({ type: 'content_block_stop', ...{ index: 0 } });
const anthropicEnd =
  named({ type: 'message_delta', ...{ delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 15 } } }) +
  named({ type: 'message_stop' });

const chatStream =
  chunk({ role: 'assistant', content: '' }, { usage: null }) +
  chunk({ content: 'Hel\nlo "usage":{}' }, { usage: null }) +
  chunk({ content: 'ü' }, { usage: null }) +
  chunk({ tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] }, { usage: null }) +
  chunk({}, { usage: null });
const chatEnd = `${data({ choices: [], usage: chatUsage })}data: [DONE]\n\n`;

const responsesStream =
  named({ type: 'response.created', ...{ response: { status: 'in_progress', usage: null } } }) +
  named({ type: 'response.output_text.delta', ...{ delta: 'Hi' } }) +
  named({ type: 'response.output_text.delta', ...{ delta: ' you' } }) +
  named({ type: 'response.output_text.done', ...{ text: 'Hi you' } });
const responsesEnd = named({
  type: 'response.completed',
  ...{ response: { output: [{ content: 'Hi you'.repeat(9000) }], usage: { input_tokens: 4, output_tokens: 6 } } },
});

const streams: [string, string, object][] = [
  ['chat', chatStream + chatEnd, told(19, 8, 7)],
  ['chat, no usage', chatStream, estimated(77, 0, 3)],
  ['anthropic', anthropicStream + anthropicEnd, told(35, 10, 15)],
  ['anthropic, broken off', anthropicStream, estimated(35, 10, 2)],
  ['responses', responsesStream + responsesEnd, told(4, 0, 6)],
  ['responses, broken off', responsesStream, estimated(77, 0, 2)],
  ['CRLF and spaces', chatStream.replaceAll('\n', '\r\n').replaceAll('":"', '": "'), estimated(77, 0, 3)],
];

test('a stream is read the same however its bytes are cut', () => {
  for (const [name, text, expected] of streams) {
    assert.deepEqual(metered(sse, text), expected, name);
    const everyByte = Array.from({ length: Math.min(Buffer.byteLength(text), 4000) }, (_, index) => index);
    assert.deepEqual(metered(sse, text, { cuts: everyByte }), expected, `${name}, byte by byte`);
    fc.assert(
      fc.property(fc.array(fc.nat(Buffer.byteLength(text)), { maxLength: 30 }), cuts => {
        assert.deepEqual(metered(sse, text, { cuts }), expected, name);
      }),
      { numRuns: 100 },
    );
  }
});

test('usage that comes with every event is increased by output after the last of them', () => {
  const at = (n: number) => chunk({ content: 'x' }, { usage: { prompt_tokens: 5, completion_tokens: n } });
  assert.deepEqual(metered(sse, at(1) + at(2) + at(4) + chunk({ content: 'y' })), estimated(5, 0, 5));
});

test('an event of many megabytes counts once and is not held', () => {
  const huge = chunk({ content: 'x'.repeat(3_000_000) });
  const cuts = Array.from({ length: 200 }, (_, index) => index * 16_000);
  assert.deepEqual(
    metered(sse, chunk({ content: 'a' }) + huge + chunk({ content: 'b' }), { cuts }),
    estimated(77, 0, 3),
  );
});

/** Valid answers of all dialects, and broken ones. */
const documents = fc.oneof(
  fc.constantFrom(
    chatStream + chatEnd,
    anthropicStream + anthropicEnd,
    responsesStream + responsesEnd,
    (chatStream + chatEnd).replaceAll('\n', '\r\n'),
    (anthropicStream + anthropicEnd).replaceAll('\n', '\r'),
    JSON.stringify({ choices: [{ message: { content: 'a "usage":{} b\\\n' } }], usage: chatUsage }),
    JSON.stringify({ content: [{ type: 'tool_use', input: { usage: [[[]]] } }], usage: { input_tokens: 5 } }, null, 2),
  ),
  fc
    .array(
      fc.constantFrom(
        ...[
          'data:',
          'data: ',
          'event: ',
          '\n',
          '\r',
          '\r\n',
          '\n\n',
          '\ufeff',
          ' ',
          ':',
          ',',
          '{',
          '}',
          '[',
          ']',
          '"',
          '\\',
          '\\"',
        ],
        ...[
          '"usage"',
          '"usage":null',
          '"error"',
          '[DONE]',
          '"content":"x"',
          '"delta": "x"',
          '"type":"response.x"',
          'é',
          'x'.repeat(70_000),
        ],
        ...[
          '"prompt_tokens":',
          '12',
          '1e999',
          '-1',
          'null',
          'true',
          '\u0000',
          'message_stop',
          'response.failed',
          '"choices":[',
        ],
      ),
      { maxLength: 60 },
    )
    .map(parts => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 300 }),
);

test('an answer that is split, shuffled or truncated is read in bounded time, and equally however it is split', () => {
  const type = fc.constantFrom(sse, 'application/json', '');
  const cuts = fc.array(fc.nat(4_000), { maxLength: 20 });
  fc.assert(
    fc.property(documents, documents, fc.nat(), type, cuts, (first, second, end, contentType, at) => {
      const text = Buffer.from(first + second);
      const ended = text.subarray(0, end % (text.length + 1));
      const whole = within(1_000, () => metered(contentType, ended));
      assert.deepEqual(
        within(1_000, () => metered(contentType, ended, { cuts: at })),
        whole,
      );
      if (whole === null) return;
      for (const tokens of [whole.inputTokens, whole.cachedInputTokens, whole.outputTokens]) {
        assert.ok(Number.isInteger(tokens) && tokens >= 0 && tokens <= 1e9, `${tokens} tokens`);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a stream that stops at any byte ends', () => {
  for (const stream of [chatStream + chatEnd, anthropicStream + anthropicEnd, responsesStream]) {
    const bytes = Buffer.from(stream);
    for (let end = 0; end <= bytes.length; end++) within(1_000, () => metered(sse, bytes.subarray(0, end)));
  }
});

test('the cost of bytes that come one by one is linear', () => {
  const line = Buffer.from(`data: ${'x'.repeat(200_000)}`);
  const everyByte = Array.from({ length: line.length }, (_, index) => index);
  within(5_000, () => metered(sse, line, { cuts: everyByte }));
});
