import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxToldApart } from '../../../src/scheduler/flows/service.ts';
import { arrangeDispatcher } from '../../support/arrange-dispatcher.ts';
import { perLevel, tenantRules } from '../../support/pool-settings.ts';

type Arranged = ReturnType<typeof arrangeDispatcher>;

const sharesOf = ({ desk }: Pick<Arranged, 'desk'>) =>
  Object.fromEntries(
    desk.view.live(() => null).tenants.map(share => [share.flow_id, [share.served_share, share.entitled_share]]),
  );

/** Serves one after another, each for this long. */
async function serve(pool: Arranged, running: ReturnType<Arranged['request']>[], count: number, ms: number) {
  for (let served = 0; served < count; served++) {
    pool.clock.advance(ms);
    const next = running.shift();
    assert.ok(next);
    next.end();
    await next.answer;
  }
}

test('tenants that always have requests are served their shares by weight', async () => {
  const pool = arrangeDispatcher({}, { tenants: tenantRules({ a: { weight: 3 } }) });
  const requests = new Map<string, ReturnType<Arranged['request']>>();
  for (const name of ['a', 'b']) {
    for (let at = 0; at < 60; at++) requests.set(`${name}${at}`, pool.request(`${name}${at}`, 3, { flowId: name }));
  }
  for (let served = 0; served < 40; served++) {
    const running = requests.get(pool.started.at(-1) ?? '');
    assert.ok(running);
    running.end();
    await running.answer;
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  }
  const { a, b } = sharesOf(pool);
  assert.deepEqual([a?.[1], b?.[1]], [0.75, 0.25]);
  assert.ok(Math.abs((a?.[0] ?? 0) - 0.75) < 0.03, String(a));
  assert.ok(Math.abs((a?.[0] ?? 0) + (b?.[0] ?? 0) - 1) < 1e-3);
});

test('of the pool: by level tenants share the level’s weight, by tenant each has it; strict levels are reported in words', () => {
  const poolShares = (fields: Parameters<typeof arrangeDispatcher>[0]) => {
    const pool = arrangeDispatcher({ seats: 4, ...fields }, { tenants: tenantRules({ c: { weight: 2 } }) });
    for (const [flowId, level] of [
      ['a', 0],
      ['b', 5],
      ['c', 5],
      ['d', 8],
    ] as const)
      pool.request(flowId, level, { flowId });
    const { tenants, share_by } = pool.desk.view.live(() => null);
    const shown = tenants.map(({ flow_id, pool_share, behind }) => [flow_id, [pool_share, behind]]);
    return { share_by, ...Object.fromEntries(shown) };
  };
  // Weights 5 and 2: P5 has 5/7 for b and c, or they have 5 and 10 of 17.
  assert.deepEqual(poolShares({}), {
    share_by: 'level',
    a: [null, []],
    b: [0.2381, [0]],
    c: [0.4762, [0]],
    d: [0.2857, [0]],
  });
  const byTenant = poolShares({ shareBy: 'tenant' });
  assert.deepEqual([byTenant.share_by, byTenant.b, byTenant.c], ['tenant', [0.2941, [0]], [0.5882, [0]]]);
  assert.deepEqual(poolShares({ policy: 'strict' }).d, [null, [0, 5]]);
  assert.deepEqual(poolShares({ policy: 'wfq', shareBy: 'tenant' }).a, [0.3704, []]);
});

test('a tenant alone in its level is entitled to all of it, whatever its weight', async () => {
  const pool = arrangeDispatcher({ seats: 2 }, { tenants: tenantRules({ a: { weight: 0.5 } }) });
  pool.request('of a', 3, { flowId: 'a' });
  pool.request('of b', 5, { flowId: 'b' });
  assert.deepEqual(sharesOf(pool), { a: [1, 1], b: [1, 1] });
});

test('a tenant that asks for less is served less than its share, and none of its requests wait', async () => {
  const pool = arrangeDispatcher({ seats: 2 });
  pool.request('much', 3, { flowId: 'a', cost: 900 });
  pool.request('little', 3, { flowId: 'b', cost: 100 });
  assert.deepEqual(sharesOf(pool), { a: [0.9, 0.5], b: [0.1, 0.5] });
  const { tenants } = pool.desk.view.live(() => null);
  assert.deepEqual(
    tenants.map(({ flow_id, waiting, running }) => [flow_id, waiting, running]),
    [
      ['a', 0, 1],
      ['b', 0, 1],
    ],
  );
});

test('actual usage counts, not the estimate', async () => {
  const pool = arrangeDispatcher({ seats: 2 });
  const one = pool.request('a', 3, { flowId: 'a', cost: 1000 });
  pool.request('b', 3, { flowId: 'b', cost: 100 });
  one.ticket.settle({ cost: 100, tokens: 10 });
  one.end();
  await one.answer;
  assert.deepEqual(sharesOf(pool), { a: [0.5, 0.5], b: [0.5, 0.5] });
});

test('correcting an estimate that is older than a minute never makes a share negative', async () => {
  const pool = arrangeDispatcher({ seats: 2 });
  const long = pool.request('long', 3, { flowId: 'a', cost: 1000 });
  for (let step = 0; step < 7; step++) {
    pool.clock.advance(10_000);
    pool.desk.view.endStep();
  }
  pool.request('b', 3, { flowId: 'b', cost: 100 });
  long.ticket.settle({ cost: 100, tokens: 10 });
  assert.deepEqual(sharesOf(pool).a?.[0], 0);
  assert.equal(sharesOf(pool).b?.[0], 1);
  long.end();
  await long.answer;
});

test('a tenant without requests in a step is entitled to nothing of it', async () => {
  const pool = arrangeDispatcher({ seats: 9 });
  const step = async (flows: string[]) => {
    const requests = flows.map(flowId => pool.request(flowId, 3, { flowId }));
    await serve(pool, requests, requests.length, 1);
    pool.clock.advance(10_000 - (pool.clock.now() % 10_000));
    pool.desk.view.endStep();
  };
  await step(['a']);
  await step(['a', 'b']);
  // Two of three requests are a's; it alone was entitled to the first step, and to half of the second.
  assert.deepEqual(sharesOf(pool), { a: [0.6667, 0.6667], b: [0.3333, 0.3333] });
});

test('after a minute without requests a tenant is not listed; a waiting one stays, with its share', async () => {
  const pool = arrangeDispatcher({ queueTimeoutMs: perLevel(600_000) });
  const blocker = pool.request('blocker', 3, { flowId: 'a' });
  const gone = pool.request('gone', 3, { flowId: 'b' });
  pool.request('waits', 3, { flowId: 'c' });
  gone.ticket.leave();
  await assert.rejects(gone.answer);
  const passSteps = (count: number) => {
    for (let step = 0; step < count; step++) {
      pool.clock.advance(10_000);
      pool.desk.view.endStep();
    }
  };
  passSteps(6);
  assert.deepEqual(Object.keys(sharesOf(pool)).sort(), ['a', 'b', 'c']);
  passSteps(1);
  // The charge of a's request at its start is more than a minute old.
  assert.deepEqual(sharesOf(pool), { a: [0, 0.5], c: [0, 0.5] });
  blocker.end();
  await blocker.answer;
});

test('fifty tenants are listed, busiest first, and the others counted; waiting and served requests both count', () => {
  const pool = arrangeDispatcher({ seats: 1 });
  for (let at = 0; at < 60; at++) pool.request(`r${at}`, 3, { flowId: `t${at}`, cost: at + 1 });
  const { tenants, tenants_left_out } = pool.desk.view.live(flowId => `Tenant ${flowId}`);
  assert.deepEqual([tenants.length, tenants_left_out], [50, 10]);
  assert.deepEqual([tenants[0]?.flow_id, tenants[0]?.tenant_name, tenants[0]?.waiting], ['t59', 'Tenant t59', 1]);
});

test('a bounded number of tenants is tracked; the others count together, so that shares stay correct and memory bounded', () => {
  const pool = arrangeDispatcher({ seats: 4 * maxToldApart });
  for (let at = 0; at < 2 * maxToldApart; at++) pool.request(`r${at}`, 3, { flowId: `t${at}` });
  const { tenants, tenants_left_out } = pool.desk.view.live(() => null);
  assert.equal(tenants.length + tenants_left_out, maxToldApart);
  assert.equal(tenants[0]?.served_share, Number((0.5 / maxToldApart).toFixed(4)));
});
