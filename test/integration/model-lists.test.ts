import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { HttpProviderConfig, LoopbackProviderConfig, ProviderConfig } from '../../src/config/config.ts';
import { GatewayError } from '../../src/domain/errors.ts';
import type { Dialect } from '../../src/domain/vocabulary.ts';
import { createUpstreams, type Upstreams } from '../../src/upstreams/upstreams.ts';
import { type Reply, startFakeUpstream } from '../support/fake-upstream.ts';
import { ManualClock } from '../support/manual-clock.ts';

const http = (name: string, more: Partial<HttpProviderConfig> = {}): HttpProviderConfig => ({
  type: 'openai',
  name,
  pool: name,
  passthrough: true,
  models: ['*'],
  baseUrls: ['http://127.0.0.1:9/v1'],
  apiKey: null,
  connectTimeoutMs: 1_000,
  firstByteTimeoutMs: 1_000,
  idleTimeoutMs: 1_000,
  forwardPriority: null,
  totalTimeoutMs: 1_000,
  passHeaders: [],
  headers: [],
  proxy: null,
  seats: { each: 8 },
  healthPath: null,
  retryUnsafe: null,
  allowedNetworks: [],
  ...more,
});
const loopback = (name: string, models: readonly string[]): LoopbackProviderConfig => ({
  type: 'loopback',
  name,
  pool: name,
  passthrough: true,
  models,
  serviceMs: 1,
  chunkMs: 1,
});

const nameOf = (providers: ProviderConfig[], dialect: 'openai' | 'anthropic', model: string) =>
  createUpstreams(providers).resolve(dialect, model).targets[0].provider.name;

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

const shown = async (upstreams: Upstreams, dialect: Dialect) =>
  (await upstreams.models(dialect)).models.map(model => JSON.parse(model.shown[dialect]));
const idsOf = async (upstreams: Upstreams) => (await upstreams.models('openai')).models.map(({ id }) => id);

test('the list has the configured names and what each upstream lists, filtered by its globs, each once', async t => {
  const openai = await startFakeUpstream(t, {
    body: {
      object: 'list',
      data: [
        { id: 'gpt-4o', object: 'model', created: 1715367049, owned_by: 'system', root: 'gpt-4o', max_model_len: 8192 },
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
  const broken = await startFakeUpstream(t, { body: '<html>secret</html>' });
  const refusing = await startFakeUpstream(t, { status: 401, body: { data: [{ id: 'never' }] } });
  const told: string[] = [];
  const upstreams = createUpstreams(
    [
      http('gpt', { baseUrls: [`${openai.url}/v1`], apiKey: 'sk-1', models: ['own-name', 'alias', 'gpt-*'] }),
      http('claude', { type: 'anthropic', baseUrls: [anthropic.url], apiKey: 'sk-2', models: ['*'] }),
      http('broken', { baseUrls: [`${broken.url}/v1`], models: ['kept', '*'] }),
      http('refusing', { baseUrls: [`${refusing.url}/v1`] }),
      http('down'),
      loopback('loop', ['*']),
    ],
    { onListFault: (provider, reason) => told.push(`${provider}: ${reason}`) },
  );
  t.after(() => upstreams.close());

  assert.deepEqual(await shown(upstreams, 'openai'), [
    { id: 'own-name', object: 'model', created: 5, owned_by: 'them' },
    { id: 'alias', object: 'model', created: 0, owned_by: 'gpt' },
    { id: 'gpt-4o', object: 'model', created: 1715367049, owned_by: 'system', root: 'gpt-4o', max_model_len: 8192 },
    {
      id: 'claude-x',
      object: 'model',
      created: 1747180800,
      owned_by: 'claude',
      type: 'model',
      display_name: 'X',
      created_at: '2025-05-14T00:00:00Z',
    },
    { id: 'kept', object: 'model', created: 0, owned_by: 'broken' },
    { id: 'loopback', object: 'model', created: 0, owned_by: 'loop' },
  ]);
  assert.equal(openai.requests[0]?.headers.authorization, 'Bearer sk-1');
  assert.equal(anthropic.requests[0]?.headers['x-api-key'], 'sk-2');
  assert.equal(anthropic.requests[0]?.headers['anthropic-version'], '2023-06-01');
  assert.deepEqual(
    told.toSorted().map(text => text.replace(/connect .*/, '…')),
    ['broken: it is not JSON', 'down: …', 'refusing: it answered 401'],
  );
});

test('upstreams are asked once a minute, however many clients ask, and a fault is told once', async t => {
  const clock = new ManualClock();
  const upstream = await startFakeUpstream(t, { status: 500 });
  const told: string[] = [];
  const onListFault = (_provider: string, reason: string) => told.push(reason);
  const upstreams = createUpstreams([http('gpt', { baseUrls: [`${upstream.url}/v1`] })], { clock, onListFault });
  t.after(() => upstreams.close());
  await Promise.all([upstreams.models('openai'), upstreams.models('openai'), upstreams.models('openai')]);
  clock.advance(59_999);
  await upstreams.models('openai');
  assert.equal(upstream.requests.length, 1);
  const next = async () => {
    clock.advance(60_000);
    await upstreams.models('openai');
  };
  await next();
  assert.equal(upstream.requests.length, 2);
  assert.deepEqual(told, ['it answered 500']);
  upstream.reply({ status: 503 });
  await next();
  upstream.reply({});
  await next();
  upstream.reply({ status: 503 });
  await next();
  assert.deepEqual(told, ['it answered 500', 'it answered 503', 'it answered 503']);
});

test('an upstream that is slow to list its models, or lists too many, is left out', async t => {
  const clock = new ManualClock();
  const slow = await startFakeUpstream(t, { fault: 'silence' });
  const endless = await startFakeUpstream(t, { body: Buffer.alloc(5 * 1024 * 1024, ' ') });
  const bomb = await startFakeUpstream(t, {
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')),
  });
  const upstreams = createUpstreams(
    [
      http('slow', { baseUrls: [`${slow.url}/v1`], firstByteTimeoutMs: 60_000, models: ['name', '*'] }),
      http('endless', { baseUrls: [`${endless.url}/v1`] }),
      http('bomb', { baseUrls: [`${bomb.url}/v1`] }),
    ],
    { clock },
  );
  t.after(() => upstreams.close());
  const list = idsOf(upstreams);
  await slow.waitForRequests(1);
  clock.advance(5_000);
  assert.deepEqual(await list, ['name']);
  await slow.waitForActive(0);
});

test('lists are read in every shape that servers write them in', async t => {
  const entry = { id: 'm', object: 'model', created: 1700000000, owned_by: 'x' };
  const whole = JSON.stringify({ object: 'list', data: [entry] });
  const replies: Record<string, Reply> = {
    array: { body: [entry] },
    strings: { body: ['m', '', 7] },
    'data beside models': { body: { models: [{ name: 'other' }], data: [entry] } },
    'models alone': { body: { models: [{ name: 'm' }] } },
    'byte order mark': { body: `\uFEFF${whole}` },
    gzip: { headers: { 'content-encoding': 'gzip' }, body: gzipSync(whole) },
    deflate: { headers: { 'content-encoding': 'deflate' }, body: deflateSync(whole) },
    'bare deflate': { headers: { 'content-encoding': 'deflate' }, body: deflateRawSync(whole) },
    brotli: { headers: { 'content-encoding': 'BR' }, body: brotliCompressSync(whole) },
    zstd: { headers: { 'content-encoding': 'zstd' }, body: zstdCompressSync(whole) },
    'one too deep beside a sound one': { body: `[{"id":"deep","a":${'['.repeat(200_000)}${']'.repeat(200_000)}},"m"]` },
  };
  const upstream = await startFakeUpstream(t);
  for (const [shape, reply] of Object.entries(replies)) {
    upstream.reply(reply);
    const upstreams = createUpstreams([http('x', { baseUrls: [`${upstream.url}/v1`] })]);
    assert.deepEqual(await idsOf(upstreams), ['m'], shape);
    await upstreams.close();
  }
});

test('`created` is a whole number of seconds, and `created_at` a date, whatever the upstream writes', async t => {
  const dates: [unknown, number][] = [
    [1700000000.5, 1700000000],
    [1700000000123, 1700000000],
    ['1700000000', 1700000000],
    ['2024-01-01T00:00:00Z', 1704067200],
    ['2024-01-01T01:00:00+01:00', 1704067200],
    ['2024-01-01T00:00:00', 1704067200],
    ['2024-01-01 00:00:00.123456', 1704067200],
    ['2024-01-01', 1704067200],
    ['yesterday', 0],
    [null, 0],
    [-5, 0],
    [1e300, 0],
    [{}, 0],
  ];
  const data = dates.map(([created], index) => ({ id: String(index), created }));
  const upstream = await startFakeUpstream(t, { body: { data } });
  const upstreams = createUpstreams([http('x', { baseUrls: [`${upstream.url}/v1`] })]);
  t.after(() => upstreams.close());
  const zone = process.env.TZ;
  process.env.TZ = 'America/New_York';
  const openai = await shown(upstreams, 'openai');
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
  assert.deepEqual(
    openai.map(({ created }) => created),
    dates.map(([, seconds]) => seconds),
  );
  const anthropic = await shown(upstreams, 'anthropic');
  assert.deepEqual(
    anthropic.map(({ created_at }) => Date.parse(created_at) / 1000),
    dates.map(([, seconds]) => seconds),
  );
  assert.equal(anthropic.at(-1)?.created_at, '1970-01-01T00:00:00Z');
});

test("Anthropic's list is read page by page, and a page that leads nowhere ends it", async t => {
  const pages: Record<string, object> = {
    '': { data: [{ id: 'a' }], has_more: true, last_id: 'a/b' },
    'a/b': { data: [{ id: 'b' }], has_more: true, last_id: 'b' },
    b: { data: [{ id: 'c' }], has_more: true, last_id: 'b' },
  };
  const upstream = await startFakeUpstream(t, ({ url }) => ({
    body: pages[new URL(url, 'http://x').searchParams.get('after_id') ?? ''] ?? {},
  }));
  const upstreams = createUpstreams([http('claude', { type: 'anthropic', baseUrls: [upstream.url] })]);
  t.after(() => upstreams.close());
  assert.deepEqual(await idsOf(upstreams), ['a', 'b', 'c']);
  assert.deepEqual(
    upstream.requests.map(({ url }) => url),
    ['', '&after_id=a%2Fb', '&after_id=b'].map(cursor => `/v1/models?limit=1000${cursor}`),
  );
});

test('a list that never ends is cut', async t => {
  let page = 0;
  const upstream = await startFakeUpstream(t, () => {
    page++;
    return { body: { data: [{ id: `m${page}` }], has_more: true, last_id: `m${page}` } };
  });
  const many = await startFakeUpstream(t, { body: Array.from({ length: 20_000 }, (_, index) => `n${index}`) });
  const upstreams = createUpstreams([
    http('claude', { type: 'anthropic', baseUrls: [upstream.url] }),
    http('many', { baseUrls: [`${many.url}/v1`] }),
  ]);
  t.after(() => upstreams.close());
  const ids = await idsOf(upstreams);
  assert.equal(upstream.requests.length, 20);
  assert.equal(ids.length, 20 + 10_000);
});
