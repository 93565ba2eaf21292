import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import * as tls from 'node:tls';
import { GatewayError } from '../../src/domain/errors.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { anthropicProvider, provider, startFront } from '../support/front.ts';
import { selfSigned } from '../support/self-signed.ts';
import { until } from '../support/until.ts';

const chat = '/v1/chat/completions';
const served = (outputTokens: number) => ({
  status: 200,
  usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens, isEstimated: false },
  outcome: 'served',
});

function assertFailed(end: unknown, text: RegExp): void {
  assert.ok(end instanceof GatewayError);
  assert.equal(end.code, 'upstream_failed');
  assert.match(end.message, text);
  assert.doesNotMatch(end.message, /127\.0\.0\.1|\d{4,}|sk-/);
}

test('bytes pass as they are, both ways, and the usage is read on the way', async t => {
  const answer = '{ "odd":  "spacing ü", "usage": {"prompt_tokens": 3, "completion_tokens": 4} }\n';
  const upstream = await startFakeUpstream(t, { body: answer });
  const front = await startFront(t, provider(upstream.url));
  const body = Buffer.from('{"model":"some-model",   "messages":[{"content":"\\u00fc ü"}]}\r\n');

  const reading = await front.post(`${chat}?a=b%20c`, { body });

  assert.equal(await reading.whole(), answer);
  assert.equal(reading.answer.headers['content-length'], String(Buffer.byteLength(answer)));
  assert.equal(upstream.requests[0]?.url, `${chat}?a=b%20c`);
  assert.deepEqual(upstream.requests[0]?.body, body);
  assert.deepEqual(front.ends, [
    {
      status: 200,
      usage: { inputTokens: 3, cachedInputTokens: 0, outputTokens: 4, isEstimated: false },
      outcome: 'served',
    },
  ]);
});

test('a body of many megabytes passes whole, both ways', async t => {
  const big = Buffer.alloc(8 * 1024 * 1024, 'abcdefg');
  const upstream = await startFakeUpstream(t, { body: big, headers: { 'content-type': 'application/octet-stream' } });
  const front = await startFront(t, provider(upstream.url));
  const reading = await front.post(chat, { body: big });
  assert.equal(await reading.whole(), big.toString());
  assert.ok(upstream.requests[0]?.body.equals(big));
});

test('headers private to the caller are not forwarded; those of the dialect are', async t => {
  const upstream = await startFakeUpstream(t);
  const front = await startFront(t, anthropicProvider(upstream.url));
  const headers = {
    authorization: 'Bearer tok_secret',
    'x-api-key': 'tok_secret',
    'proxy-authorization': 'Basic tok_secret',
    cookie: 'session=tok_secret',
    'x-priority': '0',
    'x-tokligence-anything': 'tok_secret',
    'x-forwarded-access-token': 'tok_secret',
    'x-forwarded-for': '10.1.2.3',
    connection: 'keep-alive, x-hop',
    'x-hop': 'tok_secret',
    te: 'trailers',
    'accept-encoding': 'gzip',
    'x-request-id': 'given',
    'anthropic-version': '2023-06-01',
    'anthropic-beta': 'tools-2024-05-16',
    'user-agent': 'sdk/1',
  };
  await (await front.post('/v1/messages', { headers })).whole();

  const seen = upstream.requests[0]?.headers ?? {};
  assert.doesNotMatch(JSON.stringify(seen), /tok_secret|10\.1\.2\.3/);
  assert.equal(seen['x-api-key'], 'sk-of-the-provider');
  assert.equal(seen.authorization, undefined);
  assert.equal(seen['x-priority'], undefined);
  assert.equal(seen['x-request-id'], 'req-1');
  assert.equal(seen['accept-encoding'], 'identity');
  assert.equal(seen['anthropic-version'], '2023-06-01');
  assert.equal(seen['anthropic-beta'], 'tools-2024-05-16');
  assert.equal(seen['user-agent'], 'sdk/1');
  assert.equal(seen['content-type'], 'application/json');
  assert.equal(seen.host, new URL(upstream.url).host);
});

test('an OpenAI upstream gets its key as bearer, one without a key gets none', async t => {
  const upstream = await startFakeUpstream(t);
  const withKey = await startFront(t, provider(upstream.url));
  const without = await startFront(t, provider(upstream.url, { apiKey: null }));
  const headers = { authorization: 'Bearer tok_secret' };
  await (await withKey.post(chat, { headers })).whole();
  await (await without.post(chat, { headers })).whole();
  assert.deepEqual(
    upstream.requests.map(request => request.headers.authorization),
    ['Bearer sk-of-the-provider', undefined],
  );
});

test("the upstream's headers pass, but its cookies and connection do not, and the gateway's own win", async t => {
  const upstream = await startFakeUpstream(t, {
    headers: {
      'set-cookie': ['a=1', 'b=2'],
      'x-ratelimit-remaining': '7',
      'x-request-id': 'theirs',
      'x-tokligence-priority': '0',
      'keep-alive': 'timeout=99',
    },
  });
  const answerHeaders = { 'x-request-id': 'req-1', 'x-tokligence-wait-time-ms': '5' };
  const front = await startFront(t, provider(upstream.url), { answerHeaders });
  const { answer, whole } = await front.post(chat);
  await whole();
  assert.equal(answer.headers['set-cookie'], undefined);
  assert.equal(answer.headers['x-ratelimit-remaining'], '7');
  assert.equal(answer.headers['x-request-id'], 'req-1');
  assert.equal(answer.headers['x-tokligence-priority'], undefined);
  assert.equal(answer.headers['x-tokligence-wait-time-ms'], '5');
  assert.notEqual(answer.headers['keep-alive'], 'timeout=99');
});

test('the chunks of a stream reach the client as they come', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 3, gated: true });
  const front = await startFront(t, provider(upstream.url));
  const reading = await front.post(chat);
  assert.equal(reading.answer.headers['content-type'], 'text/event-stream');
  assert.equal(reading.text(), '');
  for (const word of ['w0 ', 'w1 ', 'w2 ']) {
    assert.ok(!reading.text().includes(word));
    upstream.release(1);
    await reading.until(text => text.includes(word));
    await until(() => upstream.active === (word === 'w2 ' ? 0 : 1));
  }
  assert.match(await reading.whole(), /\[DONE\]/);
  assert.deepEqual(front.ends, [served(3)]);
});

test("an upstream's refusals pass as they are", async t => {
  const upstream = await startFakeUpstream(t);
  const front = await startFront(t, provider(upstream.url));
  for (const status of [400, 401, 404, 429, 500, 503]) {
    const body = `{"error":{"message":"status ${status}"}}`;
    upstream.reply({ status, body, headers: { 'retry-after': '17', 'x-should-retry': 'false' } });
    const { answer, whole } = await front.post(chat);
    assert.equal(answer.statusCode, status);
    assert.equal(answer.headers['retry-after'], '17');
    assert.equal(answer.headers['x-should-retry'], 'false');
    assert.equal(await whole(), body);
    assert.deepEqual(front.ends.at(-1), { status, usage: null, outcome: 'upstream_error' });
  }
});

test('an answer without a body passes', async t => {
  const upstream = await startFakeUpstream(t, { status: 204, body: '' });
  const front = await startFront(t, provider(upstream.url));
  const { answer, whole } = await front.post(chat);
  assert.equal(answer.statusCode, 204);
  assert.equal(await whole(), '');
  assert.deepEqual(front.ends, [{ status: 204, usage: null, outcome: 'served' }]);
});

test('the upstream connection is used again', async t => {
  const upstream = await startFakeUpstream(t);
  const front = await startFront(t, provider(upstream.url));
  for (let call = 0; call < 5; call++) await (await front.post(chat)).whole();
  assert.equal(upstream.connections, 1);
});

test('a refused connection is a 502 that names nothing internal', async t => {
  const upstream = await startFakeUpstream(t);
  const front = await startFront(t, provider(upstream.url));
  await upstream.close();
  const { answer, whole } = await front.post(chat);
  assert.equal(answer.statusCode, 502);
  assert.match(await whole(), /"code":"upstream_failed"/);
  assertFailed(front.ends[0], /refused the connection/);
});

test('a reset before the headers is a 502, and the next call is well', async t => {
  const upstream = await startFakeUpstream(t, { fault: 'reset' });
  const front = await startFront(t, provider(upstream.url));
  assert.equal((await front.post(chat)).answer.statusCode, 502);
  assertFailed(front.ends[0], /broke off/);
  assert.equal(upstream.requests.length, 1);
  upstream.reply({});
  assert.equal((await front.post(chat)).answer.statusCode, 200);
});

test('an upstream that does not begin to answer is a 502 after the first-byte timeout', async t => {
  const upstream = await startFakeUpstream(t, { fault: 'silence' });
  const front = await startFront(t, provider(upstream.url, { firstByteTimeoutMs: 50 }));
  assert.equal((await front.post(chat)).answer.statusCode, 502);
  assertFailed(front.ends[0], /did not begin to answer in time/);
  await upstream.waitForActive(0);
});

test('a stream that breaks off ends with an error event in the dialect of the route', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 2, fault: 'break' });
  const openai = await startFront(t, provider(upstream.url));
  const text = await (await openai.post(chat)).whole();
  assert.match(text, /\n\ndata: \{"error":\{"message":"The upstream broke off[^\n]*"code":"upstream_failed"\}\}\n\n$/);
  assert.deepEqual(openai.ends, [
    {
      status: 200,
      usage: { inputTokens: 50, cachedInputTokens: 0, outputTokens: 2, isEstimated: true },
      outcome: 'upstream_failed',
    },
  ]);

  const front = await startFront(t, anthropicProvider(upstream.url));
  const events = await (await front.post('/v1/messages')).whole();
  assert.match(events, /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error"[^\n]*\n\n$/);
  assert.deepEqual(front.ends, [
    {
      status: 200,
      usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 2, isEstimated: true },
      outcome: 'upstream_failed',
    },
  ]);
});

test('a stream that stands still ends with an error event after the idle timeout', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 1, fault: 'stall' });
  const front = await startFront(t, provider(upstream.url, { idleTimeoutMs: 50 }));
  assert.match(await (await front.post(chat)).whole(), /stopped sending/);
  assert.deepEqual(
    front.ends.map(end => 'outcome' in end && end.outcome),
    ['upstream_failed'],
  );
  await upstream.waitForActive(0);
});

test('a plain answer that breaks off breaks the connection to the client too', async t => {
  const upstream = await startFakeUpstream(t, { fault: 'break' });
  const front = await startFront(t, provider(upstream.url));
  const reading = await front.post(chat);
  await assert.rejects(reading.whole());
  assert.partialDeepStrictEqual(front.ends, [
    { status: 200, usage: { inputTokens: 50, isEstimated: true }, outcome: 'upstream_failed' },
  ]);
});

const answer = '{"usage":{"prompt_tokens":3,"completion_tokens":4}}';

async function startHttpsUpstream(t: TestContext): Promise<string> {
  const server = createServer(selfSigned, (_, res) =>
    res.writeHead(200, { 'content-type': 'application/json' }).end(answer),
  );
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => server.close());
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

test('an https upstream whose certificate nobody trusts is a 502', async t => {
  const front = await startFront(t, provider(await startHttpsUpstream(t)));
  assert.equal((await front.post(chat)).answer.statusCode, 502);
  assertFailed(front.ends[0], /failed/);
});

test('an https upstream whose certificate is trusted serves', async t => {
  if (!('setDefaultCACertificates' in tls))
    return t.skip('needs Node 24.5, which learns of certificates while it runs');
  const known = tls.getCACertificates('default');
  t.after(() => tls.setDefaultCACertificates(known));
  tls.setDefaultCACertificates([...known, selfSigned.cert]);
  const front = await startFront(t, provider(await startHttpsUpstream(t)));
  assert.equal(await (await front.post(chat)).whole(), answer);
});
