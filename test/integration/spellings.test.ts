// Spellings of paths and keys that clients of other gateways and vendors send.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { AzureOpenAI } from 'openai';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';

const ini = '[provider.local]\ntype = loopback\nmodels = gpt-x, claude-x\nservice_ms = 1\nchunk_ms = 1\n';
const messages = [{ role: 'user' as const, content: 'hello' }];

test('a slash at the end and /openai before /v1 name the same routes', async t => {
  const gateway = await startGateway(t, { ini });
  const authorization = `Bearer ${adminKey}`;
  const post = (path: string) =>
    fetch(gateway.url + path, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-x', max_tokens: 9, messages }),
    });
  for (const path of [
    '/v1/chat/completions/',
    '/v1/chat/completions//?a=/',
    '/openai/v1/chat/completions',
    '/openai/v1/chat/completions/',
    '/v1/messages/',
    '/anthropic/v1/messages/count_tokens/',
  ])
    assert.equal((await post(path)).status, 200, path);
  for (const path of ['/v1/models/', '/openai/v1/models', '/openai/v1/models/gpt-x/', '/anthropic/v1/models/']) {
    const answer = await fetch(gateway.url + path, { headers: { authorization } });
    assert.equal(answer.status, 200, path);
  }
  for (const path of [
    '/openai/chat/completions',
    '/openai/openai/v1/chat/completions',
    '/v1//chat/completions',
    '/',
    '//',
  ])
    assert.equal((await post(path)).status, 404, path);
  const openai = new OpenAI({ baseURL: `${gateway.url}/openai/v1/`, apiKey: adminKey, maxRetries: 0 });
  const { choices } = await openai.chat.completions.create({ model: 'gpt-x', messages });
  assert.ok((choices[0]?.message.content ?? '').length > 0);
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  assert.doesNotMatch(text, /openai\/v1/);
});

test('a path of nothing but slashes is answered at once', async t => {
  const gateway = await startGateway(t, { ini });
  const start = performance.now();
  for (const path of [`/${'/'.repeat(12_000)}x`, `/openai/v1/${'/'.repeat(12_000)}`])
    assert.equal((await fetch(gateway.url + path)).status, 404);
  assert.ok(performance.now() - start < 2_000);
});

test('Azure’s header carries the key where no other does, and never goes upstream', async t => {
  const upstream = await startFakeUpstream(t);
  const gateway = await startGateway(t, {
    ini: `[provider.v]\ntype = openai\nbase_url = ${upstream.url}/v1\napi_key = vendor\n`,
  });
  const azure = new AzureOpenAI({
    endpoint: gateway.url,
    apiKey: adminKey,
    apiVersion: '2024-10-21',
    maxRetries: 0,
  });
  await azure.chat.completions.create({ model: 'm', messages });
  const [seen] = upstream.requests;
  assert.equal(seen?.headers['api-key'], undefined);
  assert.equal(seen?.headers.authorization, 'Bearer vendor');
  const status = async (headers: Record<string, string>) =>
    (await fetch(`${gateway.url}/v1/models`, { headers })).status;
  assert.equal(await status({ 'api-key': 'wrong' }), 401);
  assert.equal(await status({ 'api-key': '' }), 401);
  assert.equal(await status({ 'api-key': 'of-somebody-else', 'x-api-key': adminKey }), 200);
  assert.equal(await status({ 'api-key': adminKey, authorization: 'Bearer wrong' }), 401, 'that one is not asked for');
});
