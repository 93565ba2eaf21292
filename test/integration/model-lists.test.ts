import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpProviderConfig, LoopbackProviderConfig, ProviderConfig } from '../../src/config/config.ts';
import { GatewayError } from '../../src/domain/errors.ts';
import { createUpstreams } from '../../src/upstreams/upstreams.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';

const http = (name: string, more: Partial<HttpProviderConfig> = {}): HttpProviderConfig => ({
  type: 'openai',
  name,
  pool: name,
  models: ['*'],
  baseUrl: 'http://127.0.0.1:9/v1',
  apiKey: null,
  connectTimeoutMs: 1_000,
  firstByteTimeoutMs: 1_000,
  idleTimeoutMs: 1_000,
  forwardPriority: null,
  totalTimeoutMs: 1_000,
  passHeaders: [],
  ...more,
});
const loopback = (name: string, models: readonly string[]): LoopbackProviderConfig => ({
  type: 'loopback',
  name,
  pool: name,
  models,
  serviceMs: 1,
  chunkMs: 1,
});

const nameOf = (providers: ProviderConfig[], dialect: 'openai' | 'anthropic', model: string) =>
  createUpstreams(providers).resolve(dialect, model).name;

test('the first provider of the dialect whose names or globs fit serves a model', () => {
  const providers = [
    http('small', { models: ['gpt-4o-mini', 'text-*-small'] }),
    http('claude', { type: 'anthropic', models: ['claude-*'] }),
    http('gpt', { models: ['gpt-*', '*:free', 'a*b*b'] }),
    loopback('rest', ['claude-*', 'loop*']),
  ];
  const expected: [Parameters<typeof nameOf>[1], string, string][] = [
    ['openai', 'gpt-4o-mini', 'small'],
    ['openai', 'text-embedding-3-small', 'small'],
    ['openai', 'gpt-4o', 'gpt'],
    ['openai', 'gpt-', 'gpt'],
    ['openai', 'meta/llama:free', 'gpt'],
    ['openai', 'abb', 'gpt'],
    ['openai', 'claude-x', 'rest'],
    ['anthropic', 'claude-x', 'claude'],
    ['anthropic', 'loopback', 'rest'],
  ];
  for (const [dialect, model, name] of expected) assert.equal(nameOf(providers, dialect, model), name, model);
});

test('a model that no provider serves is a 404 that names it, cut to a sane length', () => {
  const providers = [http('gpt', { models: ['gpt-*', 'a*b*b', 'text-*-small'] })];
  for (const model of ['ab', 'GPT-4', 'xgpt-4', 'text-small', `x${'y'.repeat(500)}`]) {
    assert.throws(
      () => nameOf(providers, 'openai', model),
      (error: unknown) => {
        assert.ok(error instanceof GatewayError);
        assert.equal(error.code, 'model_not_found');
        assert.ok(error.message.includes(model.slice(0, 100)) && error.message.length < 250);
        return true;
      },
    );
  }
  assert.throws(() => nameOf(providers, 'anthropic', 'gpt-4'), /No provider/);
});

test('a glob with many stars costs no more than the name is long', () => {
  const providers = [http('odd', { models: [`${'*a'.repeat(50)}*b`] })];
  assert.throws(() => nameOf(providers, 'openai', 'a'.repeat(1000)), /No provider/);
});

test('the list has the configured names and what each upstream lists, filtered by its globs, each once', async t => {
  const openai = await startFakeUpstream(t, {
    body: {
      object: 'list',
      data: [
        { id: 'gpt-4o', object: 'model', created: 1715367049, owned_by: 'system' },
        { id: 'whisper-1', object: 'model', created: 1, owned_by: 'x' },
        { id: 'own-name', object: 'model', created: 5, owned_by: 'them' },
        { no: 'id' },
        null,
      ],
    },
  });
  const anthropic = await startFakeUpstream(t, {
    body: { data: [{ type: 'model', id: 'claude-x', display_name: 'X', created_at: '2025-05-14T00:00:00Z' }] },
  });
  const broken = await startFakeUpstream(t, { body: '<html>no</html>' });
  const refusing = await startFakeUpstream(t, { status: 401, body: { data: [{ id: 'never' }] } });
  const upstreams = createUpstreams([
    http('gpt', { baseUrl: `${openai.url}/v1`, apiKey: 'sk-1', models: ['own-name', 'alias', 'gpt-*'] }),
    http('claude', { type: 'anthropic', baseUrl: anthropic.url, apiKey: 'sk-2', models: ['*'] }),
    http('broken', { baseUrl: `${broken.url}/v1`, models: ['kept', '*'] }),
    http('refusing', { baseUrl: `${refusing.url}/v1` }),
    http('down'),
    loopback('loop', ['*']),
  ]);
  t.after(() => upstreams.close());

  const { object, data } = await upstreams.listModels();

  assert.equal(object, 'list');
  assert.deepEqual(data, [
    { id: 'own-name', object: 'model', created: 5, owned_by: 'them' },
    { id: 'alias', object: 'model', created: 0, owned_by: 'gpt' },
    { id: 'gpt-4o', object: 'model', created: 1715367049, owned_by: 'system' },
    { id: 'claude-x', object: 'model', created: 1747180800, owned_by: 'claude' },
    { id: 'kept', object: 'model', created: 0, owned_by: 'broken' },
    { id: 'loopback', object: 'model', created: 0, owned_by: 'loop' },
  ]);
  assert.equal(openai.requests[0]?.headers.authorization, 'Bearer sk-1');
  assert.equal(anthropic.requests[0]?.headers['x-api-key'], 'sk-2');
  assert.equal(anthropic.requests[0]?.headers['anthropic-version'], '2023-06-01');
});

test('upstreams are asked once a minute, however many clients ask', async t => {
  const clock = new ManualClock();
  const upstream = await startFakeUpstream(t);
  const upstreams = createUpstreams([http('gpt', { baseUrl: `${upstream.url}/v1` })], { clock });
  t.after(() => upstreams.close());
  await Promise.all([upstreams.listModels(), upstreams.listModels(), upstreams.listModels()]);
  clock.advance(59_999);
  await upstreams.listModels();
  assert.equal(upstream.requests.length, 1);
  clock.advance(1);
  await upstreams.listModels();
  assert.equal(upstream.requests.length, 2);
});

test('an upstream that is slow to list its models, or lists too many, is left out', async t => {
  const clock = new ManualClock();
  const slow = await startFakeUpstream(t, { fault: 'silence' });
  const endless = await startFakeUpstream(t, { body: Buffer.alloc(5 * 1024 * 1024, ' ') });
  const upstreams = createUpstreams(
    [
      http('slow', { baseUrl: `${slow.url}/v1`, firstByteTimeoutMs: 60_000, models: ['name', '*'] }),
      http('endless', { baseUrl: `${endless.url}/v1` }),
    ],
    { clock },
  );
  t.after(() => upstreams.close());
  const list = upstreams.listModels();
  await slow.waitForRequests(1);
  clock.advance(5_000);
  assert.deepEqual(
    (await list).data.map(({ id }) => id),
    ['name'],
  );
  await slow.waitForActive(0);
});
