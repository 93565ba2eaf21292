// The official SDKs as clients, plain and streaming, against loopback and against a fake upstream.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const loopback = '[provider.local]\ntype = loopback\nmodels = gpt-x, claude-x\nservice_ms = 1\nchunk_ms = 1';
const openai = (gateway: TestGateway, apiKey = adminKey) =>
  new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
const anthropic = (gateway: TestGateway, apiKey = adminKey) =>
  new Anthropic({ baseURL: gateway.url, apiKey, maxRetries: 0 });
const hello = [{ role: 'user' as const, content: 'hello' }];

test('openai: chat, plain and streaming', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  const client = openai(gateway);
  const whole = await client.chat.completions.create({ model: 'gpt-x', messages: hello });
  assert.ok((whole.choices[0]?.message.content ?? '').length > 0);
  assert.ok((whole.usage?.completion_tokens ?? 0) > 0);

  const stream = await client.chat.completions.create({ model: 'gpt-x', messages: hello, stream: true });
  let text = '';
  let outputTokens = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? '';
    outputTokens = chunk.usage?.completion_tokens ?? outputTokens;
  }
  assert.ok(text.length > 0);
  assert.ok(outputTokens > 0);
});

test('openai: completions, responses, embeddings and the list of models', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  const client = openai(gateway);
  const completion = await client.completions.create({ model: 'gpt-x', prompt: 'hello' });
  assert.ok((completion.choices[0]?.text ?? '').length > 0);
  const response = await client.responses.create({ model: 'gpt-x', input: 'hello' });
  assert.ok(response.output_text.length > 0);
  const kinds = new Set<string>();
  for await (const event of await client.responses.create({ model: 'gpt-x', input: 'hello', stream: true })) {
    kinds.add(event.type);
  }
  assert.ok(kinds.has('response.output_text.delta') && kinds.has('response.completed'));
  const embeddings = await client.embeddings.create({ model: 'gpt-x', input: 'hello' });
  assert.ok((embeddings.data[0]?.embedding.length ?? 0) > 0);
  const names: string[] = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.deepEqual(names.sort(), ['claude-x', 'gpt-x']);
});

test('anthropic: messages, plain and streaming, and count_tokens, at the root and under /anthropic', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  for (const baseURL of [gateway.url, `${gateway.url}/anthropic`]) {
    const client = new Anthropic({ baseURL, apiKey: adminKey, maxRetries: 0 });
    const request = { model: 'claude-x', max_tokens: 32, messages: hello };
    const message = await client.messages.create(request);
    assert.equal(message.content[0]?.type, 'text');
    assert.ok(message.usage.output_tokens > 0);
    const final = await client.messages.stream(request).finalMessage();
    assert.equal(final.content[0]?.type, 'text');
    assert.ok(final.usage.output_tokens > 0);
    const count = await client.messages.countTokens({ model: 'claude-x', messages: hello });
    assert.ok(count.input_tokens > 0);
  }
});

test('both SDKs stream from an upstream, and the bytes of the body arrive as they were sent', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 3 });
  const gateway = await startGateway(t, {
    ini: `
[provider.o]
type = openai
base_url = ${upstream.url}/v1
api_key = upstream-secret
[provider.a]
type = anthropic
base_url = ${upstream.url}
api_key = upstream-secret`,
  });
  let deltas = 0;
  for await (const chunk of await openai(gateway).chat.completions.create({
    model: 'gpt-x',
    messages: hello,
    stream: true,
    stream_options: { include_usage: true },
  })) {
    if (chunk.choices[0]?.delta.content) deltas++;
  }
  assert.equal(deltas, 3);
  const message = await anthropic(gateway)
    .messages.stream({ model: 'c', max_tokens: 9, messages: hello })
    .finalMessage();
  assert.equal(message.content[0]?.type, 'text');

  const [chat, messages] = upstream.requests;
  assert.equal(chat?.url, '/v1/chat/completions');
  assert.equal(chat?.headers.authorization, 'Bearer upstream-secret');
  assert.equal(messages?.url, '/v1/messages');
  assert.equal(messages?.headers['x-api-key'], 'upstream-secret');
  assert.ok(messages?.headers['anthropic-version']);
  assert.ok(!JSON.stringify([chat?.headers, messages?.headers]).includes(adminKey));
});

test('the SDKs raise the error class of each refusal', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  const chat = { model: 'gpt-x', messages: hello };
  await assert.rejects(openai(gateway, 'tok_unknown').chat.completions.create(chat), OpenAI.AuthenticationError);
  await assert.rejects(openai(gateway).chat.completions.create({ ...chat, model: 'none' }), OpenAI.NotFoundError);
  const message = { model: 'claude-x', max_tokens: 1, messages: hello };
  await assert.rejects(anthropic(gateway, 'tok_unknown').messages.create(message), Anthropic.AuthenticationError);
  await assert.rejects(anthropic(gateway).messages.create({ ...message, model: 'none' }), Anthropic.NotFoundError);
  await assert.rejects(
    openai(gateway).chat.completions.create(chat, { headers: { 'X-Priority': '10' } }),
    OpenAI.BadRequestError,
  );
});

/** Records how long the SDKs would sleep before a retry, in milliseconds; they sleep until they are woken. */
function sleepsOfSdks(t: TestContext): { readonly asked: readonly number[]; wake(): void } {
  const asked: number[] = [];
  const asleep: (() => void)[] = [];
  const { setTimeout: later } = globalThis;
  t.mock.method(globalThis, 'setTimeout', (action: () => void, ms: number) => {
    if (!/node_modules\/(openai|@anthropic-ai)\/.*sleep/.test(new Error().stack ?? '')) return later(action, ms);
    asked.push(ms);
    asleep.push(action);
    return undefined;
  });
  return {
    asked,
    wake() {
      for (const action of asleep.splice(0)) action();
    },
  };
}

/** Whole seconds, as in Retry-After; the SDKs' own choice is at most half a second. */
function assertAsRetryAfter(asked: readonly number[]): void {
  assert.equal(asked.length, 2);
  for (const ms of asked) assert.ok(ms >= 1_000 && ms <= 59_000 && ms % 1_000 === 0, `slept ${ms} ms`);
}

test('the SDKs wait as long as Retry-After says, and their second try is served', async t => {
  const sleeps = sleepsOfSdks(t);
  const upstream = await startFakeUpstream(t, { hold: true });
  const ini = ['openai', 'anthropic'].map(
    type => `[provider.${type}]
type = ${type}
base_url = ${upstream.url}${type === 'openai' ? '/v1' : ''}
max_concurrent = 1`,
  );
  const gateway = await startGateway(t, { ini: `${ini.join('\n')}\n[scheduler]\nmax_queue_depth = 0` });
  const options = { apiKey: adminKey, maxRetries: 1 };
  const { completions } = new OpenAI({ baseURL: `${gateway.url}/v1`, ...options }).chat;
  const { messages } = new Anthropic({ baseURL: gateway.url, ...options });
  const request = { model: 'm', max_tokens: 1, messages: hello };
  for (const create of [() => completions.create(request), () => messages.create(request)]) {
    const before = upstream.requests.length;
    upstream.shut();
    const held = create();
    await upstream.waitForRequests(before + 1);
    const second = create();
    await until(() => sleeps.asked.length === (before === 0 ? 1 : 2));
    upstream.open();
    await held;
    sleeps.wake();
    await second;
    assert.equal(upstream.requests.length, before + 2);
    assert.equal(upstream.requests.at(-1)?.headers['x-stainless-retry-count'], '1');
  }
  assertAsRetryAfter(sleeps.asked);
});

test("a tenant's own limit is the SDKs' RateLimitError, and Retry-After is honoured", async t => {
  const { url: database } = await freshDatabase(t);
  const sleeps = sleepsOfSdks(t);
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, {
    database,
    env: { TOKLIGENCE_API_KEY_PRIORITY_ENABLED: 'true' },
    ini: `
[provider.openai]
type = openai
base_url = ${upstream.url}/v1
[provider.anthropic]
type = anthropic
base_url = ${upstream.url}
[tenant.small]
max_concurrent = 1
max_queue_depth = 0`,
  });
  const mapping = { pattern: 'tok_small*', match_type: 'prefix', priority: 5, tenant_id: 'small' };
  assert.equal((await gateway.admin('POST', '/admin/api-key-priority/mappings', mapping)).status, 201);
  const key = await gateway.createKey('small');
  const request = { model: 'm', max_tokens: 1, messages: hello };
  const tries = [
    [(retries: number) => openai(gateway, key).chat.completions.create(request, { maxRetries: retries }), OpenAI],
    [(retries: number) => anthropic(gateway, key).messages.create(request, { maxRetries: retries }), Anthropic],
  ] as const;
  for (const [create, { RateLimitError }] of tries) {
    const before = upstream.requests.length;
    upstream.shut();
    const held = create(0);
    await upstream.waitForRequests(before + 1);
    await assert.rejects(create(0), RateLimitError);
    const patient = create(1);
    await until(() => sleeps.asked.length === (before === 0 ? 1 : 2));
    upstream.open();
    await held;
    sleeps.wake();
    await patient;
  }
  assertAsRetryAfter(sleeps.asked);
});
