import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LogConfig, Shares } from '../../../src/config/config.ts';
import type { Outcome } from '../../../src/domain/outcome.ts';
import { createEvents } from '../../../src/telemetry/events.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { withoutKeys } from '../../../src/telemetry/text.ts';
import { endedRequest } from '../../support/ended-request.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const arrange = (config: Partial<LogConfig> = {}, sampling: { sample?: Shares; random?: () => number } = {}) => {
  let text = '';
  const logger = createLogger(
    { level: 'debug', format: 'pretty', file: null, accessFile: null, accessSample: {}, ...config },
    lines => {
      text += lines;
    },
  );
  const metrics = createMetrics();
  const clock = new ManualClock(Date.UTC(2030, 0, 31, 12));
  return {
    metrics,
    clock,
    events: createEvents({ logger, metrics, clock, ...sampling }),
    /** Everything logged so far, as lines. */
    lines(): string[] {
      logger.flush();
      return text === '' ? [] : text.trimEnd().split('\n');
    },
  };
};

const served: Outcome = { ...endedRequest, level: 0, model: 'gpt-4o', waitMs: 12.3456 };
const refusedEarly: Outcome = {
  ...served,
  outcome: 'invalid_api_key',
  status: 401,
  keyId: null,
  flowId: null,
  mappingId: null,
  level: null,
  source: null,
  model: null,
  provider: null,
  pool: null,
  waitMs: null,
  durationMs: 0.04,
  usage: null,
};
const withoutTime = (line: string | undefined) => {
  const { time, ...rest } = JSON.parse(line ?? '') as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  return rest;
};

test('the mapper says in the agreed words what it reloaded, added and mapped', () => {
  const { events, lines } = arrange();
  events.mappingsReloaded({ usable: 8, internalTenants: 4, externalTenants: 4, durationMs: 3 });
  events.mappingAdded({
    tenantId: 'dept-prod',
    tenantType: 'internal',
    pattern: 'tok_prod*',
    exact: false,
    priority: 0,
  });
  events.keyMapped('tok_prod_secret', 0, 'Production Team');
  assert.deepEqual(lines(), [
    '[INFO] APIKeyMapper: Reloaded 8 mappings from database (tenants=4 internal, 4 external)',
    "[INFO] APIKeyMapper: Added mapping for tenant 'dept-prod' (internal): pattern=tok_prod* priority=P0",
    '[DEBUG] Mapped API key tok_prod... to priority P0 (tenant: Production Team)',
  ]);
});

test('in json the level is a word and msg is the text after the bracket', () => {
  const { events, lines } = arrange({ format: 'json' });
  events.mappingsReloaded({ usable: 8, internalTenants: 4, externalTenants: 4, durationMs: 3 });
  events.warn('100 % of "it"');
  const [reloaded, warned] = lines();
  assert.deepEqual(withoutTime(reloaded), {
    level: 'info',
    msg: 'APIKeyMapper: Reloaded 8 mappings from database (tenants=4 internal, 4 external)',
  });
  assert.deepEqual(withoutTime(warned), { level: 'warn', msg: '100 % of "it"' });
});

test('a missing tenant is written as a dash', () => {
  const { events, lines } = arrange();
  events.mappingAdded({ tenantId: null, tenantType: null, pattern: 'a', exact: false, priority: 9 });
  events.keyMapped('tok_prod_secret', 9, null);
  assert.deepEqual(lines(), [
    "[INFO] APIKeyMapper: Added mapping for tenant '-' (-): pattern=a priority=P9",
    '[DEBUG] Mapped API key tok_prod... to priority P9 (tenant: -)',
  ]);
});

test('of a key, and of an exact pattern, no more than eight characters are logged', () => {
  const { events, lines } = arrange();
  const key = 'tok_prod_SECRETSECRET';
  events.keyMapped(key, 0, null);
  for (const pattern of [key, `sha256:${'ab'.repeat(32)}`]) {
    events.mappingAdded({ tenantId: null, tenantType: null, pattern, exact: true, priority: 0 });
  }
  events.mappingsReloadFailed(new Error(`duplicate key ${key}`));
  events.error('it failed', new Error(`key ${key}`, { cause: `key ${key}` }));
  const said = lines().join('\n');
  assert.ok(!said.includes('SECRET') && !said.includes('tok_prod_'), said);
  assert.equal(said.match(/tok_prod\.\.\./g)?.length, 5);
  assert.match(said, /pattern=sha256:abababab\.\.\. /);
});

test('a line below the configured level is not written', () => {
  const { events, lines } = arrange({ level: 'warn' });
  events.info('no');
  events.keyMapped('tok_prod', 0, null);
  events.requestEnded(served);
  events.warn('yes');
  assert.deepEqual(lines(), ['[WARN] yes']);
});

test('an outage of the mappings is logged once, and a later one again', async () => {
  const { events, lines, metrics } = arrange({ level: 'info' });
  const refused = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });
  events.mappingsReloadFailed(refused);
  events.mappingsReloadFailed(refused);
  events.mappingsReloaded({ usable: 1, internalTenants: 0, externalTenants: 0, durationMs: 3 });
  events.mappingsReloadFailed('gone');
  assert.deepEqual(
    lines().filter(line => line.includes('failed')),
    [
      '[WARN] APIKeyMapper: Reload failed, what was read before goes on serving: ECONNREFUSED',
      '[WARN] APIKeyMapper: Reload failed, what was read before goes on serving: gone',
    ],
  );
  const text = await metrics.render();
  assert.match(text, /^tokligence_mapping_reloads_total\{outcome="ok"\} 1$/m);
  assert.match(text, /^tokligence_mapping_reloads_total\{outcome="failed"\} 3$/m);
});

test('rows and settings that cannot be used are named with the reason', () => {
  const { events, lines } = arrange();
  events.mappingFaulty({ id: 5, reason: 'missing )' });
  events.moreMappingsFaulty(7);
  events.settingFaulty({ key: 'default_priority', reason: 'must be 0 to 9' });
  assert.deepEqual(lines(), [
    '[WARN] APIKeyMapper: Skipped mapping 5: missing )',
    '[WARN] APIKeyMapper: Skipped 7 more mappings; the list of mappings says why',
    '[WARN] APIKeyMapper: Skipped the stored default_priority: must be 0 to 9',
  ]);
});

test('estimated usage is marked as such', () => {
  const usage = { inputTokens: 100, cachedInputTokens: 0, outputTokens: 20, isEstimated: true };
  const json = arrange({ format: 'json' });
  json.events.requestEnded({ ...served, usage });
  assert.equal(JSON.parse(json.lines()[0] ?? '').usage, 'estimated');
  const pretty = arrange({ format: 'pretty' });
  pretty.events.requestEnded({ ...served, usage });
  assert.match(pretty.lines()[0] ?? '', / output_tokens=20 usage=estimated /);
});

test('the line of a request has the time of the clock that the log is handed', () => {
  const { events, clock, lines } = arrange({ format: 'json' });
  events.requestEnded(served);
  clock.advance(1_007);
  events.requestEnded(served);
  const times = lines().map(line => JSON.parse(line).time);
  assert.deepEqual(times, ['2030-01-31T12:00:00.000Z', '2030-01-31T12:00:01.007Z']);
});

test('a request that ended is one json line with its whole outcome', () => {
  const { events, lines } = arrange({ format: 'json' });
  events.requestEnded(served);
  events.requestEnded(refusedEarly);
  const [first, second] = lines();
  assert.deepEqual(withoutTime(first), {
    level: 'info',
    msg: 'POST /v1/chat/completions 200 served',
    request_id: 'req_1',
    outcome: 'served',
    status: 200,
    method: 'POST',
    path: '/v1/chat/completions',
    key_id: 5,
    flow_id: 'dept-prod',
    mapping_id: 3,
    asked: null,
    priority: 0,
    source: 'mapping',
    model: 'gpt-4o',
    provider: 'gpu',
    pool: 'gpus',
    wait_ms: 12.346,
    duration_ms: 523,
    input_tokens: 100,
    cached_input_tokens: 40,
    output_tokens: 20,
    usage: 'reported',
  });
  assert.deepEqual(withoutTime(second), {
    level: 'info',
    msg: 'POST /v1/chat/completions 401 invalid_api_key',
    request_id: 'req_1',
    outcome: 'invalid_api_key',
    status: 401,
    method: 'POST',
    path: '/v1/chat/completions',
    key_id: null,
    flow_id: null,
    mapping_id: null,
    asked: null,
    priority: null,
    source: null,
    model: null,
    provider: null,
    pool: null,
    wait_ms: null,
    duration_ms: 0.04,
  });
});

test('a request that ended is one pretty line with its result', () => {
  const { events, lines } = arrange();
  events.requestEnded({ ...served, asked: '3 "x"' });
  events.requestEnded({ ...refusedEarly, outcome: 'client_left', status: null });
  assert.deepEqual(lines(), [
    '[INFO] POST /v1/chat/completions 200 served priority=0 source=mapping flow_id=dept-prod wait_ms=12.346 ' +
      'duration_ms=523.000 model=gpt-4o provider=gpu pool=gpus input_tokens=100 cached_input_tokens=40 ' +
      'output_tokens=20 key_id=5 mapping_id=3 asked="3 \\"x\\"" request_id=req_1',
    '[INFO] POST /v1/chat/completions - client_left duration_ms=0.040 request_id=req_1',
  ]);
});

test('a query string, where people put keys, is not logged', () => {
  for (const format of ['json', 'pretty'] as const) {
    const { events, lines } = arrange({ format });
    events.requestEnded({ ...served, path: '/v1/models?api_key=secret' });
    assert.ok(lines().join().includes('/v1/models ') && !lines().join().includes('secret'));
  }
});

test('of a key that a client put into a wrong place no more than its beginning is logged', () => {
  const key = 'tok_live_0123456789abcdef';
  const places: Partial<Outcome>[] = [
    ...(['model', 'requestId', 'flowId', 'asked', 'upstreamRequestId'] as const).map(name => ({ [name]: `x ${key}` })),
    { path: `/v1/models/${key}` },
    { path: `/v1/models/a%2F${key}` },
    { path: `/v1/models/Bearer%20sk-0123456789abcdef` },
    { model: `openai_${key}` },
    { model: `${'x'.repeat(115)} ${key}` },
  ];
  for (const format of ['json', 'pretty'] as const)
    for (const place of places) {
      const { events, lines } = arrange({ format });
      events.requestEnded({ ...served, ...place });
      const [line = ''] = lines();
      assert.ok(
        /(tok_live|sk-01234)/.test(line) && !/live_0|sk-012345/.test(line),
        `${JSON.stringify(place)}: ${line}`,
      );
    }
  assert.equal(withoutKeys('a risk-assessment-model'), 'a risk-assessment-model');
});

const hostile = fc.string({ unit: 'binary', maxLength: 40 });

test('whatever a client sends, a request is one line of valid json with those values', () => {
  fc.assert(
    fc.property(hostile, hostile, hostile, (model, requestId, flowId) => {
      const { events, lines } = arrange({ format: 'json' });
      events.requestEnded({ ...served, model, requestId, flowId, path: `/v1/${model}` });
      const [line, ...more] = lines();
      assert.deepEqual(more, []);
      const said = withoutTime(line);
      for (const [name, sent] of Object.entries({ model, request_id: requestId, flow_id: flowId })) {
        assert.equal(said[name], sent);
      }
      assert.equal(said.level, 'info');
    }),
  );
});

test('names longer than 128 characters and paths longer than 200 are cut', () => {
  const { events, lines } = arrange({ format: 'json' });
  const long = 'm'.repeat(100_000);
  events.requestEnded({ ...served, model: long, requestId: long, path: `/${long}` });
  const said = withoutTime(lines()[0]);
  assert.equal(said.model, `${'m'.repeat(128)}...`);
  assert.equal(said.request_id, said.model);
  assert.equal(said.path, `/${'m'.repeat(199)}...`);
});

test('a text with line breaks stays one pretty line', () => {
  const { events, lines } = arrange();
  events.warn('a\n[ERROR] b\u001b[31m');
  assert.deepEqual(lines(), ['[WARN] a[ERROR] b[31m']);
});

test('whatever a client sends, a pretty line has no control characters and no forged fields', () => {
  fc.assert(
    fc.property(hostile, hostile, (model, requestId) => {
      const { events, lines } = arrange();
      events.requestEnded({ ...served, model, requestId });
      const [line = '', ...more] = lines();
      assert.deepEqual(more, []);
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\u2028\u2029]/u);
    }),
  );
  const { events, lines } = arrange();
  events.requestEnded({ ...served, model: 'x priority=9', requestId: 'a\n[ERROR] forged\u001b[31m' });
  assert.match(lines()[0] ?? '', / model="x priority=9" .* request_id="a\[ERROR\] forged\[31m"$/);
});

test('an error is logged with code, stack and causes, and nothing else that hangs on it', () => {
  const cause = Object.assign(new Error('inner'), { code: '23505', detail: 'Key (pattern)=(secret) exists' });
  const failed = new Error('outer', { cause });
  const json = arrange({ format: 'json' });
  json.events.error('the store failed', failed);
  const { err, ...rest } = withoutTime(json.lines()[0]) as { err: Record<string, unknown> };
  assert.deepEqual(rest, { level: 'error', msg: 'the store failed' });
  assert.deepEqual(err, {
    type: 'Error',
    message: 'outer',
    stack: failed.stack,
    cause: { type: 'Error', message: 'inner', code: '23505', stack: cause.stack },
  });
  const pretty = arrange();
  pretty.events.error('the store failed', failed);
  const lines = pretty.lines();
  assert.deepEqual(lines.slice(0, 2), ['[ERROR] the store failed', '  Error: outer']);
  assert.match(lines[2] ?? '', /^ {4}at /);
  assert.ok(lines.includes('  caused by') && lines.includes('  Error: inner (23505)'));
  assert.ok(!lines.join().includes('secret'));
});

test('an error whose causes run in a circle ends', () => {
  const { events, lines } = arrange({ format: 'json' });
  const circle = new Error('circle');
  circle.cause = circle;
  events.error('failed', circle);
  assert.equal(lines().length, 1);
});

test('of outcomes with a share only so many requests have a line, which tells the share; metrics count all', async () => {
  for (const format of ['json', 'pretty'] as const) {
    const draws = [0.2, 0.3, 0.9, 0];
    const sample = { served: 0.3, client_left: 0, not_found: 1 };
    const { events, lines, metrics } = arrange({ format }, { sample, random: () => draws.shift() ?? 0.99 });
    for (const requestId of ['a', 'b', 'c', 'd']) events.requestEnded({ ...served, requestId });
    events.requestEnded({ ...refusedEarly, requestId: 'e' });
    events.requestEnded({ ...refusedEarly, outcome: 'client_left', requestId: 'f' });
    const written = lines();
    const ids = written.map(line => /request_id[":=]+(\w)/.exec(line)?.[1]);
    assert.deepEqual(ids, ['a', 'd', 'e']);
    assert.deepEqual(
      written.map(line => /sampled[":=]+([\d.]+)/.exec(line)?.[1]),
      ['0.3', '0.3', undefined],
    );
    const text = await metrics.render();
    assert.match(text, /^tokligence_requests_total\{.*outcome="served".*\} 4$/m);
  }
});
