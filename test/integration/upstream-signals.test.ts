import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Level } from '../../src/domain/vocabulary.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { anthropicProvider, provider, startFront } from '../support/front.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';

const chat = '/v1/chat/completions';
const busy = (status: number, headers: Record<string, string> = {}) => ({ status, headers, body: { busy: status } });

test('an upstream without room says so before anything is written, and the call can be made again', async t => {
  for (const status of [429, 503, 529]) {
    const upstream = await startFakeUpstream(t, () =>
      upstream.requests.length > 1 ? {} : busy(status, { 'retry-after': '3' }),
    );
    const told: unknown[] = [];
    const front = await startFront(t, provider(upstream.url), {
      onFailing: ({ status, retryAfterMs }) => told.push([status, retryAfterMs]) > 0,
    });
    const reading = await front.post(chat, { body: '{"model":"m","messages":[1]}' });
    assert.equal(reading.answer.statusCode, 200);
    await reading.whole();
    assert.deepEqual(told, [[status, 3000]]);
    assert.deepEqual(
      upstream.requests.map(({ body }) => body.toString()),
      ['{"model":"m","messages":[1]}', '{"model":"m","messages":[1]}'],
    );
    assert.equal(upstream.connections, 1, 'the connection of the first call serves the second');
    assert.equal(upstream.maxConcurrent, 1);
  }
});

test('where the call is not taken back, the answer passes as it is', async t => {
  const upstream = await startFakeUpstream(t, busy(429, { 'retry-after': '3', 'x-limit': 'yes' }));
  const told: unknown[] = [];
  const front = await startFront(t, provider(upstream.url), {
    onFailing: ({ status, retryAfterMs }) => {
      told.push([status, retryAfterMs]);
      return false;
    },
  });
  const refused = await front.post(chat);
  assert.equal(refused.answer.statusCode, 429);
  assert.equal(refused.answer.headers['retry-after'], '3');
  assert.equal(refused.answer.headers['x-limit'], 'yes');
  assert.equal(await refused.whole(), '{"busy":429}');
  upstream.reply(busy(503));
  assert.equal((await front.post(chat)).answer.statusCode, 503);
  upstream.reply(busy(500, { 'retry-after': '3' }));
  assert.equal((await front.post(chat)).answer.statusCode, 500);
  assert.deepEqual(told, [
    [429, 3000],
    [503, null],
  ]);
});

test('the status of an answer is told when it begins; of no room the other way', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 2, gated: true });
  const told: number[] = [];
  const front = await startFront(t, provider(upstream.url), { onAnswer: status => void told.push(status) });
  const reading = await front.post(chat, { body: '{"model":"m","stream":true}' });
  assert.deepEqual(told, [200], 'before the stream has ended');
  upstream.open();
  await reading.whole();
  for (const status of [400, 429, 503, 500]) {
    upstream.reply(busy(status));
    await (await front.post(chat)).whole();
  }
  assert.deepEqual(told, [200, 400, 500]);
});

test('a busy answer whose body never ends costs a second, not the seat for ever', async t => {
  const clock = new ManualClock();
  const upstream = await startFakeUpstream(t, () =>
    upstream.requests.length > 1 ? {} : { ...busy(429, { 'retry-after': '1' }), fault: 'stall' as const },
  );
  const front = await startFront(t, provider(upstream.url), { clock, onFailing: () => true });
  const answer = front.post(chat);
  // One for the total time of the call, one for the unread body.
  await until(() => clock.pending === 2);
  clock.advance(999);
  assert.equal(upstream.requests.length, 1);
  clock.advance(1);
  assert.equal((await answer).answer.statusCode, 200);
  assert.equal(upstream.maxConcurrent, 1);
});

test('a busy answer that breaks off is taken back too', async t => {
  const upstream = await startFakeUpstream(t, () =>
    upstream.requests.length > 1 ? {} : { ...busy(429, { 'retry-after': '1' }), fault: 'break' as const },
  );
  const front = await startFront(t, provider(upstream.url), { onFailing: () => true });
  assert.equal((await front.post(chat)).answer.statusCode, 200);
});

test('a client that leaves while a busy answer is thrown away has left', async t => {
  const clock = new ManualClock();
  const upstream = await startFakeUpstream(t, { ...busy(429, { 'retry-after': '1' }), fault: 'stall' });
  const front = await startFront(t, provider(upstream.url), { clock, onFailing: () => true });
  const leaving = new AbortController();
  const sent = fetch(`${front.url}${chat}`, { method: 'POST', body: '{}', signal: leaving.signal });
  // One for the total time of the call, one for the unread body.
  await until(() => clock.pending === 2);
  leaving.abort();
  await assert.rejects(sent);
  await front.waitForEnds(1);
  assert.deepEqual(front.ends, [{ status: null, usage: null, outcome: 'client_left' }]);
  await upstream.waitForActive(0);
});

test('output is told while a stream passes, once for eight pieces', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 300 });
  for (const path of [chat, '/v1/messages']) {
    const told: number[] = [];
    const onOutput = (tokens: number) => told.push(tokens);
    const config = path === chat ? provider(upstream.url) : anthropicProvider(upstream.url);
    const front = await startFront(t, config, { onOutput });
    await (await front.post(path)).whole();
    assert.ok(told.length >= 1 && told.length <= 300 / 8, `${told}`);
    told.reduce((before, tokens) => {
      assert.ok(tokens >= before + 8, `${told}`);
      return tokens;
    }, 0);
  }
});

test('the level goes upstream in the place of what the client wrote, where it is asked for, and nowhere else', async t => {
  const upstream = await startFakeUpstream(t);
  const body = '{"model":"m","priority":-5,"service_tier":"priority"}\n';
  const seen = async (level: Level, more: object, path = chat) => {
    const config = path === chat ? provider(upstream.url, more) : anthropicProvider(upstream.url, more);
    const front = await startFront(t, config, { level });
    const before = upstream.requests.length;
    await (await front.post(path, { body })).whole();
    const { body: sent, headers } = upstream.requests[before] ?? assert.fail();
    assert.equal(Number(headers['content-length']), sent.length);
    return sent.toString();
  };
  assert.equal(await seen(3, {}), body);
  assert.equal(await seen(3, { forwardPriority: 'vllm' }), body.replace('-5', '3'));
  assert.equal(await seen(3, { forwardPriority: 'sglang' }), body.replace('-5', '140'));
  assert.equal(await seen(9, { forwardPriority: 'service_tier' }), body.replace('"priority"}', '"flex"}'));
  const anthropic = await seen(9, { forwardPriority: 'service_tier' }, '/v1/messages');
  assert.equal(anthropic, body.replace('"priority"}', '"standard_only"}'));
});
