/** The series of tenants: whose they are, and that none of them goes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Outcome } from '../../../src/domain/outcome.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { noCounts } from '../../../src/telemetry/tenants/tenant-counts.ts';
import { TenantLedger } from '../../../src/telemetry/tenants/tenant-ledger.ts';
import { type CountedTenant, TenantTally } from '../../../src/telemetry/tenants/tenant-tally.ts';
import { endedRequest } from '../../support/ended-request.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const minuteMs = 60_000;

/** The value of each series of tenants, by its labels. */
function seriesIn(text: string, name: string): Map<string, number> {
  const lines = text.split('\n').filter(line => line.startsWith(`${name}{`));
  return new Map(lines.map(line => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

function arrange(tenants: number) {
  const clock = new ManualClock();
  const metrics = createMetrics({ tenants, clock, isOneOfSeveral: false });
  const end = (flowId: string | null, times = 1, fields: Partial<Outcome> = {}) => {
    for (let i = 0; i < times; i++) metrics.requestEnded({ ...endedRequest, flowId, ...fields });
  };
  const requests = async () => {
    const series = seriesIn(await metrics.render(), 'tokligence_tenant_requests_total');
    return Object.fromEntries(
      Array.from(series, ([labels, value]) => [/tenant="((?:[^"\\]|\\.)*)"/.exec(labels)?.[1] ?? '', value]),
    );
  };
  return { clock, metrics, end, requests };
}

test('without a number of tenants none is named', async () => {
  const { metrics, end } = arrange(0);
  end('dept-prod');
  assert.doesNotMatch(await metrics.render(), /tenant/);
});

test('requests, tokens and waits are counted by tenant; what ended before its tenant was known is nobody’s', async () => {
  const { metrics, end } = arrange(2);
  end('dept-prod', 2, { waitMs: 300 });
  end('dept-prod', 1, { outcome: 'queue_full', isGranted: false, usage: null });
  end('ext-free', 1, { waitMs: 90_000 });
  end(null);
  const text = await metrics.render();
  assert.deepEqual(
    [...seriesIn(text, 'tokligence_tenant_requests_total')],
    [
      ['{tenant="dept-prod",outcome="served"}', 2],
      ['{tenant="dept-prod",outcome="queue_full"}', 1],
      ['{tenant="ext-free",outcome="served"}', 1],
    ],
  );
  assert.equal(seriesIn(text, 'tokligence_tenant_input_tokens_total').get('{tenant="dept-prod"}'), 200);
  assert.equal(seriesIn(text, 'tokligence_tenant_output_tokens_total').get('{tenant="dept-prod"}'), 40);
  const waits = seriesIn(text, 'tokligence_tenant_queue_wait_seconds_bucket');
  const of = (tenant: string, le: string) => waits.get(`{le="${le}",tenant="${tenant}"}`);
  assert.deepEqual([of('dept-prod', '0.1'), of('dept-prod', '1'), of('dept-prod', '+Inf')], [0, 2, 2]);
  assert.deepEqual([of('ext-free', '60'), of('ext-free', '+Inf')], [0, 1]);
  assert.equal(seriesIn(text, 'tokligence_tenant_queue_wait_seconds_sum').get('{tenant="dept-prod"}'), 0.6);
});

test('a tenant that becomes busier takes the place of the least busy one after a minute, and no series goes back', async () => {
  const { clock, end, requests } = arrange(2);
  end('a', 9);
  end('b', 3);
  end('c', 1);
  assert.deepEqual(await requests(), { a: 9, b: 3, other: 1 });
  end('c', 20);
  assert.deepEqual(await requests(), { a: 9, b: 3, other: 21 }, 'not at once');
  clock.advance(minuteMs);
  end('b');
  end('c');
  assert.deepEqual(await requests(), { a: 9, c: 1, other: 22 }, 'c from now on, and b is one of the others');
  clock.advance(minuteMs);
  end('b', 90);
  assert.deepEqual(await requests(), { b: 93, c: 1, other: 22 }, 'b goes on from where it was');
});

test('tenants of about the same business do not take turns', async () => {
  const { clock, end, requests } = arrange(1);
  end('a', 10);
  await requests();
  for (let i = 0; i < 20; i++) {
    clock.advance(minuteMs);
    end('a', 10);
    end('b', 12);
    assert.deepEqual(Object.keys(await requests()).toSorted(), ['a', 'other']);
  }
});

test('what a row calls its tenant cannot break a line, name a key or pass for the others', async () => {
  const { end, requests } = arrange(9);
  end('other', 5);
  end('a"b\\c\nd');
  end(`tok_${'k'.repeat(30)}`);
  end('x'.repeat(500));
  assert.deepEqual(await requests(), {
    other: 5,
    'a\\"b\\\\cd': 1,
    'tok_kkkk...': 1,
    [`${'x'.repeat(128)}...`]: 1,
  });
});

test('more tenants than are told apart until a scrape count as others, and are not kept', () => {
  const tally = new TenantTally();
  for (let i = 0; i < 10_000; i++) tally.add({ ...endedRequest, flowId: `tenant-${i}` });
  const taken = tally.take();
  assert.equal(taken.length, 4097);
  const others = taken.find(({ tenant }) => tenant === 'other');
  assert.equal(others?.counts.requests.get('served'), 10_000 - 4096);
  assert.deepEqual(tally.take(), []);
});

test('a ledger remembers a bounded number of tenants, and finds room for new ones', () => {
  const clock = new ManualClock();
  const ledger = new TenantLedger(1, clock);
  const told = (name: string, count: number): CountedTenant[] =>
    Array.from({ length: count }, (_, i) => counted(`${name}-${i}`, 1));
  ledger.absorb(told('old', 5000));
  clock.advance(minuteMs);
  ledger.absorb([]);
  clock.advance(minuteMs);
  ledger.absorb([counted('new', 100)]);
  assert.deepEqual(
    ledger.all().map(({ tenant, counts }) => [tenant, counts.requests.get('served')]),
    [
      ['new', 100],
      ['other', 4999],
    ],
  );
});

const counted = (tenant: string, count: number): CountedTenant => ({
  tenant,
  counts: { ...noCounts(), requests: new Map([['served', count]]), business: count },
});

const anyStep = fc.record({
  told: fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.integer({ min: 1, max: 50 })), {
    maxLength: 6,
  }),
  passesMs: fc.constantFrom(0, 1_000, minuteMs, 20 * minuteMs),
});

test('whoever is shown when: no series goes back, and all of them together grow by what was told', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(anyStep, { maxLength: 40 }), (most, steps) => {
      const clock = new ManualClock();
      const ledger = new TenantLedger(most, clock);
      const last = new Map<string, number>();
      for (const { told, passesMs } of steps) {
        clock.advance(passesMs);
        ledger.absorb(told.map(([tenant, count]) => counted(tenant, count)));
        const shown = ledger.all();
        assert.ok(shown.length <= most + 1);
        let grown = 0;
        for (const { tenant, counts } of shown) {
          const value = counts.requests.get('served') ?? 0;
          const before = last.get(tenant) ?? 0;
          assert.ok(value >= before, `${tenant} went back from ${before} to ${value}`);
          grown += value - before;
          last.set(tenant, value);
        }
        assert.equal(
          grown,
          told.reduce((sum, [, count]) => sum + count, 0),
        );
      }
    }),
  );
});

test('shares are those of the busiest tenants of a pool, and of all others of a level together', async () => {
  const metrics = createMetrics({ tenants: 1, clock: new ManualClock(), isOneOfSeveral: true });
  const share = (flowId: string, level: 2 | 3, served: number, business: number) => ({
    ...{ flowId, level, servedShare: served, entitledShare: 1 / 3, business },
  });
  metrics.watch({
    pools: () => [],
    seatsWanted: () => [{ pool: 'gpus', levels: [4, 0, 0, 0, 0, 0, 0, 0, 0, 1] }],
    shares: () => [
      {
        pool: 'gpus',
        shares: [share('a', 2, 0.5, 5), share('b', 2, 0.25, 4), share('c', 2, 0.25, 1), share('b', 3, 1, 3)],
      },
    ],
    snapshot: () => null,
    isDatabaseUp: () => true,
    droppedLogLines: () => 0,
    connections: () => ({
      open: 0,
      addresses: 0,
      most: 1,
      yielded: { all: 0, address: 0 },
      refused: { all: 0, address: 0 },
    }),
    fleet: () => null,
  });
  metrics.requestEnded(endedRequest);
  const text = await metrics.render();
  assert.deepEqual(
    [...seriesIn(text, 'tokligence_tenant_served_share')],
    [
      ['{tenant="other",pool="gpus",level="2"}', 0.75],
      ['{tenant="b",pool="gpus",level="2"}', 0.25],
      ['{tenant="b",pool="gpus",level="3"}', 1],
    ],
  );
  assert.equal(seriesIn(text, 'tokligence_tenant_entitled_share').get('{tenant="b",pool="gpus",level="2"}'), 1 / 3);
  assert.equal(seriesIn(text, 'tokligence_seats_wanted').get('{pool="gpus",level="0"}'), 4);
  assert.equal(seriesIn(text, 'tokligence_tenant_requests_total').size, 0, 'its parent has them');
  assert.equal(metrics.takeTenants().length, 1);
});
