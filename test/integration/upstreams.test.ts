import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { HttpProviderConfig } from '../../src/config/config.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { errors, GatewayError } from '../../src/domain/errors.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { sendOnly, startFront } from '../support/front.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';

function provider(url: string, more: Partial<HttpProviderConfig> = {}): HttpProviderConfig {
  return {
    type: 'openai',
    name: 'local',
    pool: 'local',
    models: ['*'],
    baseUrl: `${url}/v1`,
    apiKey: 'sk-of-the-provider',
    connectTimeoutMs: 10_000,
    firstByteTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    ...more,
  };
}
const anthropic = (upstream: FakeUpstream, more: Partial<HttpProviderConfig> = {}) =>
  provider(upstream.url, { type: 'anthropic', baseUrl: upstream.url, ...more });

const chat = '/v1/chat/completions';
const served = (outputTokens: number) => ({
  status: 200,
  usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens },
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
    { status: 200, usage: { inputTokens: 3, cachedInputTokens: 0, outputTokens: 4 }, outcome: 'served' },
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

test('what is private to the caller stays here; what belongs to the dialect goes on', async t => {
  const upstream = await startFakeUpstream(t);
  const front = await startFront(t, anthropic(upstream));
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
    { status: 200, usage: { inputTokens: 50, cachedInputTokens: 0, outputTokens: 2 }, outcome: 'upstream_failed' },
  ]);

  const front = await startFront(t, anthropic(upstream));
  const events = await (await front.post('/v1/messages')).whole();
  assert.match(events, /\n\nevent: error\ndata: \{"type":"error","error":\{"type":"api_error"[^\n]*\n\n$/);
  assert.deepEqual(front.ends, [
    { status: 200, usage: { inputTokens: 9, cachedInputTokens: 4, outputTokens: 2 }, outcome: 'upstream_failed' },
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
  assert.deepEqual(front.ends, [{ status: 200, usage: null, outcome: 'upstream_failed' }]);
});

test('a client that leaves before the answer ends the upstream call, and only then the call is over', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const front = await startFront(t, provider(upstream.url));
  const sent = sendOnly(`${front.url}${chat}`);
  await upstream.waitForRequests(1);
  sent.destroy();
  await front.waitForEnds(1);
  assert.equal(upstream.active, 0);
  assert.equal(upstream.requests[0]?.ended, 'left');
  assert.deepEqual(front.ends, [{ status: null, usage: null, outcome: 'client_left' }]);
  await until(() => upstream.connections === 0);
});

test('a client that leaves in the middle of a stream is charged for what it got', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 9, gated: true });
  for (const path of [chat, '/v1/messages']) {
    const front = await startFront(t, path === chat ? provider(upstream.url) : anthropic(upstream));
    const reading = await front.post(path);
    upstream.release(1);
    await reading.until(text => text.includes('w0 '));
    upstream.release(1);
    await reading.until(text => text.includes('w1 '));
    reading.leave();
    await front.waitForEnds(1);
    assert.equal(upstream.active, 0);
    const [inputTokens, cachedInputTokens] = path === chat ? [50, 0] : [9, 4];
    assert.deepEqual(front.ends, [
      { status: 200, usage: { inputTokens, cachedInputTokens, outputTokens: 2 }, outcome: 'client_left' },
    ]);
  }
});

test('an upstream that goes on after the client has left is given five seconds', async t => {
  const clock = new ManualClock();
  const deaf = createServer({ allowHalfOpen: true });
  const sockets: Socket[] = [];
  deaf.on('connection', socket => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n'));
  });
  await new Promise<void>(resolve => deaf.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    deaf.close();
  });
  const front = await startFront(t, provider(`http://127.0.0.1:${(deaf.address() as AddressInfo).port}`), { clock });
  const reading = await front.post(chat);
  await reading.until(text => text !== '');
  const halfClosed = new Promise(resolve => sockets[0]?.on('end', resolve));
  reading.leave();
  await halfClosed;
  sockets[0]?.write('data: 2\n\n');
  clock.advance(4_999);
  assert.equal(front.ends.length, 0);
  clock.advance(1);
  await front.waitForEnds(1);
  await until(() => {
    sockets[0]?.write('data: 3\n\n');
    return sockets[0]?.destroyed === true;
  });
});

test('a client that has left before the call begins costs the upstream nothing', async t => {
  const upstream = await startFakeUpstream(t);
  const front = await startFront(t, provider(upstream.url));
  const end = await front.upstreams.resolve('openai', 'm').forward(
    {
      dialect: 'openai',
      method: 'POST',
      path: '/chat/completions',
      headers: {},
      body: Buffer.from('{}'),
      answerHeaders: {},
      stream: false,
      requestId: 'r',
      inputEstimate: 1,
    },
    { destroyed: true } as Parameters<ReturnType<typeof front.upstreams.resolve>['forward']>[1],
  );
  assert.deepEqual(end, { status: null, usage: null, outcome: 'client_left' });
  assert.equal(upstream.requests.length, 0);
});

test('a slow reader holds the upstream back, and gets everything in the end', async t => {
  const total = 24 * 1024 * 1024;
  const upstream = await startFakeUpstream(t, { body: Buffer.alloc(total, 'x') });
  const front = await startFront(t, provider(upstream.url));
  const reading = await front.post(chat);
  reading.answer.pause();
  // The upstream cannot hand over all: its answer is not finished while nobody reads.
  let turns = 0;
  await until(() => turns++ > 200);
  assert.equal(front.ends.length, 0);
  reading.answer.resume();
  assert.equal((await reading.whole()).length, total);
  assert.deepEqual(front.ends, [{ status: 200, usage: null, outcome: 'served' }]);
});

test('a client that stops reading altogether counts as gone after the idle timeout', async t => {
  const clock = new ManualClock();
  const upstream = await startFakeUpstream(t, { body: Buffer.alloc(24 * 1024 * 1024, 'x') });
  const front = await startFront(t, provider(upstream.url), { clock });
  const reading = await front.post(chat);
  reading.answer.pause();
  reading.answer.on('error', () => {});
  await until(() => clock.pending === 1);
  clock.advance(60_000);
  await until(() => clock.pending > 0 || front.ends.length > 0);
  clock.advance(5_000);
  await front.waitForEnds(1);
  assert.deepEqual(front.ends, [{ status: 200, usage: null, outcome: 'client_left' }]);
});

test('at shutdown running streams get an error event and calls without an answer are refused', async t => {
  const upstream = await startFakeUpstream(t, { chunks: 5, gated: true });
  const front = await startFront(t, provider(upstream.url));
  const stream = await front.post(chat);
  upstream.release(1);
  await stream.until(text => text.includes('w0 '));
  upstream.reply({ hold: true });
  const waiting = front.post(chat);
  await upstream.waitForRequests(2);

  front.upstreams.abortAll(errors.unavailable('The gateway is shutting down.', 1));

  assert.match(await stream.whole(), /data: \{"error":\{"message":"The gateway is shutting down\."/);
  assert.equal((await waiting).answer.statusCode, 503);
  await upstream.waitForActive(0);
  assert.deepEqual(front.ends.map(end => ('outcome' in end ? end.outcome : end.code)).sort(), [
    'unavailable',
    'upstream_failed',
  ]);
});

test('a hundred calls at once, a third of which leave, all come to an end', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const front = await startFront(t, provider(upstream.url), { clock: systemClock });
  const sent = Array.from({ length: 100 }, () => sendOnly(`${front.url}${chat}`));
  await upstream.waitForActive(100);
  for (let index = 0; index < 100; index += 3) sent[index]?.destroy();
  await front.waitForEnds(34);
  assert.equal(upstream.active, 66);
  upstream.open();
  await front.waitForEnds(100);
  assert.equal(upstream.active, 0);
  const outcomes = front.ends.map(end => 'outcome' in end && end.outcome);
  assert.equal(outcomes.filter(outcome => outcome === 'client_left').length, 34);
  assert.equal(outcomes.filter(outcome => outcome === 'served').length, 66);
});
