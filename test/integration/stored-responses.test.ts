// Responses that the upstream stores: read, cancelled and deleted by the tenant that made them, and by nobody else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import OpenAI from 'openai';
import { StoredResponses } from '../../src/gateway/stored-responses.ts';
import { type FakeUpstream, type SeenRequest, startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { until } from '../support/until.ts';

const usage = { input_tokens: 9, output_tokens: 4, total_tokens: 13 };
const response = (id: string, more: object = {}) => ({
  id,
  object: 'response',
  status: 'completed',
  output: [],
  usage,
  ...more,
});

/** An upstream that makes responses with these IDs, and answers for stored ones what they are. */
function scripted(ids: string[]) {
  return ({ method, url }: SeenRequest) => {
    const [path = ''] = url.split('?');
    if (method === 'POST' && path === '/v1/responses') return { body: response(ids.shift() ?? 'resp_more') };
    const [, id = '', rest] = /^\/v1\/responses\/([^/]+)(\/.*)?$/.exec(path) ?? [];
    if (rest === '/input_items') return { body: { object: 'list', data: [], has_more: false } };
    if (method === 'DELETE') return { body: { id, object: 'response', deleted: true } };
    return { body: response(id, rest === '/cancel' ? { status: 'cancelled' } : {}) };
  };
}

async function start(t: TestContext, { ids = ['resp_1'], more = '', env = {} as Record<string, string> } = {}) {
  const upstream = await startFakeUpstream(t, scripted(ids));
  const ini = `[provider.v]\ntype = openai\nbase_url = ${upstream.url}/v1\nmax_concurrent = 1\n${more}\n`;
  const gateway = await startGateway(t, { ini, env });
  const client = async () => clientOf(gateway, await gateway.createKey());
  return { upstream, gateway, client };
}

const clientOf = ({ url }: TestGateway, apiKey: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

const asked = ({ requests }: FakeUpstream) =>
  requests.map(({ method, url }) => `${method} ${url.replace('/v1/responses', '')}`);

test('the SDK reads, lists, cancels and deletes a response that it has made, without a seat', async t => {
  const { upstream, gateway, client } = await start(t);
  const openai = await client();
  const { id } = await openai.responses.create({ model: 'm', input: 'hello' });
  upstream.reply(seen => (seen.url === '/v1/chat/completions' ? { hold: true } : scripted([])(seen)));
  const key = await gateway.createKey();
  const busy = gateway.chat(key, { model: 'm' });
  await upstream.waitForActive(1);
  assert.equal((await openai.responses.retrieve(id, { include: ['message.output_text.logprobs'] })).id, id);
  assert.equal((await openai.responses.inputItems.list(id, { limit: 3 })).data.length, 0);
  assert.equal((await openai.responses.cancel(id)).status, 'cancelled');
  await openai.responses.delete(id);
  assert.deepEqual(asked(upstream).slice(2), [
    `GET /${id}?include%5B%5D=message.output_text.logprobs`,
    `GET /${id}/input_items?limit=3`,
    `POST /${id}/cancel`,
    `DELETE /${id}`,
  ]);
  await assert.rejects(openai.responses.retrieve(id), { status: 404 }, 'it is deleted');
  const { waiting, dispatched } = (await gateway.pool('v')).levels[7];
  assert.deepEqual([waiting, dispatched], [0, 2], 'only the two that took a seat');
  upstream.open();
  assert.equal((await busy).status, 200);
});

test('nobody else finds it, and what is not known is answered in OpenAI’s words', async t => {
  const { upstream, client, gateway } = await start(t);
  const [own, other] = [await client(), await client()];
  const { id } = await own.responses.create({ model: 'm', input: 'hello' });
  const before = upstream.requests.length;
  for (const ask of [
    () => other.responses.retrieve(id),
    () => other.responses.inputItems.list(id),
    () => other.responses.cancel(id),
    () => other.responses.delete(id),
    () => own.responses.retrieve('resp_unknown'),
  ]) {
    await assert.rejects(ask, (error: any) => {
      assert.equal(error.status, 404);
      assert.match(error.error.message, /^Response with id 'resp_\w+' not found\.$/);
      return true;
    });
  }
  const key = await gateway.createKey();
  for (const path of [`${id}.x`, `${id}%2Finput_items`, '..%2Fmodels', 'x'.repeat(201), `${id}/other`]) {
    const answer = await fetch(`${gateway.url}/v1/responses/${path}`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(answer.status, 404, path);
  }
  assert.equal(upstream.requests.length, before);
  assert.equal((await own.responses.retrieve(id)).id, id);
});

test('an ID is known as soon as a stream tells it, and where the answer is packed', async t => {
  const { upstream, client } = await start(t);
  const openai = await client();
  const created = {
    type: 'response.created',
    sequence_number: 0,
    response: response('resp_s', { status: 'in_progress' }),
  };
  upstream.reply({ events: `event: response.created\ndata: ${JSON.stringify(created)}\n\n`, gated: true });
  const stream = await openai.responses.create({ model: 'm', input: 'hello', stream: true });
  for await (const event of stream) {
    assert.equal(event.type, 'response.created');
    upstream.reply(scripted([]));
    assert.equal((await openai.responses.cancel('resp_s')).status, 'cancelled', 'while the stream goes on');
    upstream.release();
  }
  const packed = gzipSync(JSON.stringify(response('resp_z')));
  upstream.reply({ body: packed, headers: { 'content-encoding': 'gzip' } });
  assert.equal((await openai.responses.create({ model: 'm', input: 'hello' })).id, 'resp_z');
  upstream.reply(scripted([]));
  assert.equal((await openai.responses.retrieve('resp_z')).id, 'resp_z');
});

test('it is asked of the provider that made it; its usage counts once', async t => {
  const first = await startFakeUpstream(t, scripted(['resp_a']));
  const second = await startFakeUpstream(t, scripted(['resp_b']));
  const provider = (name: string, { url }: FakeUpstream) =>
    `[provider.${name}]\ntype = openai\nbase_url = ${url}/v1\nmodels = ${name}*\n`;
  const gateway = await startGateway(t, { ini: provider('a', first) + provider('b', second) });
  const openai = clientOf(gateway, await gateway.createKey());
  for (const model of ['a-1', 'b-1']) await openai.responses.create({ model, input: 'hello' });
  await openai.responses.retrieve('resp_b');
  await openai.responses.retrieve('resp_a');
  assert.deepEqual(
    [asked(first), asked(second)],
    [
      ['POST ', 'GET /resp_a'],
      ['POST ', 'GET /resp_b'],
    ],
  );
  const lines = () => gateway.log.filter(line => line.includes('/v1/responses')).map(line => JSON.parse(line));
  await until(() => lines().length === 4);
  assert.deepEqual(
    lines().map(({ model, provider, output_tokens }) => [model, provider, output_tokens]),
    [
      ['a-1', 'a', 4],
      ['b-1', 'b', 4],
      ['b-1', 'b', undefined],
      ['a-1', 'a', undefined],
    ],
  );
});

test('a client that leaves ends the call, and one tenant may have only so many at once', async t => {
  const { upstream, gateway } = await start(t);
  const key = await gateway.createKey();
  const openai = clientOf(gateway, key);
  const { id } = await openai.responses.create({ model: 'm', input: 'hello' });
  upstream.reply({ hold: true });
  const headers = { authorization: `Bearer ${key}` };
  const url = `${gateway.url}/v1/responses/${id}`;
  const asks = Array.from({ length: 32 }, () => get(url, { headers, agent: false }).on('error', () => {}));
  await upstream.waitForActive(32);
  const refused = await fetch(url, { headers });
  assert.deepEqual([refused.status, ((await refused.json()) as any).error.code], [429, 'tenant_limit']);
  assert.equal(refused.headers.get('retry-after'), '1');
  for (const ask of asks) ask.destroy();
  await upstream.waitForActive(0);
  upstream.reply(scripted([]));
  await until(async () => (await fetch(url, { headers })).status === 200);
});

test('the limit of one key counts them too', async t => {
  const { upstream, gateway } = await start(t, { env: { TOKLIGENCE_AUTH_MAX_STREAMS_PER_KEY: '1' } });
  const key = await gateway.createKey();
  const { id } = await clientOf(gateway, key).responses.create({ model: 'm', input: 'hello' });
  upstream.reply({ hold: true });
  const headers = { authorization: `Bearer ${key}` };
  const held = get(`${gateway.url}/v1/responses/${id}`, { headers, agent: false });
  await upstream.waitForActive(1);
  assert.equal((await fetch(`${gateway.url}/v1/responses/${id}`, { headers })).status, 429);
  upstream.open();
  const [answer] = await once(held, 'response');
  answer.resume();
});

test('an upstream’s refusal passes, and one that breaks off is a 502', async t => {
  const { upstream, client } = await start(t);
  const openai = await client();
  const { id } = await openai.responses.create({ model: 'm', input: 'hello' });
  upstream.reply({ status: 429, headers: { 'retry-after': '7' }, body: { error: { message: 'slow down' } } });
  await assert.rejects(openai.responses.retrieve(id), { status: 429 });
  upstream.reply({ fault: 'reset' });
  await assert.rejects(openai.responses.retrieve(id), { status: 502 });
  upstream.reply(scripted([]));
  assert.equal((await openai.responses.retrieve(id)).id, id);
});

test('with passthrough = off nothing that is stored is shown', async t => {
  const { upstream, client } = await start(t, { more: 'passthrough = off' });
  const openai = await client();
  const { id } = await openai.responses.create({ model: 'm', input: 'hello' });
  await assert.rejects(openai.responses.retrieve(id), (error: any) => {
    assert.deepEqual([error.status, error.code], [404, 'model_not_found']);
    assert.match(error.message, /GET \/v1\/responses\/\{response\} \(passthrough = off\)/);
    return true;
  });
  assert.equal(upstream.requests.length, 1);
});

test('only so many are remembered, those that were used last; each flow has its own', () => {
  const stored = new StoredResponses(3);
  const place = (provider: string) => ({ provider, endpoint: null, model: 'm' });
  for (const id of ['a', 'b', 'c']) stored.remember('flow', id, place(id));
  assert.equal(stored.find('flow', 'a')?.provider, 'a');
  stored.remember('other', 'a', place('z'));
  assert.equal(stored.find('flow', 'b'), null, 'not used for the longest time');
  assert.deepEqual([stored.find('flow', 'a')?.provider, stored.find('other', 'a')?.provider], ['a', 'z']);
  for (const id of ['', 'a b', 'a/b', 'é', 'x'.repeat(201)]) {
    stored.remember('flow', id, place('odd'));
    assert.equal(stored.find('flow', id), null, id);
  }
});
