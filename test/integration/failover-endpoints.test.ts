// One provider with several endpoints: what a client sees of the end of one of them, and where its requests go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { endedRequests, providerIni, v1 } from '../support/two-targets.ts';
import { until } from '../support/until.ts';

const both = (first: { url: string }, second: { url: string }, more = '') =>
  providerIni('main', { url: `${v1(first)}, ${v1(second)}`, seats: 8, more: `models = *\n${more}` }).replace(
    'models = main-only\n',
    '',
  );

test('a client of the official SDK sees nothing of an endpoint that is killed but in answers that had begun', async t => {
  const first = await startFakeUpstream(t, { afterMs: 3 });
  const second = await startFakeUpstream(t, { afterMs: 3 });
  const gateway = await startGateway(t, { ini: both(first, second) });
  const client = new OpenAI({ apiKey: adminKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: 'hello' }];
  let served = 0;
  const load = Array.from({ length: 12 }, async () => {
    for (let nth = 0; nth < 30; nth++) {
      await client.chat.completions.create({ model: 'm', messages });
      served++;
    }
  });
  await until(() => first.requests.length > 20 && second.requests.length > 20);
  const ids = [first.url, second.url];
  await first.close();
  await Promise.all(load);
  assert.equal(served, 360);
  await until(() => endedRequests(gateway).length === 360);
  const again = endedRequests(gateway).filter(({ attempts }) => attempts?.length > 1);
  t.diagnostic(`${again.length} of 360 requests were sent again`);
  assert.ok(again.length > 0);
  assert.ok(again.every(({ attempts }) => attempts[0].endpoint === ids[0] && attempts.at(-1).endpoint === ids[1]));
});

test('a request that failed at one endpoint goes to another, before all others of its flow', async t => {
  const first = await startFakeUpstream(t, { status: 503, body: { busy: true } });
  const second = await startFakeUpstream(t, {});
  const gateway = await startGateway(t, { ini: both(first, second) });
  for (let nth = 0; nth < 6; nth++) {
    const answer = await gateway.chat(adminKey);
    assert.equal(answer.status, 200);
    await answer.text();
  }
  assert.equal(second.requests.length, 6);
  await until(() => endedRequests(gateway).length === 6);
  for (const { attempts } of endedRequests(gateway)) {
    const places = (attempts ?? []).map(({ endpoint }: any) => endpoint);
    assert.equal(new Set(places).size, places.length, 'never twice at the same one');
  }
  const pool = await gateway.pool('main');
  assert.equal(pool.in_use, 0);
});

for (const status of [429, 503, 529]) {
  test(`an endpoint that names a time with ${status} is asked no more, and its request goes to another one at once`, async t => {
    const first = await startFakeUpstream(t, { status, headers: { 'retry-after': '30' }, body: { busy: true } });
    const second = await startFakeUpstream(t, {});
    const gateway = await startGateway(t, { ini: both(first, second) });
    for (let nth = 0; nth < 6; nth++) {
      const answer = await gateway.chat(adminKey);
      assert.equal(answer.status, 200);
      await answer.text();
    }
    assert.deepEqual([first.requests.length, second.requests.length], [1, 6]);
    const { body } = await gateway.admin('GET', '/admin/providers');
    const [{ health }] = body.providers;
    assert.equal(health.closed_until, null);
    assert.deepEqual(
      health.closed_models.map(({ model, endpoint }: any) => [model, endpoint]),
      [[JSON.parse(first.requests[0]?.body.toString() ?? '').model, first.url]],
    );
  });
}

test('while all endpoints have closed the model a request waits and is told why', async t => {
  const busy = { status: 503, headers: { 'retry-after': '2' }, body: { busy: true } };
  const [first, second] = [await startFakeUpstream(t, busy), await startFakeUpstream(t, busy)];
  const gateway = await startGateway(t, { ini: both(first, second) });
  const waiting = gateway.chat(adminKey);
  await until(async () => (await gateway.pool('main')).levels.some(({ waiting: count }: any) => count === 1));
  const { body } = await gateway.admin('GET', '/admin/scheduler/requests?pool=main');
  const [{ reason }] = body.requests;
  assert.equal(reason.code, 'upstream_closed');
  assert.match(reason.message, /^No endpoint of provider 'main' that it may go to takes more requests for the model/);
  first.reply({});
  second.reply({});
  const answer = await waiting;
  assert.deepEqual([answer.status, first.requests.length + second.requests.length], [200, 3]);
});

test('with all endpoints dead the client is told so after one attempt at each', async t => {
  const first = await startFakeUpstream(t);
  const second = await startFakeUpstream(t);
  const gateway = await startGateway(t, { ini: both(first, second) });
  await first.close();
  await second.close();
  const answer = await gateway.chat(adminKey);
  assert.equal(answer.status, 502);
  assert.equal(answer.headers.get('x-tokligence-attempts'), '2');
});

test('Anthropic’s SDK, too', async t => {
  const first = await startFakeUpstream(t, { afterMs: 3 });
  const second = await startFakeUpstream(t, { afterMs: 3 });
  const gateway = await startGateway(t, {
    ini: `
[provider.main]
type = anthropic
base_url = ${first.url}, ${second.url}
max_concurrent = 4`,
  });
  const client = new Anthropic({ apiKey: adminKey, baseURL: gateway.url, maxRetries: 0 });
  const ask = () =>
    client.messages.create({ model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] });
  const load = Array.from({ length: 6 }, async () => {
    for (let nth = 0; nth < 15; nth++) await ask();
  });
  await until(() => first.requests.length > 5 && second.requests.length > 5);
  await first.close();
  await Promise.all(load);
});
