import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolStats } from '../../../src/domain/shown/stats.ts';
import { allLevels } from '../../../src/domain/vocabulary.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import { endedRequest } from '../../support/ended-request.ts';
import { metricFaults } from '../../support/metric-rules.ts';

/** The samples of the gateway's own metrics, `name{labels}` → value. */
const samples = async (metrics: Metrics): Promise<Map<string, number>> => {
  const lines = (await metrics.render()).split('\n').filter(line => line.startsWith('tokligence_'));
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]));
};

const pool: PoolStats = {
  name: 'gpus',
  seats: 8,
  in_use: 3,
  levels: allLevels.map(level => ({
    level,
    waiting: level * 2,
    running: 0,
    dispatched: 0,
    rejected: 0,
    timed_out: 0,
    cancelled: 0,
    wait_ms: { p50: null, p95: null, p99: null },
  })),
};

const connections = () => ({
  open: 12,
  addresses: 5,
  most: 100,
  yielded: { all: 3, address: 1 },
  refused: { all: 0, address: 2 },
});

test('requests and tokens are counted by level, outcome and provider', async () => {
  const metrics = createMetrics();
  metrics.requestEnded(endedRequest);
  metrics.requestEnded(endedRequest);
  metrics.requestEnded({ ...endedRequest, level: 9, outcome: 'queue_full', usage: null });
  metrics.requestEnded({
    ...endedRequest,
    level: null,
    outcome: 'invalid_api_key',
    provider: null,
    waitMs: null,
    usage: null,
  });
  const got = await samples(metrics);
  assert.equal(got.get('tokligence_requests_total{level="2",outcome="served",provider="gpu"}'), 2);
  assert.equal(got.get('tokligence_requests_total{level="9",outcome="queue_full",provider="gpu"}'), 1);
  assert.equal(got.get('tokligence_requests_total{outcome="invalid_api_key"}'), 1);
  assert.equal(got.get('tokligence_input_tokens_total{level="2",provider="gpu"}'), 200);
  assert.equal(got.get('tokligence_cached_input_tokens_total{level="2",provider="gpu"}'), 80);
  assert.equal(got.get('tokligence_output_tokens_total{level="2",provider="gpu"}'), 40);
});

test('waits are a histogram by level, in seconds', async () => {
  const metrics = createMetrics();
  for (const waitMs of [0, 250, 300, 400_000]) metrics.requestEnded({ ...endedRequest, waitMs });
  const got = await samples(metrics);
  const bucket = (le: string, level = 2) =>
    got.get(`tokligence_queue_wait_seconds_bucket{le="${le}",level="${level}"}`);
  assert.deepEqual([bucket('0.001'), bucket('0.25'), bucket('0.5'), bucket('300'), bucket('+Inf')], [1, 2, 3, 3, 4]);
  assert.equal(bucket('+Inf', 3), 0);
  assert.equal(got.get('tokligence_queue_wait_seconds_count{level="2"}'), 4);
  assert.equal(got.get('tokligence_queue_wait_seconds_sum{level="2"}'), 400.55);
});

test('pools, snapshot and database are read at each scrape', async () => {
  const metrics = createMetrics();
  assert.equal((await samples(metrics)).has('tokligence_database_up'), false);
  let snapshot: { mappings: number; ageMs: number } | null = null;
  let isDatabaseUp = true;
  let fleet: { members: number; isConductor: boolean; epoch: number; rttMs: number | null } | null = null;
  metrics.watch({
    pools: () => [pool],
    seatsWanted: () => [],
    shares: () => [],
    snapshot: () => snapshot,
    isDatabaseUp: () => isDatabaseUp,
    droppedLogLines: () => 3,
    connections,
    fleet: () => fleet,
  });
  const before = await samples(metrics);
  assert.equal(before.get('tokligence_queue_depth{level="4",provider="gpus"}'), 8);
  assert.equal(before.get('tokligence_seats{provider="gpus"}'), 8);
  assert.equal(before.get('tokligence_seats_in_use{provider="gpus"}'), 3);
  assert.equal(before.get('tokligence_database_up'), 1);
  assert.equal(before.has('tokligence_mapping_snapshot_mappings'), false);
  assert.equal(before.get('tokligence_connection_addresses'), 5);
  assert.deepEqual([before.get('tokligence_connections'), before.get('tokligence_connections_limit')], [12, 100]);
  const turnedAway = ['yielded', 'yielded_of_address', 'refused', 'refused_of_address'].map(outcome =>
    before.get(`tokligence_connections_turned_away_total{outcome="${outcome}"}`),
  );
  assert.deepEqual(turnedAway, [3, 1, 0, 2]);
  assert.equal(before.has('tokligence_fleet_members'), false);
  snapshot = { mappings: 8, ageMs: 1500 };
  fleet = { members: 3, isConductor: true, epoch: 1_234_567, rttMs: null };
  isDatabaseUp = false;
  const after = await samples(metrics);
  assert.equal(after.get('tokligence_mapping_snapshot_mappings'), 8);
  assert.equal(after.get('tokligence_mapping_snapshot_age_seconds'), 1.5);
  assert.equal(after.get('tokligence_database_up'), 0);
  const ofFleet = ['members', 'conductor', 'epoch'].map(name => after.get(`tokligence_fleet_${name}`));
  assert.deepEqual(ofFleet, [3, 1, 1_234_567]);
  assert.equal(after.has('tokligence_fleet_link_rtt_seconds'), false);
  fleet = { ...fleet, isConductor: false, rttMs: 1.5 };
  assert.equal((await samples(metrics)).get('tokligence_fleet_link_rtt_seconds'), 0.0015);
});

test('the only labels are level, outcome, provider and bucket bounds, and every line can be parsed', async () => {
  const metrics = createMetrics();
  metrics.watch({
    pools: () => [pool],
    seatsWanted: () => [],
    shares: () => [],
    snapshot: () => ({ mappings: 8, ageMs: 1 }),
    isDatabaseUp: () => true,
    droppedLogLines: () => 0,
    connections,
    fleet: () => ({ members: 2, isConductor: false, epoch: 7, rttMs: 1 }),
  });
  metrics.keyRefused('too_many_invalid_keys');
  metrics.requestEnded(endedRequest);
  metrics.requestEnded({ ...endedRequest, level: null, provider: null });
  const rendered = await metrics.render();
  assert.deepEqual(metricFaults(rendered), []);
  assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
  assert.ok(!rendered.includes('a-model') && rendered.includes('\nprocess_cpu_seconds_total '));
  for (const line of rendered.split('\n').filter(line => line !== '' && !line.startsWith('#'))) {
    const labels = /^[a-z_0-9]+(?:\{(.*)\})? (?:[0-9.e+-]+|Nan)$/.exec(line)?.[1];
    assert.match(line, /^[a-z_0-9]+(\{.*\})? \S+$/);
    for (const [, label] of (labels ?? '').matchAll(/(\w+)="/g)) {
      assert.ok(['level', 'outcome', 'provider', 'le'].includes(label ?? ''), line);
    }
  }
});

test('the rules for names find each kind of fault that promtool finds', () => {
  const metric = (name: string, type: string, labels = '') =>
    `# HELP ${name} Some text.\n# TYPE ${name} ${type}\n${name}${labels} 1\n`;
  const faulty: [string, RegExp][] = [
    ['# TYPE a_total counter\na_total 1\n', /no help text/],
    [metric('a', 'counter'), /should end in _total/],
    [metric('a_total', 'gauge'), /only a counter/],
    [metric('a_count', 'gauge'), /only a histogram has _bucket/],
    [metric('a', 'gauge', '{le="1"}'), /label le/],
    [metric('a', 'gauge', '{quantile="1"}'), /label quantile/],
    [metric('a_gauge', 'gauge'), /the type stands in the name/],
    [metric('a:b', 'gauge'), /colon/],
    [metric('aB', 'gauge'), /snake_case/],
    [metric('a_ms', 'gauge'), /abbreviated/],
    [metric('a_milliseconds', 'gauge'), /no base unit/],
    [metric('a_minutes', 'gauge'), /no base unit/],
  ];
  for (const [scrape, fault] of faulty) {
    const found = metricFaults(scrape);
    assert.equal(found.length, 1, `${scrape}: ${found}`);
    assert.match(found[0] ?? '', fault);
  }
  const histogram = '# HELP a_seconds X.\n# TYPE a_seconds histogram\na_seconds_bucket{le="1"} 1\na_seconds_sum 1\n';
  assert.deepEqual(metricFaults(`${histogram}${metric('c_total', 'counter')}`), []);
});
