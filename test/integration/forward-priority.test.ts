// The level of a request as sent to its upstream, through the whole gateway and with the official SDKs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';

const hello = [{ role: 'user' as const, content: 'hello' }];

test('each provider is told the level in its own words, and the client cannot choose a better one', async t => {
  const upstream = await startFakeUpstream(t);
  const provider = (name: string, type: string, how: string) => `
[provider.${name}]
type = ${type}
base_url = ${upstream.url}${type === 'openai' ? '/v1' : ''}
models = ${name}
forward_priority = ${how}`;
  const ini = [
    provider('vllm', 'openai', 'vllm'),
    provider('sglang', 'openai', 'sglang'),
    provider('tiers', 'openai', 'service_tier'),
    provider('claude', 'anthropic', 'service_tier'),
    provider('plain', 'openai', ''),
  ].join('\n');
  const gateway = await startGateway(t, { ini });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: adminKey, maxRetries: 0 });
  const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: adminKey, maxRetries: 0 });

  const sent = async (level: number, model: string) => {
    const headers = { 'X-Priority': String(level) };
    if (model === 'claude') await anthropic.messages.create({ model, max_tokens: 4, messages: hello }, { headers });
    else await openai.chat.completions.create({ model, messages: hello, service_tier: 'priority' }, { headers });
    const { body, headers: seen } = upstream.requests.at(-1) ?? assert.fail();
    assert.equal(Number(seen['content-length']), body.length);
    return body.toString();
  };
  const plain = await sent(3, 'plain');
  assert.equal(plain, JSON.stringify({ model: 'plain', messages: hello, service_tier: 'priority' }));
  const spliced = (model: string, member: string) =>
    plain.replace('"plain"', `"${model}"`).replace(/\}$/, `,${member}}`);
  assert.equal(await sent(3, 'vllm'), spliced('vllm', '"priority":3'));
  assert.equal(await sent(0, 'sglang'), spliced('sglang', '"priority":200'));
  assert.equal(await sent(9, 'tiers'), plain.replace('"plain"', '"tiers"').replace('"priority"', '"flex"'));
  assert.equal(JSON.parse(await sent(9, 'tiers')).service_tier, 'flex');
  assert.equal(JSON.parse(await sent(1, 'claude')).service_tier, 'auto');
  assert.equal(JSON.parse(await sent(5, 'claude')).service_tier, 'standard_only');
});
