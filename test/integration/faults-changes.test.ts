// Changes while requests wait or run: of the wall clock, the rules, their own tenant.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { adminKey, startGateway } from '../support/gateway.ts';
import { assertAllSeats, assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const hourMs = 3_600_000;

test('a wall clock that steps an hour either way neither shortens nor lengthens a wait', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const ini = poolIni(upstream, { seats: 1, sections: '[scheduler]\nqueue_timeout_sec = 2' });
  const gateway = await startGateway(t, { ini });
  const start = Date.now();
  for (const step of [hourMs, -hourMs]) {
    const before = upstream.requests.length;
    const held = gateway.chat(adminKey);
    await upstream.waitForRequests(before + 1);
    const sentAt = performance.now();
    const [served, expired] = [gateway.chat(adminKey, { priority: 0 }), gateway.chat(adminKey, { priority: 9 })];
    await until(async () => (await waitingIn(gateway)) === 2);
    t.mock.timers.enable({ apis: ['Date'], now: start + step });
    assert.equal(Math.round((Date.now() - start) / hourMs), step / hourMs);
    upstream.release(1);
    assert.equal((await held).status, 200);
    await upstream.waitForRequests(before + 2);
    const late = await expired;
    assert.equal(late.status, 503);
    assert.equal(((await late.json()) as any).error.code, 'queue_timeout');
    const waitedMs = Number(late.headers.get('x-tokligence-wait-time-ms'));
    assert.ok(waitedMs >= 2_000 && waitedMs <= performance.now() - sentAt, `waited ${waitedMs} ms`);
    upstream.release(1);
    assert.equal((await served).status, 200);
    t.mock.timers.reset();
  }
  await assertQuiet(gateway, upstream, 1);
  assert.deepEqual(
    gateway.log.filter(line => /"level":"(warn|error)"/.test(line)),
    [],
  );
});

test('a tenant whose mapping and key are deleted while its requests wait is served what it waits for, and no more', async t => {
  const { url: database } = await freshDatabase(t);
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, {
    database,
    ini: poolIni(upstream, { seats: 1 }),
    env: { TOKLIGENCE_API_KEY_PRIORITY_ENABLED: 'true' },
  });
  const key = await gateway.createKey('gone');
  const mapping = { pattern: 'tok_gone*', match_type: 'prefix', priority: 2, tenant_id: 'gone' };
  const { body: row } = await gateway.admin('POST', '/admin/api-key-priority/mappings', mapping);
  const held = gateway.chat(adminKey, { priority: 0 });
  await upstream.waitForActive(1);
  const queued = [gateway.chat(key), gateway.chat(key)];
  await until(async () => (await gateway.pool()).levels[2].waiting === 2);

  assert.equal((await gateway.admin('DELETE', `/admin/api-key-priority/mappings/${row.id}`)).status, 200);
  assert.equal((await gateway.pool()).levels[2].waiting, 2, 'they keep their place');
  const fallen = gateway.chat(key);
  await until(async () => (await gateway.pool()).levels[7].waiting === 1);
  const { body: keys } = await gateway.admin('GET', '/admin/api-keys?limit=1000');
  const id = keys.api_keys.find((one: any) => one.key_prefix === key.slice(0, 12)).id;
  assert.equal((await gateway.admin('DELETE', `/admin/api-keys/${id}`)).status, 200);
  assert.equal((await gateway.chat(key)).status, 401);

  upstream.open();
  for (const answer of [held, ...queued, fallen]) assert.equal((await answer).status, 200);
  assert.equal((await queued[0])?.headers.get('x-tokligence-priority'), '2');
  assert.equal((await fallen).headers.get('x-tokligence-priority'), '7');
  await assertQuiet(gateway, upstream, 1);
  await assertAllSeats(gateway, upstream, 1, adminKey);
});

test('weights that change under a backlog hold from the next grant on, and nobody is lost', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const sections = '[pool.main]\npolicy = wfq\nweights = 1,1,1,1,1,1,1,1,1,1';
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 1, sections }) });
  const held = gateway.chat(adminKey, { priority: 0 });
  await upstream.waitForRequests(1);
  const queued = Array.from({ length: 24 }, () => [
    gateway.chat(adminKey, { priority: 5, model: 'P5' }),
    gateway.chat(adminKey, { priority: 6, model: 'P6' }),
  ]).flat();
  await until(async () => (await waitingIn(gateway)) === queued.length);
  /** Returns the next `count` grants, as the upstream sees them. */
  const grants = async (count: number) => {
    const from = upstream.requests.length;
    for (let seen = from; seen < from + count; seen++) {
      upstream.release(1);
      await upstream.waitForRequests(seen + 1);
    }
    const seen = upstream.requests.slice(from).map(({ body }) => JSON.parse(body.toString()).model);
    return seen.filter(model => model === 'P5').length;
  };
  assert.equal(await grants(12), 6);
  const weights = [1, 1, 1, 1, 1, 3, 1, 1, 1, 1];
  assert.equal((await gateway.admin('PUT', '/admin/scheduler/pools/main', { weights })).status, 200);
  const ofP5 = await grants(16);
  assert.ok(ofP5 >= 11 && ofP5 <= 13, `${ofP5} of 16 at 3 to 1`);
  upstream.open();
  for (const answer of [held, ...queued]) assert.equal((await answer).status, 200);
  assert.equal(upstream.requests.length, 1 + queued.length);
  await assertQuiet(gateway, upstream, 1);
});

test('seats that fall below what is in flight are given out again only when fewer are taken', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  const gateway = await startGateway(t, { ini: poolIni(upstream, { seats: 6 }) });
  const running = Array.from({ length: 6 }, () => gateway.chat(adminKey));
  await upstream.waitForRequests(6);
  const queued = Array.from({ length: 6 }, () => gateway.chat(adminKey));
  await until(async () => (await waitingIn(gateway)) === 6);
  gateway.reload(poolIni(upstream, { seats: 2 }));
  const { seats, in_use } = await gateway.pool();
  assert.deepEqual([seats, in_use], [2, 6], 'who runs keeps its seat');
  upstream.release(4);
  await upstream.waitForEnded(4);
  await until(async () => (await gateway.pool()).in_use === 2);
  assert.deepEqual([await waitingIn(gateway), upstream.requests.length], [6, 6], 'and two are left that run');
  for (let begun = 7; begun <= 12; begun++) {
    upstream.release(1);
    await upstream.waitForRequests(begun);
    assert.equal(upstream.active, 2);
  }
  upstream.open();
  for (const answer of [...running, ...queued]) assert.equal((await answer).status, 200);

  gateway.reload(poolIni(upstream, { seats: 4 }));
  await assertQuiet(gateway, upstream, 6);
  await assertAllSeats(gateway, upstream, 4, adminKey);
});
