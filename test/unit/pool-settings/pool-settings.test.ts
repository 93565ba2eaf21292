import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { PoolConfig } from '../../../src/config/config.ts';
import { ConfigFaults, loadConfig } from '../../../src/config/config-loader.ts';
import { poolKeys } from '../../../src/config/keys.ts';
import { poolFaults, spelled } from '../../../src/config/pools/pool-rules.ts';
import {
  allPoolKeys,
  type EffectivePool,
  effectivePool,
  type StoredValue,
} from '../../../src/pool-settings/effective-pool.ts';
import { LivePools, type LivePoolsParts } from '../../../src/pool-settings/live-pools.ts';
import { shownPool, shownValue } from '../../../src/pool-settings/shown-pool.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const configOf = (sections = '', seats = 4) => {
  const text = `[provider.main]\ntype = loopback\nmax_concurrent = ${seats}\n${sections}`;
  return loadConfig({ file: null, text, env: {}, isTerminal: false }).config;
};
const poolOf = (sections = '', seats = 4): PoolConfig => configOf(sections, seats).pools[0] ?? assert.fail();
const list = (first: number, others: number) => [first, ...Array<number>(9).fill(others)].join();

/** Rows as written by hand: valid ones, ones that fit only some others, and nonsense. */
const row = fc.oneof(
  fc.record({ key: fc.constantFrom(...allPoolKeys), value: fc.string() }),
  fc.record({ key: fc.string(), value: fc.string() }),
  fc.constantFrom(
    { key: 'policy', value: 'strict' },
    { key: 'max_concurrent', value: '2' },
    { key: 'max_concurrent', value: '1' },
    { key: 'reserved', value: list(3, 0) },
    { key: 'reserved', value: list(0, 1) },
    { key: 'cap', value: list(2, 4) },
    { key: 'cap', value: list(5, 4) },
    { key: 'requests_per_sec', value: '10' },
    { key: 'request_burst', value: '5' },
    { key: 'token_burst', value: '5' },
    { key: 'queue_timeout_sec', value: '1.5' },
    { key: 'weights', value: list(0, 1) },
  ),
);
const rows = fc.uniqueArray(row, { selector: ({ key }) => key, maxLength: 8 });

test('whatever rows are written one after the other, the effective settings are consistent', () => {
  const configured = poolOf(`[pool.main]\nreserved = ${list(1, 0)}\ncap = ${list(3, 4)}\n`);
  fc.assert(
    fc.property(fc.array(rows, { maxLength: 6 }), steps => {
      let before: EffectivePool | null = null;
      for (const stored of steps) {
        const now: EffectivePool = effectivePool(configured, stored, before);
        assert.deepEqual(poolFaults(configured.settings.seats, now.values), []);
        assert.equal(now.settings.seats, Math.min(4, now.values.max_concurrent.value ?? 4));
        before = now;
      }
    }),
  );
});

test('rows without a fault are in effect as they stand, and nothing else is', () => {
  const configured = poolOf();
  fc.assert(
    fc.property(rows, stored => {
      const { values, fault } = effectivePool(configured, stored, null);
      const given = new Map(stored.filter(({ value }) => value.trim() !== '').map(({ key, value }) => [key, value]));
      for (const key of allPoolKeys) {
        const text = given.get(key)?.trim();
        if (text === undefined) assert.deepEqual(values[key], configured.values[key]);
        else if (fault === null)
          assert.deepEqual(values[key], { value: poolKeys[key].parse(text), source: 'database' });
      }
    }),
  );
});

test('shown values can be written back: each one has the units of its key', () => {
  const pool = poolOf(
    `[pool.main]\nqueue_drain_sec = 0.001\nqueue_timeout_sec = 0.333\nmax_queued_mb = 7\ncap = ${list(1, 2)}\nweights = ${list(0.125, 3)}\n`,
  );
  for (const key of allPoolKeys) {
    const shown = shownValue(key, pool.values);
    if (shown !== null) assert.deepEqual(poolKeys[key].parse(spelled(shown)), pool.values[key].value, key);
  }
  const { queue_drain_sec, queue_timeout_sec, max_queued_mb } = shownPool({ ...pool, fault: null });
  assert.deepEqual([queue_drain_sec, queue_timeout_sec, max_queued_mb], [0.001, Array(10).fill(0.333), 7]);
});

test('at the start rows that do not fit together fall back alone, the others act', () => {
  const stored = [
    { key: 'reserved', value: list(4, 0) },
    { key: 'token_burst', value: '9' },
    { key: 'policy', value: 'wfq' },
  ];
  const { values, fault } = effectivePool(poolOf(), stored, null);
  assert.deepEqual(
    [values.reserved.source, values.token_burst.source, values.policy.source],
    ['default', 'default', 'database'],
  );
  assert.match(fault ?? '', /^reserved adds up to 4.*; token_burst needs tokens_per_sec beside it$/);
});

/** Live pools over rows in memory, which can be made to fail. */
function arrange(t: TestContext, sections = '') {
  const clock = new ManualClock();
  const told: string[] = [];
  const applied: string[] = [];
  const state: { rows: Map<string, StoredValue[]>; error: Error | null; readError: Error | null; reads: number } = {
    rows: new Map(),
    error: null,
    readError: null,
    reads: 0,
  };
  const store: LivePoolsParts['store'] = {
    async readAll() {
      state.reads++;
      const error = state.error ?? state.readError;
      if (error) throw error;
      return new Map(state.rows);
    },
    async readSchedules() {
      return new Map();
    },
    async write(pool, changes, { check }) {
      if (state.error) throw state.error;
      const before = state.rows.get(pool) ?? [];
      check(before);
      const kept = before.filter(({ key }) => !changes.some(change => change.key === key));
      const made = changes.flatMap(({ key, value }) => (value === null ? [] : [{ key, value }]));
      state.rows.set(pool, [...kept, ...made]);
    },
  };
  const pools = new LivePools({
    ...configOf(sections),
    store,
    clock,
    configure: (pool, { policy, seats }, tenants) => applied.push(`${pool} ${policy} ${seats} ${[...tenants.keys()]}`),
    events: {
      poolChanged: ({ pool, values }) => told.push(`${pool}: ${values}`),
      poolRowsFaulty: ({ pool, reason }) => told.push(`faulty ${pool}: ${reason}`),
      poolRowsUnread: error => told.push(`unread: ${(error as Error).message}`),
    },
  });
  t.after(() => pools.stop());
  return { pools, state, clock, told, applied };
}

const settled = () => new Promise(resolve => setImmediate(resolve));

test('rows that cannot be read at the start are tried again every second, and the log says so once', async t => {
  const { pools, state, clock, told, applied } = arrange(t);
  state.readError = new Error('away');
  state.rows.set('main', [{ key: 'policy', value: 'strict' }]);
  const started = pools.start();
  await settled();
  for (let second = 0; second < 3; second++) {
    clock.advance(1_000);
    await settled();
  }
  assert.deepEqual([state.reads, told], [4, ['unread: away']]);
  state.readError = null;
  clock.advance(1_000);
  await started;
  assert.deepEqual([told.at(-1), applied], ['main: policy=strict (database)', ['main strict 4 ']]);
  state.readError = new Error('away again');
  pools.changed();
  await settled();
  assert.equal(told.at(-1), 'unread: away again');
});

test('a stop ends the wait for the first rows, and no load is tried again', async t => {
  const { pools, state, clock } = arrange(t);
  state.readError = new Error('away');
  const started = pools.start();
  await settled();
  await pools.stop();
  await assert.rejects(started, { code: 'unavailable' });
  clock.advance(10_000);
  await settled();
  assert.deepEqual([state.reads, clock.pending], [1, 0]);
});

test('a change that is stored acts here, also when the database goes away before it is read back', async t => {
  const { pools, state, applied } = arrange(t);
  await pools.start();
  state.readError = new Error('away');
  const { policy, source } = await pools.put('main', { policy: 'wfq', reserved: null });
  assert.deepEqual([policy, source.policy], ['wfq', 'database']);
  assert.deepEqual(applied, ['main wfq 4 ']);
});

test('a database that is away is logged and changes nothing', async t => {
  const { pools, state, applied } = arrange(t);
  await pools.start();
  state.error = Object.assign(new Error('no route'), { code: 'ECONNREFUSED' });
  await assert.rejects(pools.put('main', { policy: 'wfq' }), { code: 'ECONNREFUSED' });
  assert.deepEqual([pools.find('main').policy, applied], ['hybrid', []]);
});

test('dispatchers are told of a change only if it has an effect', async t => {
  const { pools, state, applied } = arrange(t);
  await pools.start();
  await pools.put('main', { policy: 'hybrid' });
  assert.equal(pools.find('main').source.policy, 'database');
  state.rows.set('elsewhere', [{ key: 'policy', value: 'wfq' }]);
  pools.changed();
  await settled();
  pools.reconfigure(configOf());
  assert.deepEqual(applied, []);
  pools.reconfigure(configOf('[tenant.a]\n'));
  pools.reconfigure(configOf('[tenant.a]\n', 5));
  assert.deepEqual(applied, ['main hybrid 4 a', 'main hybrid 5 a']);
});

test('a file that contradicts the stored settings changes no pool and no tenant', async t => {
  const { pools, applied } = arrange(t);
  await pools.start();
  await pools.put('main', { reserved: [3, 0, 0, 0, 0, 0, 0, 0, 0, 0] });
  const before = [...applied];
  assert.throws(
    () => pools.reconfigure(configOf('[tenant.a]\n', 3)),
    (error: unknown) => {
      assert.ok(error instanceof ConfigFaults);
      assert.match(error.message, /\[pool\.main\] reserved: adds up to 3; must be fewer than the 3 seats .*stored/);
      return true;
    },
  );
  assert.deepEqual([applied, pools.find('main').seats], [before, 4]);
});

test('rows that did not fit act as soon as the file makes room for them', async t => {
  const { pools, state, told } = arrange(t);
  await pools.start();
  state.rows.set('main', [{ key: 'reserved', value: list(4, 0) }]);
  pools.changed();
  await settled();
  assert.match(told[0] ?? '', /^faulty main: reserved adds up to 4/);
  assert.equal(pools.find('main').source.reserved, 'default');
  pools.reconfigure(configOf('', 5));
  const { source, fault } = pools.find('main');
  assert.deepEqual([source.reserved, fault], ['database', null]);
});
