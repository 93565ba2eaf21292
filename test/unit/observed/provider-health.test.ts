import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../../../src/domain/outcome.ts';
import { healthOf, ProviderHealths } from '../../../src/observed/provider-health.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const served: Outcome = {
  requestId: 'r',
  outcome: 'served',
  status: 200,
  method: 'POST',
  path: '/v1/chat/completions',
  keyId: 1,
  flowId: 'a',
  mappingId: null,
  asked: null,
  level: 3,
  source: 'default',
  isRaised: false,
  model: 'm',
  provider: 'gpu',
  pool: 'gpu',
  isGranted: true,
  waitMs: 0,
  durationMs: 1,
  usage: null,
  upstreamRequestId: null,
  upstreamFault: null,
  attempts: [],
  spilledFrom: null,
};
const answered = (status: number): Outcome => ({ ...served, outcome: 'upstream_error', status });
const broken: Outcome = {
  ...served,
  outcome: 'upstream_failed',
  status: 502,
  upstreamFault: 'The upstream refused the connection.',
};

const arrange = () => {
  const clock = new ManualClock();
  const healths = new ProviderHealths(clock);
  return { clock, healths, of: (provider: string) => healthOf(healths.tally(provider), clock) };
};

test('a provider without requests is unknown', () => {
  const { of } = arrange();
  assert.deepEqual(of('gpu'), {
    state: 'unknown',
    last_success_at: null,
    last_failure_at: null,
    last_failure: null,
    requests: 0,
    failures: 0,
  });
});

test('a provider fails from the first failure until a request is served again', () => {
  const { clock, healths, of } = arrange();
  for (let count = 0; count < 5; count++) healths.add(served);
  const servedAt = clock.date().toISOString();
  clock.advance(1000);
  healths.add(broken);
  assert.deepEqual(of('gpu'), {
    state: 'failing',
    last_success_at: servedAt,
    last_failure_at: clock.date().toISOString(),
    last_failure: 'The upstream refused the connection.',
    requests: 6,
    failures: 1,
  });
  clock.advance(1000);
  healths.add(served);
  assert.equal(of('gpu').state, 'ok');
});

test('a provider also fails if half of the requests do', () => {
  const { clock, healths, of } = arrange();
  for (const outcome of [broken, broken, served, served]) {
    clock.advance(1);
    healths.add(outcome);
  }
  assert.equal(of('gpu').state, 'failing');
  clock.advance(1);
  healths.add(served);
  assert.equal(of('gpu').state, 'ok');
});

test('no room, an error of its own or a refused key is a failure of the provider; a faulty request is not', () => {
  for (const status of [401, 403, 408, 429, 500, 503, 529]) {
    const { healths, of } = arrange();
    healths.add(answered(status));
    assert.deepEqual([of('gpu').state, of('gpu').last_failure], ['failing', `The upstream answered ${status}.`]);
  }
  for (const status of [400, 404, 413, 422]) {
    const { healths, of } = arrange();
    healths.add(answered(status));
    assert.equal(of('gpu').state, 'ok', String(status));
  }
});

test('requests that never reached the upstream, and clients that left, do not count', () => {
  const { healths, of } = arrange();
  healths.add({ ...served, outcome: 'queue_full', isGranted: false });
  healths.add({ ...served, outcome: 'client_left', status: null });
  healths.add({ ...served, outcome: 'unavailable', status: 503 });
  healths.add({ ...served, provider: null });
  assert.equal(of('gpu').requests, 0);
});

test('after five minutes without a request the state is unknown, but the times of the last success and failure stay', () => {
  const { clock, healths, of } = arrange();
  healths.add(served);
  clock.advance(4.4 * 60_000);
  assert.equal(of('gpu').state, 'ok');
  clock.advance(60_000);
  const { state, requests, last_success_at } = of('gpu');
  assert.deepEqual([state, requests], ['unknown', 0]);
  assert.equal(last_success_at, new Date(clock.date().getTime() - 5.4 * 60_000).toISOString());
});
