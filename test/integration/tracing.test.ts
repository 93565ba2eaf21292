import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCollector } from '../support/collector.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { assertWhole, byId, chat, namesOf, only, request, startTraced } from '../support/traced-gateway.ts';
import { until } from '../support/until.ts';

test('a chat is one trace: authenticate, wait, upstream', async t => {
  const traced = await startTraced(t, {
    env: { OTEL_SERVICE_NAME: 'gateways', OTEL_RESOURCE_ATTRIBUTES: 'team=a%20b' },
  });
  assert.equal((await chat(traced, { headers: { 'x-request-id': 'one' }, query: '?api_key=tok_secret' })).status, 200);
  const spans = await traced.collector.trace(...byId('one'), 4);
  assert.deepEqual(namesOf(spans), [request, 'authenticate', 'wait', 'upstream']);
  assertWhole(spans);
  const [first] = spans;
  assert.equal(first?.parentSpanId, '');
  assert.equal(first?.status, 'STATUS_CODE_UNSET');
  const { 'tokligence.key_id': keyId, ...attributes } = first?.attributes ?? {};
  assert.equal(typeof keyId, 'number');
  assert.deepEqual(attributes, {
    'http.request.method': 'POST',
    'http.route': '/v1/chat/completions',
    'http.response.status_code': 200,
    'url.path': '/v1/chat/completions',
    'url.scheme': 'http',
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'm',
    'gen_ai.usage.input_tokens': 9,
    'gen_ai.usage.cache_read.input_tokens': 4,
    'gen_ai.usage.output_tokens': 12,
    'tokligence.request_id': 'one',
    'tokligence.outcome': 'served',
    'tokligence.tenant': attributes['tokligence.tenant'],
    'tokligence.level': 7,
    'tokligence.level_source': 'default',
    'tokligence.provider': 'gpu',
    'tokligence.pool': 'gpu',
  });
  assert.match(String(attributes['tokligence.tenant']), /^user:\d+$/);
  const { resource } = spans[0] ?? {};
  assert.equal(resource?.['service.name'], 'gateways');
  assert.equal(resource?.team, 'a b');
  assert.match(String(resource?.['service.instance.id']), /.+:.+/);
  assert.match(String(resource?.['telemetry.sdk.language']), /nodejs/);
});

test('the spans of a wait and of a call say what operators ask for', async t => {
  const traced = await startTraced(t, { script: { hold: true } });
  const holding = chat(traced);
  await traced.upstream.waitForActive(1);
  const waiting = chat(traced, { headers: { 'x-request-id': 'waits', 'x-priority': '3' } });
  await until(async () => (await traced.gateway.pool('gpu')).levels[3].waiting === 1);
  traced.upstream.open();
  assert.deepEqual([(await holding).status, (await waiting).status], [200, 200]);
  const spans = await traced.collector.trace(...byId('waits'), 4);
  assertWhole(spans);
  const wait = only(spans, 'wait');
  assert.equal(wait.attributes['tokligence.level'], 3);
  assert.equal(wait.attributes['tokligence.pool'], 'gpu');
  assert.equal(wait.attributes['tokligence.position'], 1);
  assert.equal(wait.attributes['tokligence.reason'], 'seated');
  assert.match(String(wait.attributes['tokligence.tenant']), /^user:/);
  assert.ok(wait.endMs > wait.startMs);
  const upstream = only(spans, 'upstream');
  assert.equal(upstream.kind, 'SPAN_KIND_CLIENT');
  assert.ok(upstream.startMs >= wait.endMs);
  assert.equal(upstream.attributes['server.address'], '127.0.0.1');
  assert.equal(upstream.attributes['http.response.status_code'], 200);
  assert.equal(upstream.attributes['tokligence.attempt'], 1);
  const seconds = (upstream.endMs - upstream.startMs) / 1_000;
  const firstByte = Number(upstream.attributes['tokligence.time_to_first_byte']);
  const firstChunk = Number(upstream.attributes['gen_ai.response.time_to_first_chunk']);
  assert.ok(firstByte > 0 && firstByte <= firstChunk && firstChunk <= seconds + 0.001);
});

const ask = (id: string, more: Record<string, string> = {}) => ({ headers: { 'x-request-id': id, ...more } });

test('a stream ends its spans with its last byte, and its answer names the model', async t => {
  const model = 'm-2026-11-30';
  const usage = { prompt_tokens: 3, completion_tokens: 2 };
  const events = [
    { model, choices: [{ delta: { content: 'a' } }] },
    { model, choices: [], usage },
  ]
    .map(event => `data: ${JSON.stringify(event)}\n\n`)
    .join('');
  const traced = await startTraced(t, { script: { events, gated: true } });
  const answer = await chat(traced, { ...ask('streams'), body: { stream: true } });
  const asked = Date.now();
  await until(() => Date.now() > asked);
  assert.equal(traced.collector.spans.length, 0, 'nothing is told of a stream that goes on');
  traced.upstream.open();
  await answer.text();
  const spans = await traced.collector.trace(...byId('streams'), 4);
  assertWhole(spans);
  const { attributes, endMs } = only(spans, 'upstream');
  assert.ok(endMs >= asked);
  assert.equal(attributes['gen_ai.response.model'], model);
  assert.equal(attributes['gen_ai.usage.input_tokens'], 3);
  assert.equal(attributes['gen_ai.usage.output_tokens'], 2);
});

test('a refusal says why: the wait has its reason, and there is no call upstream', async t => {
  const traced = await startTraced(t, { script: { hold: true }, ini: '[pool.gpu]\nmax_queue_depth = 0\n' });
  const holding = chat(traced);
  await traced.upstream.waitForActive(1);
  assert.equal((await chat(traced, ask('refused'))).status, 503);
  const spans = await traced.collector.trace(...byId('refused'), 3);
  assert.deepEqual(namesOf(spans), [request, 'authenticate', 'wait']);
  const { attributes, status, message } = only(spans, 'wait');
  assert.equal(attributes['tokligence.reason'], 'refused');
  assert.equal(attributes['error.type'], 'queue_full');
  assert.deepEqual([status, message], ['STATUS_CODE_ERROR', 'queue_full']);
  const first = only(spans, request);
  assert.equal(first.attributes['http.response.status_code'], 503);
  assert.deepEqual([first.status, first.message], ['STATUS_CODE_ERROR', 'queue_full']);
  traced.upstream.open();
  await holding;
});

test('a request that is put back has a wait and a call for each attempt', async t => {
  const busy = { status: 503, headers: { 'retry-after': '0' }, body: {} };
  let asked = 0;
  const traced = await startTraced(t, { script: () => (asked++ === 0 ? busy : {}) });
  assert.equal((await chat(traced, ask('again'))).status, 200);
  const spans = await traced.collector.trace(...byId('again'), 6);
  assertWhole(spans);
  assert.deepEqual(namesOf(spans), [request, 'authenticate', 'wait', 'wait', 'upstream', 'upstream']);
  const [first, second] = spans.filter(({ name }) => name === 'upstream');
  assert.equal(first?.attributes['tokligence.reason'], 'put_back');
  assert.equal(first?.attributes['http.response.status_code'], 503);
  assert.deepEqual([first?.status, first?.message], ['STATUS_CODE_ERROR', '503']);
  assert.equal(first?.attributes['gen_ai.usage.output_tokens'], undefined);
  assert.equal(second?.attributes['http.request.resend_count'], 1);
  assert.equal(second?.attributes['http.response.status_code'], 200);
  assert.equal(second?.status, 'STATUS_CODE_UNSET');
  const waits = spans.filter(({ name }) => name === 'wait');
  assert.deepEqual(
    waits.map(({ attributes }) => attributes['tokligence.reason']),
    ['seated', 'seated'],
  );
  assert.ok((waits[1]?.startMs ?? 0) >= (first?.endMs ?? 0));
  assert.equal(only(spans, request).status, 'STATUS_CODE_UNSET');
});

test('a client that leaves while it waits, and one that leaves its stream', async t => {
  const traced = await startTraced(t, { script: { chunks: 3, gated: true } });
  const leaving = new AbortController();
  const answer = await chat(traced, {
    ...ask('leaves its stream'.replaceAll(' ', '-')),
    body: { stream: true },
    signal: leaving.signal,
  });
  const waiting = new AbortController();
  const gone = chat(traced, { ...ask('leaves-the-queue'), signal: waiting.signal }).catch(() => null);
  await until(async () => (await traced.gateway.pool('gpu')).levels[7].waiting === 1);
  waiting.abort();
  await gone;
  const waited = await traced.collector.trace(...byId('leaves-the-queue'), 3);
  assert.equal(only(waited, 'wait').attributes['tokligence.reason'], 'left');
  assert.deepEqual([only(waited, request).status, only(waited, request).message], ['STATUS_CODE_ERROR', 'client_left']);
  leaving.abort();
  await answer.text().catch(() => {});
  const streamed = await traced.collector.trace(...byId('leaves-its-stream'), 4);
  const { status, message, attributes } = only(streamed, 'upstream');
  assert.deepEqual([status, message], ['STATUS_CODE_ERROR', 'client_left']);
  assert.equal(attributes['error.type'], 'client_left');
});

test('an upstream that fails, one that refuses, and one that breaks off', async t => {
  const traced = await startTraced(t, { script: { fault: 'reset' } });
  const told = async (id: string) => {
    await (await chat(traced, { ...ask(id), body: { stream: id === 'breaks' } })).text().catch(() => {});
    const { status, message, attributes } = only(await traced.collector.trace(...byId(id), 4), 'upstream');
    return [status, message, attributes['http.response.status_code']];
  };
  assert.deepEqual(await told('resets'), ['STATUS_CODE_ERROR', 'upstream_failed', undefined]);
  traced.upstream.reply({ status: 400, body: { error: { message: 'no' } } });
  assert.deepEqual(await told('refuses'), ['STATUS_CODE_ERROR', '400', 400]);
  const refused = traced.collector.spans.find(({ attributes }) => attributes['tokligence.request_id'] === 'refuses');
  assert.equal(refused?.status, 'STATUS_CODE_UNSET', 'the client is at fault, not this server');
  assert.equal(refused?.attributes['error.type'], 'upstream_error');
  traced.upstream.reply({ chunks: 2, fault: 'break' });
  assert.deepEqual(await told('breaks'), ['STATUS_CODE_ERROR', 'upstream_failed', 200]);
});

test('a wrong key is a trace of two spans, and a request for the list of models as well', async t => {
  const traced = await startTraced(t);
  const wrong = await chat({ ...traced, key: 'tok_nobody_has_this_key_at_all' }, ask('wrong'));
  assert.equal(wrong.status, 401);
  const spans = await traced.collector.trace(...byId('wrong'), 2);
  assert.deepEqual(namesOf(spans), [request, 'authenticate']);
  const { status, message } = only(spans, 'authenticate');
  assert.deepEqual([status, message], ['STATUS_CODE_ERROR', 'invalid_api_key']);
  assert.equal(only(spans, request).attributes['http.response.status_code'], 401);
  assert.equal(only(spans, request).status, 'STATUS_CODE_UNSET');
  const headers = { authorization: `Bearer ${traced.key}`, 'x-request-id': 'listed' };
  await (await fetch(`${traced.gateway.url}/v1/models/tok_a_key_in_the_path_by_mistake`, { headers })).text();
  const listed = await traced.collector.trace(...byId('listed'), 2);
  assert.deepEqual(namesOf(listed), ['GET /v1/models/{model}', 'authenticate']);
  assert.equal(listed[0]?.attributes['url.path'], '/v1/models/tok_a_ke...');
});

test('spans hold no body, no key and no text of any length', async t => {
  const traced = await startTraced(t);
  const model = `tok_a_key_that_is_taken_for_a_model ${'x'.repeat(180)}`;
  await (await chat(traced, { ...ask('long'), body: { model }, query: `?key=${traced.key}` })).text();
  const spans = await traced.collector.trace(...byId('long'), 4);
  const whole = JSON.stringify(spans) + traced.collector.exports.map(({ body }) => body.toString('latin1')).join();
  for (const secret of ['a secret question', traced.key, traced.key.slice(0, 13), 'taken_for_a_model'])
    assert.ok(!whole.includes(secret), secret);
  for (const { attributes } of spans)
    for (const [name, value] of Object.entries(attributes))
      assert.ok(String(value).length <= 131, `${name} has ${String(value).length} characters`);
});

test('the log line of a request names its trace', async t => {
  const traced = await startTraced(t);
  await chat(traced, ask('logged'));
  const first = only(await traced.collector.trace(...byId('logged'), 4), request);
  await until(() => traced.gateway.log.some(one => one.includes('"request_id":"logged"')));
  const line = traced.gateway.log.map(one => JSON.parse(one)).find(one => one.request_id === 'logged');
  assert.deepEqual([line.trace_id, line.span_id], [first.traceId, first.spanId]);
});

test('where no variable asks for traces there are none, and no line names one', async t => {
  const collector = await startCollector(t);
  const upstream = await startFakeUpstream(t);
  const ini = `[provider.gpu]\ntype = openai\nbase_url = ${upstream.url}/v1\n`;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SDK_DISABLED: 'true', OTEL_BSP_SCHEDULE_DELAY: '0' };
  const gateway = await startGateway(t, { ini, env });
  const traced = { gateway, collector, upstream, key: await gateway.createKey() };
  const sent = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' };
  assert.equal((await chat(traced, ask('plain', sent))).status, 200);
  assert.equal(upstream.requests[0]?.headers.traceparent, sent.traceparent, 'it passes like any header');
  await gateway.app.stop();
  assert.equal(collector.exports.length, 0);
  const line = gateway.log.map(one => JSON.parse(one)).find(one => one.request_id === 'plain');
  assert.equal('trace_id' in line, false);
});
