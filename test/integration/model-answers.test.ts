// GET /v1/models and GET /v1/models/ID through the whole gateway, in both dialects and with the official SDKs.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const claude = (index: number) => ({
  type: 'model',
  id: `claude-${index}`,
  display_name: `Claude ${index}`,
  created_at: '2025-05-14T00:00:00Z',
  max_input_tokens: 200_000,
});
const vllm = {
  id: 'meta/llama 3',
  object: 'model',
  created: 1700000000,
  owned_by: 'vllm',
  root: '/models/llama',
  max_model_len: 131072,
};

async function start(t: TestContext) {
  const openai = await startFakeUpstream(t, { body: { object: 'list', data: [vllm] } });
  const anthropic = await startFakeUpstream(t, { body: { data: Array.from({ length: 45 }, (_, i) => claude(i)) } });
  const gateway = await startGateway(t, {
    ini: `
[provider.vllm]
type = openai
base_url = ${openai.url}/v1
models = meta/*
[provider.claude]
type = anthropic
base_url = ${anthropic.url}
models = claude-*`,
  });
  const get = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const answer = await fetch(gateway.url + path, {
      method,
      headers: { authorization: `Bearer ${adminKey}`, ...headers },
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: text === '' ? null : JSON.parse(text) };
  };
  return { gateway, get };
}
const version = { 'anthropic-version': '2023-06-01' };

test('entries come whole, in the shape of the dialect that asks', async t => {
  const { get } = await start(t);
  const openai = await get('/v1/models');
  assert.equal(openai.body.object, 'list');
  assert.equal(openai.body.data.length, 46);
  assert.deepEqual(openai.body.data[0], vllm);
  assert.deepEqual(openai.body.data[1], {
    ...claude(0),
    object: 'model',
    created: 1747180800,
    owned_by: 'claude',
  });
  assert.ok(openai.headers.has('x-request-id') && openai.headers.get('x-tokligence-priority') === '7');

  for (const [path, headers] of [
    ['/v1/models?limit=1000', version],
    ['/anthropic/v1/models?limit=1000', {}],
  ] as const) {
    const anthropic = await get(path, headers);
    assert.ok(anthropic.headers.has('request-id'));
    assert.deepEqual(Object.keys(anthropic.body), ['data', 'has_more', 'first_id', 'last_id']);
    assert.deepEqual(anthropic.body.data[0], {
      ...vllm,
      type: 'model',
      display_name: vllm.id,
      created_at: '2023-11-14T22:13:20Z',
    });
    assert.deepEqual(anthropic.body.data[45], claude(44));
    const { has_more, first_id, last_id } = anthropic.body;
    assert.deepEqual([has_more, first_id, last_id], [false, vllm.id, 'claude-44']);
  }
});

test("Anthropic's pages lead through the whole list, forwards and backwards", async t => {
  const { get } = await start(t);
  const page = async (query: string) => (await get(`/v1/models?${query}`, version)).body;
  const first = await page('');
  assert.equal(first.data.length, 20);
  const walk = async (from: { has_more: boolean; first_id: string; last_id: string }, isForwards: boolean) => {
    const ids: string[] = [];
    for (let at = from; at.has_more; ) {
      const cursor = isForwards ? `after_id=${at.last_id}` : `before_id=${at.first_id}`;
      const next = await page(`limit=7&${cursor}`);
      const some = next.data.map(({ id }: { id: string }) => id);
      if (isForwards) ids.push(...some);
      else ids.unshift(...some);
      at = next;
    }
    return ids;
  };
  const all = [vllm.id, ...Array.from({ length: 45 }, (_, index) => `claude-${index}`)];
  assert.deepEqual(await walk(first, true), all.slice(20));
  assert.deepEqual(await walk({ has_more: true, first_id: 'claude-44', last_id: '' }, false), all.slice(0, -1));
  const empty = await page('after_id=claude-44');
  assert.deepEqual(empty, { data: [], has_more: false, first_id: null, last_id: null });
  assert.deepEqual((await page(`before_id=${encodeURIComponent(vllm.id)}`)).data, []);
});

test('a page that cannot be is a 400 that names the parameter', async t => {
  const { get } = await start(t);
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1e2',
    'limit=x',
    'limit=1&limit=2',
    'after_id=none',
    'before_id=none',
    'after_id=claude-1&before_id=claude-2',
  ]) {
    const { status, body } = await get(`/anthropic/v1/models?${query}`);
    assert.equal(status, 400, query);
    assert.equal(body.type, 'error');
    assert.match(body.error.message, new RegExp(/^\w+/.exec(query)?.[0] ?? ''), query);
  }
  assert.equal((await get('/v1/models?limit=x')).status, 200, 'OpenAI has no pages');
});

test('one model is told by its ID, slashes and blanks included, and no other', async t => {
  const { get } = await start(t);
  for (const path of ['/v1/models/meta/llama%203', '/v1/models/meta%2Fllama%203?x=1']) {
    assert.deepEqual((await get(path)).body, vllm);
    assert.equal((await get(path, version)).body.type, 'model');
    assert.equal((await get(`/anthropic${path}`)).body.display_name, vllm.id);
  }
  const missing = await get('/v1/models/gpt-9');
  assert.equal(missing.status, 404);
  assert.deepEqual(missing.body.error.code, 'model_not_found');
  for (const path of ['/v1/models/gpt-9', '/anthropic/v1/models/gpt-9']) {
    const { status, body } = await get(path, version);
    assert.equal(status, 404);
    assert.deepEqual([body.type, body.error.type], ['error', 'not_found_error']);
  }
  assert.equal((await get('/v1/models/%ff')).status, 400);
  assert.equal((await get('/v1/models/')).body.object, 'list', 'a slash at the end does not matter');
  assert.equal((await get('/v1/models/claude-1', {}, 'POST')).status, 404);
  assert.equal((await get('/v1/models/claude-1', { authorization: 'Bearer tok_wrong' })).status, 401);
  assert.equal((await get('/v1/models', { ...version, authorization: 'Bearer tok_wrong' })).body.type, 'error');
});

test('HEAD answers as GET does, without the body', async t => {
  const { get, gateway } = await start(t);
  for (const [path, status] of [
    ['/v1/models', 200],
    ['/v1/models/claude-1', 200],
    ['/v1/models/none', 404],
    ['/anthropic/v1/models', 200],
    ['/anthropic/v1/models/claude-1', 200],
  ] as const) {
    const whole = await get(path);
    const head = await get(path, {}, 'HEAD');
    assert.deepEqual([head.status, head.text], [status, ''], path);
    for (const name of ['content-type', 'content-length', 'x-tokligence-priority'])
      assert.equal(head.headers.get(name), whole.headers.get(name), `${path} ${name}`);
  }
  await until(() => gateway.log.some(line => line.includes('HEAD /v1/models 200 served')));
});

test('where a provider cannot be asked, it is not said that it has no such model', async t => {
  const asked = await startFakeUpstream(t, { body: ['m'] });
  const down = await startFakeUpstream(t, { status: 500 });
  const without = await startFakeUpstream(t, { status: 404 });
  const gateway = await startGateway(t, {
    ini: `
[provider.asked]
type = openai
base_url = ${asked.url}/v1
[provider.down]
type = openai
base_url = ${down.url}/v1
models = gpt-*
[provider.without]
type = openai
base_url = ${without.url}/v1`,
  });
  const get = async (id: string) =>
    fetch(`${gateway.url}/v1/models/${id}`, { headers: { authorization: `Bearer ${adminKey}` } });
  assert.equal((await get('m')).status, 200);
  assert.equal((await get('other')).status, 404, 'an upstream without a list lists nothing');
  const unknown = await get('gpt-4');
  assert.equal(unknown.status, 503);
  assert.ok(Number(unknown.headers.get('retry-after')) > 0);
  const warnings = () => gateway.log.filter(line => line.includes('list of models'));
  await until(() => warnings().length === 2);
  assert.match(warnings().join('\n'), /Provider down: its list of models is left out: it answered 500/);
});

test('the SDKs list models, page through them and fetch one', async t => {
  const { gateway } = await start(t);
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: adminKey, maxRetries: 0 });
  assert.equal((await openai.models.list()).data.length, 46);
  assert.equal((await openai.models.retrieve(vllm.id)).id, vllm.id);
  await assert.rejects(openai.models.retrieve('none'), OpenAI.NotFoundError);
  for (const baseURL of [gateway.url, `${gateway.url}/anthropic`]) {
    const anthropic = new Anthropic({ baseURL, apiKey: adminKey, maxRetries: 0 });
    const ids: string[] = [];
    for await (const { id } of anthropic.models.list({ limit: 10 })) ids.push(id);
    assert.equal(new Set(ids).size, 46);
    assert.equal((await anthropic.models.retrieve('claude-3')).display_name, 'Claude 3');
    await assert.rejects(anthropic.models.retrieve('none'), Anthropic.NotFoundError);
  }
});
