import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/config-loader.ts';

const provider = '[provider.local]\ntype = loopback\n';

function read(env: Record<string, string>, ini = '') {
  const { config, warnings } = loadConfig({ file: null, text: provider + ini, env, isTerminal: false });
  return { tracing: config.tracing, warnings };
}

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

test('traces are off until a variable asks for them, and whatever else is set', () => {
  for (const env of [
    {},
    { OTEL_SERVICE_NAME: 'a', OTEL_TRACES_SAMPLER: 'always_on' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: '  ' },
    { ...endpoint, OTEL_SDK_DISABLED: 'True' },
    { ...endpoint, OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://collector:4318/v1/metrics', OTEL_METRICS_EXPORTER: 'prometheus' },
  ])
    assert.deepEqual(read(env), { tracing: undefined, warnings: [] });
});

test('the defaults are those of OpenTelemetry', () => {
  const { tracing, warnings } = read(endpoint);
  assert.deepEqual(warnings, []);
  assert.deepEqual(tracing, {
    traceparent: 'link',
    clientSampling: false,
    sendsUpstream: false,
    sampler: { isParentBased: true, ratio: 1 },
    exporter: {
      url: 'http://collector:4318/v1/traces',
      protocol: 'http/protobuf',
      headers: {},
      timeoutMs: 10_000,
      compression: 'none',
      caFile: null,
      certFile: null,
      keyFile: null,
    },
    batch: { maxSpans: 2_048, maxBatch: 512, delayMs: 5_000 },
    resource: { 'service.name': 'tokligence-gateway' },
  });
});

test('an endpoint of traces is taken as it is; the exporter alone has the default one', () => {
  const url = (env: Record<string, string>) => read(env).tracing?.exporter.url;
  assert.equal(url({ OTEL_TRACES_EXPORTER: 'otlp' }), 'http://localhost:4318/v1/traces');
  assert.equal(url({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://h/base/' }), 'https://h/base/v1/traces');
  assert.equal(url({ ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://h/own?a=b' }), 'https://h/own?a=b');
});

test('the variables of traces win over those of all signals, and lists are percent-decoded', () => {
  const { tracing, warnings } = read({
    ...endpoint,
    OTEL_EXPORTER_OTLP_TIMEOUT: '7000',
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '3000',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20YTpi, x-a = 1 ,',
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-a=2',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_CERTIFICATE: '/ca.pem',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=from-the-list,deployment.environment.name=%C3%A4',
    OTEL_SERVICE_NAME: 'the-service',
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
    OTEL_BSP_MAX_QUEUE_SIZE: '100',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '500',
    OTEL_BSP_SCHEDULE_DELAY: '10',
    OTEL_BSP_EXPORT_TIMEOUT: '2000',
  });
  assert.deepEqual(warnings, []);
  assert.equal(tracing?.exporter.timeoutMs, 2_000, 'a batch has the shorter of both');
  assert.deepEqual(tracing?.exporter.headers, { authorization: 'Basic YTpi', 'x-a': '2' });
  assert.deepEqual([tracing?.exporter.compression, tracing?.exporter.caFile], ['gzip', '/ca.pem']);
  assert.deepEqual(tracing?.resource, { 'service.name': 'the-service', 'deployment.environment.name': 'ä' });
  assert.deepEqual(tracing?.sampler, { isParentBased: false, ratio: 0.25 });
  assert.deepEqual(tracing?.batch, { maxSpans: 100, maxBatch: 100, delayMs: 10 });
});

const cases: readonly (readonly [name: string, value: string, warning: RegExp])[] = [
  ['OTEL_SDK_DISABLED', 'yes', /"yes", but must be true or false/],
  ['OTEL_TRACES_EXPORTER', 'zipkin', /must be otlp or none/],
  ['OTEL_TRACES_SAMPLER', 'xray', /must be always_on or .*parentbased_traceidratio/],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', /http\/protobuf or http\/json \(grpc is not supported/],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', '-1', /a whole number from 1 to 3600000 milliseconds/],
  ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', /none or gzip/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'no-value', /an entry is left out: it must be name=value/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=line%0Abreak', /the value of a is left out/],
  ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%zz', /the value of a is left out/],
  ['OTEL_RESOURCE_ATTRIBUTES', 'a', /an entry is left out/],
  ['OTEL_BSP_MAX_QUEUE_SIZE', '15', /a whole number from 16 to 1000000/],
  ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'many', /a whole number/],
  ['OTEL_BSP_SCHEDULE_DELAY', '1.5', /a whole number/],
  ['OTEL_BSP_EXPORT_TIMEOUT', '', /^$/],
  ['OTEL_EXPORTER_OTLP_TRACE_ENDPOINT', 'http://h', /unknown: is OTEL_EXPORTER_OTLP_TRACES_ENDPOINT meant\?/],
  ['OTEL_PROPAGATORS', 'b3', /Not supported, and without effect on traces: OTEL_PROPAGATORS/],
];

test('what cannot be used is told with its name and what is allowed, and the default holds', () => {
  for (const [name, value, expected] of cases) {
    const { tracing, warnings } = read({ ...endpoint, [name]: value });
    if (value === '') assert.deepEqual(warnings, []);
    else {
      assert.equal(warnings.length, 1, `${name}: ${warnings.join(' | ')}`);
      assert.match(String(warnings[0]), expected);
      assert.ok(String(warnings[0]).includes(name));
    }
    assert.ok(tracing !== undefined, name);
  }
  const { tracing } = read({ ...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1.1' });
  assert.equal(tracing?.sampler.ratio, 1);
});

test('an endpoint that is none turns traces off, and neither its text nor a header gets into a warning', () => {
  for (const url of ['collector:4318', 'ftp://user:of-the-collector@h', '/v1/traces']) {
    const { tracing, warnings } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    assert.equal(tracing, undefined);
    assert.match(
      warnings.join(),
      /^OTEL_EXPORTER_OTLP_ENDPOINT in the environment must be an http.*nothing is traced$/,
    );
    assert.ok(!warnings.join().includes('of-the-collector'));
  }
  const { warnings } = read({ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'a=of-the-collector%0A,of-the-collector' });
  assert.equal(warnings.length, 2);
  assert.ok(!warnings.join().includes('of-the-collector'));
});

test('the product’s own choices are of [tracing], and faults in them are faults', () => {
  const ini = '[tracing]\ntraceparent = parent\nclient_sampling = true\nsend_upstream = true\n';
  const { tracing } = read(endpoint, ini);
  assert.deepEqual([tracing?.traceparent, tracing?.clientSampling, tracing?.sendsUpstream], ['parent', true, true]);
  const byEnvironment = read({ ...endpoint, TOKLIGENCE_TRACING_TRACEPARENT: 'parent' });
  assert.equal(byEnvironment.tracing?.traceparent, 'parent');
  assert.throws(
    () => read(endpoint, '[tracing]\ntraceparent = trust\n'),
    /\[tracing\] traceparent: must be link or parent/,
  );
  const { warnings } = read({ ...endpoint, OTEL_TRACES_SAMPLER: 'always_on' }, ini);
  assert.match(warnings.join(), /\[tracing\] client_sampling: has no effect/);
});
