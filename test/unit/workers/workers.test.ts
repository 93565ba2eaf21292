// The parts of a parent of several workers, each by itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadConfig } from '../../../src/config/config-loader.ts';
import { fromPipe, toPipe } from '../../../src/telemetry/log/piped.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { GatheredMetrics } from '../../../src/workers/gathered-metrics.ts';
import { eachLine, relayRecords } from '../../../src/workers/log-pipe.ts';
import { readDownward, readUpward } from '../../../src/workers/messages.ts';
import { Questions } from '../../../src/workers/questions.ts';
import { RestartDelay } from '../../../src/workers/restart-delay.ts';
import { shareOf } from '../../../src/workers/share.ts';
import { SharedStreams } from '../../../src/workers/shared-streams.ts';
import type { WorkerProcess } from '../../../src/workers/worker-process.ts';

/** What is kept of a worker is kept by its identity. */
const someWorker = (): WorkerProcess => ({}) as WorkerProcess;

test('a worker that ends soon waits longer each time, up to ten seconds, and no longer once it has lived', () => {
  const delay = new RestartDelay();
  const delays = Array.from({ length: 7 }, () => delay.after(100));
  assert.deepEqual(delays, [0, 500, 1_000, 2_000, 4_000, 8_000, 10_000]);
  assert.equal(delay.after(59_999), 10_000);
  assert.equal(delay.after(60_000), 0);
  assert.equal(delay.after(0), 500);
});

test('whatever the pieces are in which output comes, its lines are the same', async () => {
  const pieces = fc.array(fc.stringMatching(/^[aé😀\n]{0,8}$/u), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.array(fc.nat(200)), async (texts, cuts) => {
      const bytes = Buffer.from(texts.join(''));
      const output = new PassThrough();
      const lines: string[] = [];
      eachLine(output, line => lines.push(line));
      const places = [0, ...cuts.map(cut => Math.min(cut, bytes.length)), bytes.length].sort((a, b) => a - b);
      for (const [at, place] of places.entries()) output.write(bytes.subarray(places[at - 1] ?? 0, place));
      const ended = new Promise(resolve => output.once('end', resolve));
      output.end();
      await ended;
      const expected = bytes.toString().split('\n');
      if (expected.at(-1) === '') expected.pop();
      assert.deepEqual(lines, expected);
    }),
  );
});

test('output without line breaks is not collected for ever', async () => {
  const output = new PassThrough();
  const lines: string[] = [];
  eachLine(output, line => lines.push(line));
  for (let piece = 0; piece < 40; piece++) {
    output.write(Buffer.alloc(64 * 1024, 'x'));
    await new Promise(resolve => setImmediate(resolve));
  }
  assert.ok(lines.length >= 2 && lines.every(line => line.length <= 1024 * 1024 + 64 * 1024));
});

test('a record is one line on its way, whatever line breaks are in it', () => {
  for (const kind of ['important', 'ordinary', 'request'] as const) {
    const record = '[ERROR] no\n  Error: no\n    at here';
    const line = toPipe(record, kind);
    assert.ok(!line.includes('\n'));
    assert.deepEqual(fromPipe(line), { record, kind });
  }
  assert.deepEqual(fromPipe('of a library'), { record: 'of a library', kind: 'ordinary' });
  assert.deepEqual(fromPipe(''), { record: '', kind: 'ordinary' });
});

test('a record that a worker did not write to its end, as one that is killed, is left out, and the log says so', async () => {
  const output = new PassThrough();
  const seen: string[] = [];
  const requests = {
    format: 'json',
    isWritten: true,
    append: (line: string) => void seen.push(`request ${line}`),
  } as const;
  relayRecords(output, 2, {
    requests,
    append: line => void seen.push(line),
    log: (level, text, fields) => void seen.push(`${level} ${text} ${fields?.worker}`),
  });
  output.write('={"a":1}\n.one\nof a library\n={"b":');
  output.end();
  await once(output, 'end');
  assert.deepEqual(seen, [
    'request {"a":1}',
    'one',
    'of a library',
    'warn Log: a line that the worker did not write to its end is left out 2',
  ]);
});

test('every line of a worker has its number, and its importance goes with it', () => {
  const lines: string[] = [];
  for (const format of ['json', 'pretty'] as const) {
    const config = { level: 'info', format, file: null, accessFile: null, accessSample: {} } as const;
    const logger = createLogger(config, text => lines.push(...text.trimEnd().split('\n')), {
      gateway: 'gw/2',
      worker: 2,
    });
    logger.log('info', 'one');
    logger.error('two', new Error('why'));
    logger.flush();
  }
  const records = lines.map(fromPipe);
  assert.deepEqual(
    records.map(({ kind }) => kind),
    ['ordinary', 'important', 'ordinary', 'important'],
  );
  const [one] = records.map(({ record }) => record);
  assert.equal(JSON.parse(one ?? '').worker, 2);
  assert.equal(records[2]?.record, '[INFO] one gateway=gw/2 worker=2');
  assert.match(records[3]?.record ?? '', /^\[ERROR\] two gateway=gw\/2 worker=2\n {2}Error: why\n/);
});

test('streams of a key are counted over workers, and those of one that has ended are free', () => {
  const streams = new SharedStreams(3);
  const [one, two] = [someWorker(), someWorker()];
  assert.deepEqual([streams.enter(one, 7), streams.enter(two, 7), streams.enter(two, 7)], [null, null, null]);
  assert.equal(streams.enter(one, 7), 3);
  assert.equal(streams.enter(one, 8), null, 'another key');
  streams.leave(one, 7);
  assert.equal(streams.enter(one, 7), null);
  streams.ended(two);
  assert.deepEqual([streams.enter(one, 7), streams.enter(one, 7), streams.enter(one, 7)], [null, null, 3]);
});

const valueIn = (text: string, name: string): number =>
  Number(new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);

test('counts of workers are added, those that have ended included; gauges by their meaning', async () => {
  const gathered = new GatheredMetrics();
  const watchedOf = (age: number, up: boolean) => ({
    pools: () => [],
    seatsWanted: () => [],
    shares: () => [],
    snapshot: () => ({ mappings: 3, ageMs: age }),
    isDatabaseUp: () => up,
    droppedLogLines: () => 1,
    connections: () => ({ open: 5, addresses: 2, most: 10, yielded: none, refused: none }),
    fleet: () => ({ members: 2, isConductor: up, epoch: 9, rttMs: up ? null : age }),
  });
  const none = { all: 0, address: 0 };
  const [one, two] = [someWorker(), someWorker()];
  const [ofOne, ofTwo] = [createMetrics(), createMetrics()];
  ofOne.watch(watchedOf(1_000, true));
  ofTwo.watch(watchedOf(2_000, false));
  for (const metrics of [ofOne, ofTwo, ofTwo]) metrics.keyRefused('invalid_api_key');
  gathered.said(one, await ofOne.readAll());
  gathered.said(two, await ofTwo.readAll());
  const refused = 'tokligence_refused_keys_total{outcome="invalid_api_key"}';
  const both = await gathered.render([]);
  const values = (text: string, names: readonly string[]) => names.map(name => valueIn(text, name));
  const gauges = [
    'tokligence_connections',
    'tokligence_connections_limit',
    'tokligence_connection_addresses',
    'tokligence_mapping_snapshot_mappings',
    'tokligence_mapping_snapshot_age_seconds',
    'tokligence_database_up',
    'tokligence_fleet_members',
    'tokligence_fleet_conductor',
    'tokligence_fleet_epoch',
  ];
  assert.deepEqual(values(both, gauges), [10, 20, 2, 3, 2, 0, 2, 1, 9]);
  assert.equal(valueIn(both, refused), 3);
  assert.ok(valueIn(both, 'process_start_time_seconds') > 0);

  ofTwo.keyRefused('invalid_api_key');
  gathered.said(two, await ofTwo.readCounts());
  await gathered.ended(two);
  const left = await gathered.render([]);
  assert.equal(valueIn(left, refused), 4);
  assert.equal(valueIn(left, 'tokligence_log_lines_dropped_total'), 2);
  assert.deepEqual(values(left, gauges), [5, 10, 2, 3, 1, 1, 2, 1, 9]);
});

test('no count goes back, in whatever order workers count, tell, end and are asked', async () => {
  const act = fc.record({ worker: fc.nat(2), what: fc.constantFrom('count', 'tell', 'end', 'ask') });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), async acts => {
      const gathered = new GatheredMetrics();
      const workers = Array.from({ length: 3 }, () => ({ is: someWorker(), metrics: createMetrics() }));
      let shown = 0;
      for (const { worker, what } of acts) {
        const one = workers[worker];
        if (one === undefined) return;
        if (what === 'count') one.metrics.keyRefused('invalid_api_key');
        if (what === 'tell') gathered.said(one.is, await one.metrics.readCounts());
        if (what === 'end') {
          const ending = gathered.ended(one.is);
          workers[worker] = { is: someWorker(), metrics: createMetrics() };
          if (acts.length % 2 === 0) await ending;
        }
        if (what !== 'ask') continue;
        gathered.said(one.is, await one.metrics.readAll());
        const now = valueIn(await gathered.render([]), 'tokligence_refused_keys_total{outcome="invalid_api_key"}') || 0;
        assert.ok(now >= shown, `${now} after ${shown}`);
        shown = now;
      }
    }),
    { numRuns: 20 },
  );
});

test('a question is answered by its number, and with null once the other process has ended', async () => {
  const questions = new Questions<{ id: number; text: string }>();
  const ids: number[] = [];
  const [one, two, three] = [0, 1, 2].map(() => questions.ask(id => ids.push(id)));
  questions.answered({ id: ids[1] ?? -1, text: 'second' });
  questions.answered({ id: 99, text: 'nobody asked' });
  assert.equal((await two)?.text, 'second');
  questions.end();
  assert.deepEqual(await Promise.all([one, three, questions.ask(() => assert.fail())]), [null, null, null]);
});

const provider = '[provider.local]\ntype = loopback\n';
const team = (gateway: string, cluster = '') =>
  loadConfig({
    file: null,
    text: `[gateway]\nedition = team\n${gateway}\n[cluster]\n${cluster}\n${provider}`,
    env: {},
    isTerminal: false,
  });

test('a worker has a name and a port for its fleet of its own, and its part of what is limited', () => {
  const gateway = 'workers = 3\nmax_connections = 11\nmax_connections_per_address = 2';
  const { config } = team(gateway, 'listen = 127.0.0.1:9000\nadvertise = 10.0.0.5');
  assert.equal(config.cluster.enabled, true, 'workers are a fleet');
  const shares = [1, 2, 3].map(number => shareOf(config, { number, name: 'gw', port: 8081 }));
  assert.deepEqual(
    shares.map(({ gateway: { name, maxConnections, maxConnectionsPerAddress } }) => [
      name,
      maxConnections,
      maxConnectionsPerAddress,
    ]),
    [
      ['gw/1', 4, 1],
      ['gw/2', 4, 1],
      ['gw/3', 3, 1],
    ],
  );
  assert.deepEqual(
    shares.map(({ cluster }) => [cluster.listen?.port, cluster.advertise?.port]),
    [
      [9000, null],
      [9001, null],
      [9002, null],
    ],
  );
  assert.ok(shares.every(({ log }) => log.file === null));
});

test('a message between the processes of a gateway that lacks something, or is out of its bounds, is refused by its field', () => {
  const good = [
    { t: 'listening', url: 'http://127.0.0.1:1' },
    { t: 'failed', code: 2, message: 'why' },
    { t: 'tell', id: 0, change: { of: 'session', hash: 'h' } },
    { t: 'tell', id: 0, change: { of: 'pools' } },
    { t: 'enter', id: 1, key: 5 },
    { t: 'counts', readings: [{ name: 'n', help: '', type: 'counter', values: [] }] },
  ];
  for (const message of good) assert.deepEqual(readUpward(message), message);
  const bad: [object, RegExp][] = [
    [{ t: 'listening' }, /listening\.url/],
    [{ t: 'listening', url: 'x'.repeat(513) }, /listening\.url/],
    [{ t: 'failed', code: 3, message: '' }, /failed\.code/],
    [{ t: 'tell', id: 0, change: { of: 'nothing' } }, /tell\.change/],
    [{ t: 'tell', id: 0, change: { of: 'key' } }, /tell\.change/],
    [{ t: 'enter', id: -1, key: 5 }, /enter\.id/],
    [{ t: 'counts', readings: 'many' }, /counts\.readings/],
    [{}, /without its kind/],
  ];
  for (const [message, field] of bad) assert.throws(() => readUpward(message), field, JSON.stringify(message));
  assert.throws(() => readDownward({ t: 'entered', id: 0, underWay: 'few' }), /entered\.underWay/);
  assert.equal(readUpward({ t: 'of a version to come' }), null);
});
