// A fault after the status, as the official SDKs read it: in each of the four stream shapes, for each cause.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createOpenAI } from '@ai-sdk/openai';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { type SeenRequest, startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';

const event = (type: string, more: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const chunk = (object: string, choice: object) =>
  `data: ${JSON.stringify({ id: 'c', object, created: 1, model: 'm', choices: [{ index: 0, ...choice }] })}\n\n`;

const response = { id: 'resp_of_upstream', object: 'response', created_at: 1, status: 'in_progress', model: 'm' };
const item = { id: 'item', type: 'message', role: 'assistant', status: 'in_progress', content: [] };
const place = { output_index: 0, item_id: 'item', content_index: 0 };
const part = { type: 'output_text', text: '', annotations: [] };
const anthropicMessage = { id: 'msg', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null };

/** The beginning of a stream of each shape. */
const beginnings: Record<string, string> = {
  '/v1/chat/completions': chunk('chat.completion.chunk', { delta: { content: 'Hello' }, finish_reason: null }),
  '/v1/completions': chunk('text_completion', { text: 'Hello', finish_reason: null }),
  '/v1/messages':
    event('message_start', { message: { ...anthropicMessage, usage: { input_tokens: 1, output_tokens: 1 } } }) +
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
    event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hello' } }),
  '/v1/responses':
    event('response.created', { sequence_number: 0, response: { ...response, output: [] } }) +
    event('response.output_item.added', { sequence_number: 1, output_index: 0, item }) +
    event('response.content_part.added', { sequence_number: 2, ...place, part }) +
    event('response.output_text.delta', { sequence_number: 3, ...place, delta: 'Hello', logprobs: [] }),
};
const shapes = Object.keys(beginnings).length;

interface Told {
  readonly text: string;
  readonly message: string;
  /** Anthropic has types only. */
  readonly code: string | null;
}

const hello = [{ role: 'user' as const, content: 'hello' }];

function clients({ url }: TestGateway) {
  const options = { apiKey: adminKey, maxRetries: 0 };
  const openai = new OpenAI({ baseURL: `${url}/v1`, ...options });
  const anthropic = new Anthropic({ baseURL: url, ...options });
  const aiSdk = createOpenAI({ baseURL: `${url}/v1`, apiKey: adminKey });
  return { openai, anthropic, aiSdk };
}

/** Reads a stream up to the error that its SDK throws. */
async function untilThrown<Event>(stream: AsyncIterable<Event>, textOf: (event: Event) => string): Promise<Told> {
  let text = '';
  try {
    for await (const one of stream) text += textOf(one);
  } catch (error) {
    assert.ok(error instanceof OpenAI.APIError || error instanceof Anthropic.APIError, String(error));
    return { text, message: error.message, code: error instanceof OpenAI.APIError ? (error.code ?? null) : null };
  }
  return assert.fail('nothing was thrown');
}

async function chat({ openai }: ReturnType<typeof clients>): Promise<Told> {
  const stream = await openai.chat.completions.create({ model: 'm', messages: hello, stream: true });
  return untilThrown(stream, ({ choices }) => choices[0]?.delta.content ?? '');
}

async function completions({ openai }: ReturnType<typeof clients>): Promise<Told> {
  const stream = await openai.completions.create({ model: 'm', prompt: 'hello', stream: true });
  return untilThrown(stream, ({ choices }) => choices[0]?.text ?? '');
}

async function messages({ anthropic }: ReturnType<typeof clients>): Promise<Told> {
  const stream = await anthropic.messages.create({ model: 'm', max_tokens: 9, messages: hello, stream: true });
  return untilThrown(stream, one =>
    one.type === 'content_block_delta' && one.delta.type === 'text_delta' ? one.delta.text : '',
  );
}

/** openai reports it in the last event, and in the response that its helper assembles. */
async function responses({ openai }: ReturnType<typeof clients>): Promise<Told> {
  const helper = openai.responses.stream({ model: 'm', input: 'hello' });
  let text = '';
  let last = -1;
  let failed: OpenAI.Responses.Response | null = null;
  for await (const one of helper) {
    assert.equal(one.sequence_number, last + 1);
    last = one.sequence_number;
    if (one.type === 'response.output_text.delta') text += one.delta;
    if (one.type === 'response.failed') failed = one.response;
  }
  assert.equal(failed?.status, 'failed');
  assert.equal(failed.id, 'resp_of_upstream');
  assert.equal((await helper.finalResponse()).status, 'failed');
  return { text, message: failed.error?.message ?? '', code: failed.error?.code ?? null };
}

/** The AI SDK validates each event against a schema of its own. */
async function aiSdkResponses({ aiSdk }: ReturnType<typeof clients>): Promise<Told> {
  const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'hello' }] }];
  const { stream } = await aiSdk.responses('m').doStream({ prompt });
  let text = '';
  let message = '';
  for await (const one of stream) {
    if (one.type === 'text-delta') text += one.delta;
    if (one.type === 'error') message = (one.error as Error).message;
  }
  return { text, message, code: null };
}

const readers = { chat, completions, messages, responses, aiSdkResponses };

async function start(t: TestContext, fault: 'break' | 'stall', more = '') {
  const reply = ({ url }: SeenRequest) => ({ events: beginnings[url] ?? '', fault });
  const upstream = await startFakeUpstream(t, reply);
  const providers = ['openai', 'anthropic'].map(
    type =>
      `[provider.${type}]\ntype = ${type}\nbase_url = ${upstream.url}${type === 'openai' ? '/v1' : ''}\n` +
      `max_concurrent = ${shapes + 1}\n${more}\n`,
  );
  return { upstream, gateway: await startGateway(t, { ini: providers.join('') }) };
}

async function assertTold(
  gateway: TestGateway,
  said: RegExp,
  code: string,
  all: Partial<typeof readers> = readers,
): Promise<void> {
  const sdks = clients(gateway);
  const told = await Promise.all(Object.entries(all).map(async ([name, read]) => [name, await read(sdks)] as const));
  for (const [name, { text, message, code: told_ }] of told) {
    assert.equal(text, 'Hello', name);
    assert.match(message, said, name);
    if (told_ !== null) assert.equal(told_, code, name);
  }
}

test('an upstream that breaks off', async t => {
  const { gateway } = await start(t, 'break');
  await assertTold(gateway, /The upstream broke off the connection/, 'upstream_failed');
});

test('an answer that takes longer than it may', async t => {
  const { gateway } = await start(t, 'stall', 'total_timeout_sec = 1');
  await assertTold(gateway, /The upstream's answer took longer than 1 s/, 'upstream_failed');
});

test('the shutdown of the gateway', async t => {
  const { gateway, upstream } = await start(t, 'stall');
  const told = assertTold(gateway, /The gateway is shutting down/, 'unavailable');
  await upstream.waitForRequests(shapes + 1);
  await gateway.app.stop();
  await told;
});

/** The part of an event of each shape that arrives before the cut. */
const halves: Record<string, string> = {
  '/v1/chat/completions': 'data: {"id":"c","choices":[{"index":0,"delta":{"content":" wor',
  '/v1/completions': 'data: {"id":"c","choices":[{"text":" wor',
  '/v1/messages': 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del',
  '/v1/responses':
    'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":4,"output_index":0,"item',
};

test('an upstream that breaks off in the middle of an event', async t => {
  const { gateway, upstream } = await start(t, 'break');
  upstream.reply(({ url }) => ({ events: (beginnings[url] ?? '') + (halves[url] ?? ''), fault: 'break' }));
  const { responses: _, ...others } = readers;
  await assertTold(gateway, /The upstream broke off the connection/, 'upstream_failed', others);
  // Codex reads the last event; openai throws the error text of half an event.
  const stream = await clients(gateway).openai.responses.create({ model: 'm', input: 'hello', stream: true });
  const told = await untilThrown(stream, one => (one.type === 'response.output_text.delta' ? one.delta : ''));
  assert.deepEqual([told.text, told.code], ['Hello', 'upstream_failed']);
  assert.match(told.message, /The upstream broke off the connection/);
});

test('an event of each shape can be read wherever it is cut, and the one that tells of the fault follows', async t => {
  const { gateway, upstream } = await start(t, 'break');
  for (const [path, beginning] of Object.entries(beginnings)) {
    const last = /(?:event: .*\n)?data: .*\n\n$/.exec(beginning)?.[0] ?? '';
    const from = last.indexOf('data: {') + 'data: {'.length;
    const cuts = Array.from({ length: last.length - from - 2 }, (_, index) => from + index).filter(
      cut => cut % 7 === 0,
    );
    for (const cut of cuts) {
      upstream.reply({ events: beginning + last.slice(0, cut), fault: 'break' });
      const answer = await fetch(gateway.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminKey}` },
        body: JSON.stringify({ model: 'm', stream: true, max_tokens: 9 }),
      });
      const text = await answer.text();
      assert.ok(text.startsWith(beginning + last.slice(0, cut)), 'what came has passed as it is');
      const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => JSON.parse(json));
      assert.match(JSON.stringify(data.at(-1)), /The upstream broke off/);
      assert.equal(data.length, beginning.split('data: ').length + 1, `${path} ${cut}`);
    }
  }
});

test('a stream of Responses that breaks off before its first event begins and fails', async t => {
  const { gateway, upstream } = await start(t, 'break');
  upstream.reply({ events: ': nothing yet\n\n', fault: 'break' });
  const { openai } = clients(gateway);
  const request = { model: 'm', input: 'hello' };
  // The helper reads a stream only if it begins correctly.
  const told: unknown[] = [];
  for await (const { type, sequence_number } of openai.responses.stream(request)) told.push([type, sequence_number]);
  assert.deepEqual(told, [
    ['response.created', 0],
    ['response.failed', 1],
  ]);
  const headers = { 'x-request-id': 'my-id' };
  const ids = new Set<string>();
  for await (const one of await openai.responses.create({ ...request, stream: true }, { headers })) {
    if ('response' in one) ids.add(one.response.id);
  }
  assert.deepEqual([...ids], ['resp_my-id']);
});
