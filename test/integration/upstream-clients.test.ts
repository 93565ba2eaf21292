import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { test } from 'node:test';
import { errors } from '../../src/domain/errors.ts';
import { ClientSink } from '../../src/gateway/client-sink.ts';
import type { UpstreamCall } from '../../src/upstreams/upstreams.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { anthropicProvider, provider, sendOnly, startFront } from '../support/front.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/until.ts';

const chat = '/v1/chat/completions';
const call: UpstreamCall = {
  dialect: 'openai',
  streamShape: 'chunks',
  method: 'POST',
  path: '/chat/completions',
  headers: {},
  body: { pieces: [Buffer.from('{}')], bytes: 2 },
  bodyPlaces: { closedAt: 1, model: [], urgency: { priority: [], service_tier: [] } },
  model: 'm',
  upstreamModel: 'm',
  restoresModel: false,
  endpoint: null,
  isAtRoot: false,
  flowId: 'flow',
  stream: false,
  requestId: 'r',
  inputEstimate: 1,
  outputLimit: null,
  producesTokens: true,
  level: 7,
  onOutput: () => {},
  onAnswer: () => {},
  onFailing: () => false,
};

const sinkOf = (res: ServerResponse) => new ClientSink(res, { ownHeaders: () => ({}) });

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
    const front = await startFront(t, path === chat ? provider(upstream.url) : anthropicProvider(upstream.url));
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
      {
        status: 200,
        usage: { inputTokens, cachedInputTokens, outputTokens: 2, isEstimated: true },
        outcome: 'client_left',
      },
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
  const res = new ServerResponse(new IncomingMessage(new Socket()));
  res.destroy();
  const end = await front.upstreams.resolve('openai', 'm').targets[0].provider.forward(call, sinkOf(res));
  assert.deepEqual(end, { status: null, usage: null, outcome: 'client_left', fault: null, upstreamRequestId: null });
  assert.equal(upstream.requests.length, 0);
});

test('a client that leaves while the connection is still being made is never heard of upstream', async t => {
  const upstream = await startFakeUpstream(t);
  const front = await startFront(t, provider(upstream.url));
  const res = new ServerResponse(new IncomingMessage(new Socket()));
  const forwarding = front.upstreams.resolve('openai', 'm').targets[0].provider.forward(call, sinkOf(res));
  res.emit('close');
  assert.deepEqual(await forwarding, {
    status: null,
    usage: null,
    outcome: 'client_left',
    fault: null,
    upstreamRequestId: null,
  });
  await (await front.post(chat)).whole();
  assert.deepEqual(
    upstream.requests.map(({ headers }) => headers['x-request-id']),
    ['req-1'],
  );
});

test('a slow reader holds the upstream back, and gets everything in the end', async t => {
  const total = 24 * 1024 * 1024;
  const upstream = await startFakeUpstream(t, { body: Buffer.alloc(total, 'x') });
  const front = await startFront(t, provider(upstream.url));
  const reading = await front.post(chat);
  reading.answer.pause();
  // The upstream cannot send everything: its answer is not finished while the client does not read.
  let turns = 0;
  await until(() => turns++ > 200);
  assert.equal(front.ends.length, 0);
  reading.answer.resume();
  assert.equal((await reading.whole()).length, total);
  // The answer reports no usage, so its size is used.
  const usage = { inputTokens: 50, cachedInputTokens: 0, outputTokens: total / 4, isEstimated: true };
  assert.deepEqual(front.ends, [{ status: 200, usage, outcome: 'served' }]);
});

test('a client that stops reading altogether counts as gone after the idle timeout', async t => {
  const clock = new ManualClock();
  const upstream = await startFakeUpstream(t, { body: Buffer.alloc(24 * 1024 * 1024, 'x') });
  const front = await startFront(t, provider(upstream.url), { clock });
  const reading = await front.post(chat);
  reading.answer.pause();
  reading.answer.on('error', () => {});
  // One for the total time of the call, one for the client.
  await until(() => clock.pending === 2);
  clock.advance(60_000);
  await until(() => clock.pending > 1 || front.ends.length > 0);
  clock.advance(5_000);
  await front.waitForEnds(1);
  assert.partialDeepStrictEqual(front.ends, [{ status: 200, usage: { isEstimated: true }, outcome: 'client_left' }]);
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
    'unavailable',
  ]);
});

test('a hundred calls at once, a third of which leave, all come to an end', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const front = await startFront(t, provider(upstream.url));
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
