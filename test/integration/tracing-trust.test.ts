// Whose word counts: a client's traceparent, its sampled flag, and what of it goes upstream.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  byId,
  chat,
  only,
  request,
  startTraced,
  type Traced,
  theirTrace,
  traceparent,
} from '../support/traced-gateway.ts';

const theirSpan = 'b7ad6b7169203331';
const unsampled = traceparent.replace(/01$/, '00');
const never = { OTEL_TRACES_SAMPLER: 'parentbased_always_off' };

/** Asks with each of these headers, and last without any, which is recorded unless nothing is. */
async function traceOf(traced: Traced, id: string, headers: Record<string, string> = {}, key = traced.key) {
  await (await chat({ ...traced, key }, { headers: { 'x-request-id': id, ...headers } })).text();
  return only(await traced.collector.trace(...byId(id), 2), request);
}

/** The requests that were recorded, once the gateway has stopped and so has sent all there is. */
async function recordedOf({ gateway, collector }: Traced): Promise<unknown[]> {
  await gateway.app.stop();
  return collector.spans
    .filter(({ name }) => name === request)
    .map(({ attributes }) => attributes['tokligence.request_id']);
}

const upstreamHeaders = ({ upstream }: Traced, at = -1) => {
  const { traceparent: parent, tracestate } = upstream.requests.at(at)?.headers ?? {};
  return { parent, tracestate };
};

test('by default a trace of its own links to the client’s, and nothing of either goes upstream', async t => {
  const traced = await startTraced(t);
  const first = await traceOf(traced, 'linked', { traceparent, tracestate: 'vendor=value' });
  assert.notEqual(first.traceId, theirTrace);
  assert.equal(first.parentSpanId, '');
  assert.deepEqual(first.links, [{ traceId: theirTrace, spanId: theirSpan, traceState: 'vendor=value' }]);
  assert.deepEqual(upstreamHeaders(traced), { parent: undefined, tracestate: undefined });
});

test('traceparent = parent continues the trace of a client with a known key, and of no other', async t => {
  const traced = await startTraced(t, { ini: '[tracing]\ntraceparent = parent\nsend_upstream = true\n' });
  const first = await traceOf(traced, 'continued', { traceparent, tracestate: 'vendor=value' });
  assert.deepEqual([first.traceId, first.parentSpanId, first.links], [theirTrace, theirSpan, []]);
  const spans = await traced.collector.trace(...byId('continued'), 4);
  const call = only(spans, 'upstream');
  assert.deepEqual(upstreamHeaders(traced), {
    parent: `00-${theirTrace}-${call.spanId}-01`,
    tracestate: 'vendor=value',
  });
  const stranger = await traceOf(traced, 'stranger', { traceparent }, 'tok_nobody_has_this_key_at_all');
  assert.notEqual(stranger.traceId, theirTrace);
  assert.equal(stranger.links[0]?.traceId, theirTrace);
});

test('send_upstream sends the span of the call, with the gateway’s own decision', async t => {
  const traced = await startTraced(t, { ini: '[tracing]\nsend_upstream = true\n' });
  const first = await traceOf(traced, 'sent', { traceparent, tracestate: 'vendor=value' });
  const call = only(await traced.collector.trace(...byId('sent'), 4), 'upstream');
  assert.deepEqual(upstreamHeaders(traced), { parent: `00-${first.traceId}-${call.spanId}-01`, tracestate: undefined });
});

test('what is not recorded goes upstream as not sampled', async t => {
  const traced = await startTraced(t, { env: never, ini: '[tracing]\nsend_upstream = true\n' });
  await chat(traced, { headers: { traceparent } });
  const { parent } = upstreamHeaders(traced);
  assert.match(String(parent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.ok(!String(parent).includes(theirTrace));
  assert.deepEqual(await recordedOf(traced), []);
});

async function sampledWith(t: TestContext, ini: string, env: Record<string, string>): Promise<unknown[]> {
  const traced = await startTraced(t, { env, ini });
  for (const [id, headers, key] of [
    ['plain', {}, traced.key],
    ['sampled', { traceparent }, traced.key],
    ['unsampled', { traceparent: unsampled }, traced.key],
    ['stranger', { traceparent }, 'tok_nobody_has_this_key_at_all'],
    ['faulty', { traceparent: `${traceparent}-01` }, traced.key],
  ] as const)
    await (await chat({ ...traced, key }, { headers: { 'x-request-id': id, ...headers } })).text();
  return recordedOf(traced);
}

test('the client’s sampled flag counts only where configured, and never that of a stranger', async t => {
  assert.deepEqual(await sampledWith(t, '', never), []);
  assert.deepEqual(await sampledWith(t, '[tracing]\nclient_sampling = true\n', never), ['sampled']);
  const always = { OTEL_TRACES_SAMPLER: 'parentbased_always_on' };
  assert.deepEqual(await sampledWith(t, '', always), ['plain', 'sampled', 'unsampled', 'stranger', 'faulty']);
  assert.deepEqual(await sampledWith(t, '[tracing]\nclient_sampling = true\n', always), [
    'plain',
    'sampled',
    'stranger',
    'faulty',
  ]);
});

test('a client cannot choose a trace ID that the ratio always records', async t => {
  const env = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.000001' };
  const chosen = '00-00000000000000000000000000000001-b7ad6b7169203331-01';
  const traced = await startTraced(t, { env, ini: '[tracing]\ntraceparent = parent\n' });
  for (let n = 0; n < 20; n++) await (await chat(traced, { headers: { traceparent: chosen } })).text();
  assert.deepEqual(await recordedOf(traced), []);
});

test('what is no traceparent is none, and an endless tracestate is left out', async t => {
  const traced = await startTraced(t);
  const faulty = [
    '',
    '00',
    `00-${'0'.repeat(32)}-${theirSpan}-01`,
    `ff-${theirTrace}-${theirSpan}-01`,
    'x'.repeat(9_000),
  ];
  for (const [at, text] of faulty.entries()) {
    const first = await traceOf(traced, `faulty-${at}`, { traceparent: text, tracestate: 'a=b' });
    assert.deepEqual(first.links, [], text);
  }
  const tracestate = Array.from({ length: 40 }, (_, at) => `vendor${at}=${'v'.repeat(20)}`).join();
  const first = await traceOf(traced, 'endless', { traceparent, tracestate });
  assert.deepEqual(first.links, [{ traceId: theirTrace, spanId: theirSpan, traceState: '' }]);
});
