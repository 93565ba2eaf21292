// The way of spans to a collector: in which form, and what becomes of them where there is none.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { byId, chat, startTraced, type Traced } from '../support/traced-gateway.ts';
import { until } from '../support/until.ts';

async function metric({ gateway }: Traced, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(new RegExp(`^tokligence_spans_${name}_total (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

const tracesLines = ({ gateway }: Traced, level: string) =>
  gateway.log.map(line => JSON.parse(line)).filter(one => one.level === level && one.msg.startsWith('Traces: '));

test('protobuf by default, or JSON; with gzip, headers and a path of its own, as the variables say', async t => {
  const plain = await startTraced(t);
  await chat(plain, { headers: { 'x-request-id': 'plain' } });
  await plain.collector.trace(...byId('plain'), 4);
  const [sent] = plain.collector.exports;
  assert.equal(sent?.url, '/v1/traces');
  assert.equal(sent?.headers['content-type'], 'application/x-protobuf');
  assert.equal(sent?.headers['content-encoding'], undefined);

  const { collector } = plain;
  const other = await startTraced(t, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1/never',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/here?token=of-the-collector`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-both=general,x-general=1',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-both=of%20traces',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    },
  });
  await chat(other, { headers: { 'x-request-id': 'json' } });
  const spans = await collector.trace(...byId('json'), 4);
  assert.match(spans[0]?.traceId ?? '', /^[0-9a-f]{32}$/);
  const last = collector.exports.at(-1);
  assert.equal(last?.url, '/here?token=of-the-collector');
  assert.equal(last?.headers['content-type'], 'application/json');
  assert.equal(last?.headers['content-encoding'], 'gzip');
  assert.deepEqual([last?.headers['x-both'], last?.headers['x-general']], ['of traces', '1']);
  const told = `Traces: spans are sent to ${collector.url}/here by OTLP (http/json)`;
  await until(() => tracesLines(other, 'info').some(({ msg }) => msg === told));
  assert.ok(!other.gateway.log.join().includes('of-the-collector'));
});

test('a stop sends what is left, and metrics count it', async t => {
  const traced = await startTraced(t, { env: { OTEL_BSP_SCHEDULE_DELAY: '3600000' } });
  for (let n = 0; n < 3; n++) await (await chat(traced)).text();
  assert.equal(traced.collector.exports.length, 0);
  assert.equal(await metric(traced, 'sent'), 0);
  await traced.gateway.app.stop();
  assert.equal(traced.collector.spans.length, 12);
});

test('a stop sends many batches, however few may be on their way', async t => {
  const traced = await startTraced(t, {
    env: { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '4', OTEL_EXPORTER_OTLP_TIMEOUT: '60000' },
  });
  traced.collector.answer({ hangs: true });
  for (let n = 0; n < 20; n++) await (await chat(traced)).text();
  assert.equal(traced.collector.exports.length, 1, 'a batch is on its way, and the others wait for it');
  traced.collector.answer({});
  await traced.gateway.app.stop();
  assert.equal(traced.collector.spans.length, 76);
  assert.equal(tracesLines(traced, 'warn')[0].msg, 'Traces: 4 spans were not sent before the stop');
});

test('a stop waits for a batch that is on its way', async t => {
  const traced = await startTraced(t);
  traced.collector.answer({ afterMs: 300 });
  await (await chat(traced)).text();
  await traced.collector.waitForExports(1);
  await traced.gateway.app.stop();
  assert.deepEqual([traced.collector.answered, tracesLines(traced, 'warn')], [1, []]);
});

test('a stop does not wait for a collector that hangs beyond its time, and says what was lost', async t => {
  const traced = await startTraced(t, {
    env: { OTEL_BSP_SCHEDULE_DELAY: '3600000', OTEL_EXPORTER_OTLP_TIMEOUT: '60000' },
  });
  traced.collector.answer({ hangs: true });
  await (await chat(traced)).text();
  const began = performance.now();
  await traced.gateway.app.stop();
  const tookMs = performance.now() - began;
  // shutdown_grace_sec is 1 here.
  assert.ok(tookMs < 4_000, `${tookMs} ms`);
  const [warning] = tracesLines(traced, 'warn');
  assert.equal(warning.msg, 'Traces: 4 spans were not sent before the stop');
});

async function failing(t: TestContext, status: number, headers: Record<string, string> = {}) {
  const traced = await startTraced(t, { env: { OTEL_EXPORTER_OTLP_TIMEOUT: '200' } });
  traced.collector.answer({ status, headers });
  await (await chat(traced)).text();
  await until(async () => (await metric(traced, 'dropped')) === 4);
  return traced;
}

test('what a collector refuses is told once and counted, and that it takes spans again as well', async t => {
  const traced = await failing(t, 400);
  await (await chat(traced)).text();
  await until(async () => (await metric(traced, 'dropped')) === 8);
  assert.equal(traced.collector.exports.length, 2, 'what it refused is not sent again');
  await until(() => tracesLines(traced, 'warn').length > 0);
  assert.equal(tracesLines(traced, 'warn').length, 1);
  traced.collector.answer({});
  await (await chat(traced)).text();
  await until(async () => (await metric(traced, 'sent')) === 4);
  await until(() => tracesLines(traced, 'info').some(({ msg }) => msg === 'Traces: the collector takes spans again'));
});

test('a collector without room is asked again within the time limit, then its spans are dropped', async t => {
  const traced = await failing(t, 429, { 'retry-after': '30' });
  assert.equal(traced.collector.exports.length, 1, 'it was not asked before it may be');
  const patient = await startTraced(t);
  patient.collector.answer({ status: 503, headers: { 'retry-after': '1' } });
  await chat(patient, { headers: { 'x-request-id': 'again' } });
  await patient.collector.waitForExports(1);
  patient.collector.answer({});
  await patient.collector.trace(...byId('again'), 4);
  assert.equal(await metric(patient, 'dropped'), 0);
});

test('spans that a collector rejects from a batch are counted as dropped', async t => {
  const traced = await startTraced(t, {
    env: { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '50' },
  });
  const partialSuccess = { rejectedSpans: '3', errorMessage: 'too\nlate' };
  traced.collector.answer({ body: JSON.stringify({ partialSuccess }) });
  await (await chat(traced)).text();
  await until(async () => (await metric(traced, 'dropped')) === 3);
  await until(() => tracesLines(traced, 'warn').length === 1);
  assert.match(tracesLines(traced, 'warn')[0].msg, /the collector rejects some: toolate/);
  // A reason that is no text makes them no less rejected.
  traced.collector.answer({ body: JSON.stringify({ partialSuccess: { rejectedSpans: 1, errorMessage: { a: 1 } } }) });
  await (await chat(traced)).text();
  await until(async () => (await metric(traced, 'dropped')) >= 4);
});

test('no request waits for a collector that is not there, or hangs, and what is held has a bound', async t => {
  const env = { OTEL_BSP_MAX_QUEUE_SIZE: '40', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '8' };
  const hanging = await startTraced(t, { env });
  hanging.collector.answer({ hangs: true });
  const gone = await startTraced(t, {
    env: { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` },
  });
  for (const traced of [hanging, gone]) {
    for (let n = 0; n < 30; n++) assert.equal((await chat(traced)).status, 200);
    const dropped = await metric(traced, 'dropped');
    assert.ok(dropped >= 120 - 40 - 8 && dropped < 120, `${dropped} of 120 are dropped`);
    await until(() => tracesLines(traced, 'warn').length > 0);
    assert.ok(tracesLines(traced, 'warn').length <= 2, 'the log tells once of each cause');
  }
});

test('requests with wrong keys push out no spans of others', async t => {
  const traced = await startTraced(t, { env: { OTEL_BSP_MAX_QUEUE_SIZE: '40', OTEL_BSP_SCHEDULE_DELAY: '3600000' } });
  for (let n = 0; n < 15; n++) await (await chat({ ...traced, key: 'tok_nobody_has_this_key_at_all' })).text();
  assert.equal(await metric(traced, 'dropped'), 10);
  for (let n = 0; n < 5; n++) await (await chat(traced)).text();
  assert.equal(await metric(traced, 'dropped'), 10);
  await traced.gateway.app.stop();
  assert.equal(traced.collector.spans.filter(({ name }) => name === 'upstream').length, 5);
});

test('a certificate that cannot be read turns traces off, and the gateway serves', async t => {
  const traced = await startTraced(t, { env: { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere/ca.pem' } });
  assert.equal((await chat(traced)).status, 200);
  await traced.gateway.app.stop();
  assert.equal(traced.collector.exports.length, 0);
  assert.match(tracesLines(traced, 'warn')[0].msg, /^Traces: nothing is traced: ENOENT.*ca\.pem/);
});
