import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { meterFor } from '../../src/upstreams/sse.ts';
import { within } from '../support/within.ts';

const sse = 'text/event-stream; charset=utf-8';
const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const named = (value: { type: string }) => `event: ${value.type}\n${data(value)}`;

function metered(contentType: string, text: string, cuts: readonly number[] = [], inputEstimate = 77) {
  const bytes = Buffer.from(text);
  const meter = meterFor(contentType);
  let from = 0;
  for (const to of [...new Set(cuts)].filter(cut => cut < bytes.length).sort((a, b) => a - b)) {
    if (to > from) meter.feed(bytes.subarray(from, to));
    from = Math.max(from, to);
  }
  if (from < bytes.length) meter.feed(bytes.subarray(from));
  return meter.usage(inputEstimate);
}

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
    { inputTokens: 19, cachedInputTokens: 8, outputTokens: 7 },
  );
  assert.deepEqual(
    metered('application/json', JSON.stringify({ data: [{}], usage: { prompt_tokens: 8, total_tokens: 8 } })),
    { inputTokens: 8, cachedInputTokens: 0, outputTokens: 0 },
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
    { inputTokens: 36, cachedInputTokens: 6, outputTokens: 87 },
  );
  assert.deepEqual(
    metered(
      'application/json',
      JSON.stringify({
        content: [{ type: 'tool_use', input: { usage: { input_tokens: 999 } } }],
        usage: { input_tokens: 5, cache_creation_input_tokens: 20, cache_read_input_tokens: 300, output_tokens: 4 },
      }),
    ),
    { inputTokens: 325, cachedInputTokens: 300, outputTokens: 4 },
  );
});

test('usage is found before megabytes of embeddings as well as behind them, with spaces or without', () => {
  const vectors = Array.from({ length: 20_000 }, (_, index) => index / 7);
  const usage = { prompt_tokens: 3, total_tokens: 3 };
  const expected = { inputTokens: 3, cachedInputTokens: 0, outputTokens: 0 };
  const cuts = Array.from({ length: 500 }, (_, index) => index * 1000);
  for (const indent of [undefined, 2]) {
    for (const body of [
      { usage, data: vectors },
      { data: vectors, usage },
    ]) {
      assert.deepEqual(metered('application/json', JSON.stringify(body, null, indent), cuts), expected);
    }
  }
});

test('an answer without usage tells nothing', () => {
  assert.equal(metered('application/json', '{"input_tokens":12}'), null);
  assert.equal(metered('application/json', '{"usage":null}'), null);
  assert.equal(metered('application/json', '{"usage":{"prompt_tok'), null);
  assert.equal(metered('application/json', ''), null);
  assert.equal(metered(sse, ': nothing yet\n\n'), null);
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
  ['chat', chatStream + chatEnd, { inputTokens: 19, cachedInputTokens: 8, outputTokens: 7 }],
  ['chat, no usage', chatStream, { inputTokens: 77, cachedInputTokens: 0, outputTokens: 3 }],
  ['anthropic', anthropicStream + anthropicEnd, { inputTokens: 35, cachedInputTokens: 10, outputTokens: 15 }],
  ['anthropic, broken off', anthropicStream, { inputTokens: 35, cachedInputTokens: 10, outputTokens: 2 }],
  ['responses', responsesStream + responsesEnd, { inputTokens: 4, cachedInputTokens: 0, outputTokens: 6 }],
  ['responses, broken off', responsesStream, { inputTokens: 77, cachedInputTokens: 0, outputTokens: 2 }],
  [
    'CRLF and spaces',
    chatStream.replaceAll('\n', '\r\n').replaceAll('":"', '": "'),
    { inputTokens: 77, cachedInputTokens: 0, outputTokens: 3 },
  ],
];

test('a stream is read the same however its bytes are cut', () => {
  for (const [name, text, expected] of streams) {
    assert.deepEqual(metered(sse, text), expected, name);
    const everyByte = Array.from({ length: Math.min(Buffer.byteLength(text), 4000) }, (_, index) => index);
    assert.deepEqual(metered(sse, text, everyByte), expected, `${name}, byte by byte`);
    fc.assert(
      fc.property(fc.array(fc.nat(Buffer.byteLength(text)), { maxLength: 30 }), cuts => {
        assert.deepEqual(metered(sse, text, cuts), expected, name);
      }),
      { numRuns: 100 },
    );
  }
});

test('usage that comes with every event grows by what comes after the last of them', () => {
  const at = (n: number) => chunk({ content: 'x' }, { usage: { prompt_tokens: 5, completion_tokens: n } });
  assert.deepEqual(metered(sse, at(1) + at(2) + at(4) + chunk({ content: 'y' })), {
    inputTokens: 5,
    cachedInputTokens: 0,
    outputTokens: 5,
  });
});

test('an event of many megabytes counts once and is not held', () => {
  const huge = chunk({ content: 'x'.repeat(3_000_000) });
  const cuts = Array.from({ length: 200 }, (_, index) => index * 16_000);
  assert.deepEqual(metered(sse, chunk({ content: 'a' }) + huge + chunk({ content: 'b' }), cuts), {
    inputTokens: 77,
    cachedInputTokens: 0,
    outputTokens: 3,
  });
});

test('a stream that ends at whatever byte comes to an end', () => {
  const streams = [
    `${chunk({ content: 'hello' })}${chunk({ content: ' world' })}${chunk({}, { usage: chatUsage })}data: [DONE]\n\n`,
    named({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'hello' } } as { type: string }),
    named({ type: 'response.output_text.delta', delta: 'hello' } as { type: string }),
  ];
  for (const stream of streams) {
    for (let end = 0; end <= stream.length; end++) {
      within(1_000, () => metered(sse, stream.slice(0, end)));
    }
  }
});
