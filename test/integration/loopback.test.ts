import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { LoopbackProviderConfig } from '../../src/config/config.ts';
import { errors } from '../../src/domain/errors.ts';
import { startFront } from '../support/front.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';

const quick: LoopbackProviderConfig = {
  type: 'loopback',
  name: 'loop',
  pool: 'loop',
  passthrough: true,
  models: ['*'],
  serviceMs: 0,
  chunkMs: 0,
};
const usage = { inputTokens: 50, cachedInputTokens: 0, outputTokens: 20, isEstimated: false };
const served = { status: 200, usage, outcome: 'served' };
const messages = [{ role: 'user' as const, content: 'Hi' }];
const chat = '/v1/chat/completions';
const streaming = { body: '{"model":"m","stream":true}' };

test('the official OpenAI client reads every kind of answer', async t => {
  const front = await startFront(t, quick);
  const openai = new OpenAI({ baseURL: `${front.url}/v1`, apiKey: 'k', maxRetries: 0 });

  const plain = await openai.chat.completions.create({ model: 'm', messages });
  assert.match(plain.choices[0]?.message.content ?? '', /^loopback 2 3 .* 20$/);
  assert.equal(plain.model, 'm');
  assert.equal(plain.usage?.completion_tokens, 20);

  let streamed = '';
  for await (const chunk of await openai.chat.completions.create({ model: 'm', messages, stream: true })) {
    streamed += chunk.choices[0]?.delta.content ?? '';
  }
  assert.equal(streamed, plain.choices[0]?.message.content);

  const completion = await openai.completions.create({ model: 'm', prompt: 'Hi' });
  assert.equal(completion.choices[0]?.text, streamed);
  let pieces = '';
  for await (const chunk of await openai.completions.create({ model: 'm', prompt: 'Hi', stream: true })) {
    pieces += chunk.choices[0]?.text ?? '';
  }
  assert.equal(pieces, streamed);

  const response = await openai.responses.create({ model: 'm', input: 'Hi' });
  assert.equal(response.output_text, streamed);
  const final = await openai.responses.stream({ model: 'm', input: 'Hi' }).finalResponse();
  assert.equal(final.output_text, streamed);
  assert.equal(final.usage?.output_tokens, 20);

  assert.deepEqual(front.ends, Array(6).fill(served));
});

test('the official OpenAI client reads embeddings, as numbers and as base64', async t => {
  const front = await startFront(t, quick);
  const openai = new OpenAI({ baseURL: `${front.url}/v1`, apiKey: 'k', maxRetries: 0 });
  const two = await openai.embeddings.create({ model: 'm', input: ['a', 'b'] });
  assert.deepEqual(
    two.data.map(({ embedding }) => embedding),
    Array(2).fill([0.25, -0.5, 0.125, 1]),
  );
  const floats = await openai.embeddings.create({ model: 'm', input: 'a', encoding_format: 'float' });
  assert.deepEqual(floats.data[0]?.embedding, [0.25, -0.5, 0.125, 1]);
  assert.deepEqual(front.ends, Array(2).fill({ ...served, usage: { ...usage, outputTokens: 0 } }));
});

test('the official Anthropic client reads messages, plain and streaming, and token counts', async t => {
  const front = await startFront(t, quick);
  const anthropic = new Anthropic({ baseURL: front.url, apiKey: 'k', maxRetries: 0 });
  const plain = await anthropic.messages.create({ model: 'm', max_tokens: 9, messages });
  const text = plain.content[0]?.type === 'text' ? plain.content[0].text : '';
  assert.match(text, /^loopback 2 3 .* 20$/);
  assert.equal(plain.usage.output_tokens, 20);

  const final = await anthropic.messages.stream({ model: 'm', max_tokens: 9, messages }).finalMessage();
  assert.deepEqual(final.content, [{ type: 'text', text }]);
  assert.equal(final.stop_reason, 'end_turn');
  assert.equal(final.usage.input_tokens, 50);
  assert.equal(final.usage.output_tokens, 20);

  assert.equal((await anthropic.messages.countTokens({ model: 'm', messages })).input_tokens, 50);
  assert.deepEqual(front.ends, [served, served, { ...served, usage: null }]);
});

test('a stream begins after the service time and ends twenty chunk times later', async t => {
  const clock = new ManualClock();
  const front = await startFront(t, { ...quick, serviceMs: 500, chunkMs: 20 }, { clock });
  const answering = front.post(chat, streaming);
  await until(() => clock.pending === 1);
  clock.advance(499);
  assert.equal(clock.pending, 1);
  clock.advance(1);
  const reading = await answering;
  for (let chunk = 1; chunk < 20; chunk++) {
    clock.advance(20);
    await reading.until(text => text.split('"content":').length === chunk + 2);
  }
  clock.advance(19);
  assert.equal(front.ends.length, 0);
  clock.advance(1);
  assert.match(await reading.whole(), /\[DONE\]\n\n$/);
  assert.deepEqual(front.ends, [served]);
});

test('a plain answer takes as long as a stream; counting tokens takes the service time only', async t => {
  const clock = new ManualClock();
  const front = await startFront(t, { ...quick, serviceMs: 500, chunkMs: 20 }, { clock });
  const answering = front.post(chat);
  await until(() => clock.pending === 1);
  clock.advance(899);
  assert.equal(clock.pending, 1);
  clock.advance(1);
  assert.equal((await answering).answer.statusCode, 200);

  const counting = front.post('/v1/messages/count_tokens');
  await until(() => clock.pending === 1);
  clock.advance(500);
  assert.equal((await counting).answer.statusCode, 200);
});

test('a client that leaves the loopback ends its call at once', async t => {
  const clock = new ManualClock();
  const front = await startFront(t, { ...quick, serviceMs: 500, chunkMs: 20 }, { clock });
  const answering = front.post(chat, streaming);
  await until(() => clock.pending === 1);
  clock.advance(540);
  const reading = await answering;
  await reading.until(text => text.includes(' 2'));
  reading.leave();
  await front.waitForEnds(1);
  assert.equal(clock.pending, 0);
  assert.deepEqual(front.ends, [
    { status: 200, usage: { ...usage, outputTokens: 2, isEstimated: true }, outcome: 'client_left' },
  ]);
});

test('at shutdown a loopback stream ends with an error event', async t => {
  const clock = new ManualClock();
  const front = await startFront(t, { ...quick, serviceMs: 500, chunkMs: 20 }, { clock });
  const answering = front.post('/v1/messages', streaming);
  await until(() => clock.pending === 1);
  clock.advance(500);
  const reading = await answering;
  front.upstreams.abortAll(errors.unavailable('The gateway is shutting down.', 1));
  assert.match(await reading.whole(), /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"overloaded_error"/);
  assert.equal(clock.pending, 0);
});
