// Pools changed while they run: by the admin API, by SQL, by another gateway, by a reload of the file.
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { sqliteFile } from '../../src/db/sqlite/sqlite.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { assertQuiet, poolIni, waitingIn } from '../support/pool-of-one.ts';
import { freshDatabase, privateServer } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const url = '/admin/scheduler/pools';
const loopback = '[provider.main]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const ten = (value: number, first = value) => [first, ...Array<number>(9).fill(value)];

const main = async ({ admin }: TestGateway) => (await admin('GET', `${url}/main`)).body;
const put = async ({ admin }: TestGateway, patch: object) => {
  const { status, body } = await admin('PUT', `${url}/main`, patch);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
};
const logged = ({ log }: TestGateway, text: string) => log.filter(line => line.includes(text));
/** Lines are written in batches: waits for the first with this text, and returns all of them. */
const said = async (gateway: TestGateway, text: string) => {
  await until(() => logged(gateway, text).length > 0);
  return logged(gateway, text);
};
const runningIn = async (gateway: TestGateway, level: number) => (await gateway.pool()).levels[level].running;

/** A gateway on a database of its own, in front of an upstream that holds its requests. */
async function held(t: TestContext, seats: number, sections = '') {
  const upstream = await startFakeUpstream(t, { hold: true });
  const database = await freshDatabase(t);
  const ini = poolIni(upstream, { seats, sections });
  const gateway = await startGateway(t, { ini, database: database.url });
  return { upstream, database, gateway, ini, key: await gateway.createKey() };
}

const send = (gateway: TestGateway, key: string, count: number, priority: 0 | 5 | 9) =>
  Array.from({ length: count }, () => gateway.chat(key, { priority }));

test('a PUT acts from the next request on: caps, reserves, depth, policy', async t => {
  const { gateway, upstream, key } = await held(t, 3);
  await put(gateway, { reserved: ten(0, 1), max_queue_depth: ten(9, 0) });
  const low = send(gateway, key, 4, 9);
  await upstream.waitForActive(2);
  await until(async () => (await waitingIn(gateway)) === 2);
  const high = send(gateway, key, 1, 0);
  await upstream.waitForActive(3);
  assert.equal(await runningIn(gateway, 0), 1, 'the reserved seat was free for P0');

  const refused = await gateway.chat(key, { priority: 0 });
  assert.deepEqual([refused.status, ((await refused.json()) as any).error.code], [503, 'queue_full']);
  await put(gateway, { reserved: null, max_queue_depth: null, cap: [3, 3, 3, 3, 3, 3, 3, 3, 3, 2] });
  const waiting = send(gateway, key, 1, 0);
  await until(async () => (await waitingIn(gateway)) === 3);
  upstream.open();
  for (const answer of [...low, ...high, ...waiting]) assert.equal((await answer).status, 200);
  await assertQuiet(gateway, upstream, 3);
});

test('share_by changes either way while requests wait and run: no request is lost, and the log and the pool say so', async t => {
  const { gateway, upstream, database, key } = await held(t, 2);
  const answers = [...send(gateway, key, 4, 5), ...send(gateway, key, 4, 9), ...send(gateway, key, 2, 0)];
  await upstream.waitForActive(2);
  await until(async () => (await waitingIn(gateway)) === 8);
  assert.equal((await put(gateway, { share_by: 'tenant' })).share_by, 'tenant');
  await until(async () => (await said(gateway, 'share_by=tenant (database)')).length === 1);
  assert.equal(await waitingIn(gateway), 8);
  upstream.release(2);
  await until(async () => (await waitingIn(gateway)) === 6);
  await database.query(`UPDATE scheduler_pool_config SET value = 'level' WHERE key = 'share_by'`);
  await until(async () => (await main(gateway)).share_by === 'level');
  await database.query(`UPDATE scheduler_pool_config SET value = 'everybody' WHERE key = 'share_by'`);
  await until(async () => /share_by must be level or tenant, or empty/.test((await main(gateway)).fault ?? ''));
  assert.equal((await main(gateway)).share_by, 'level', 'the last good value');
  upstream.open();
  for (const answer of answers) assert.equal((await answer).status, 200);
  await assertQuiet(gateway, upstream, 2);
});

test('more seats are given out, and fewer taken back, by a change of a row: waiting requests start at once', async t => {
  const { gateway, upstream, database, key } = await held(t, 4);
  await database.query(`INSERT INTO scheduler_pool_config (pool, key, value)
    VALUES ('main', 'cap', '4,4,4,4,4,4,4,4,4,1')`);
  await until(async () => (await main(gateway)).source.cap === 'database');
  const answers = send(gateway, key, 4, 9);
  await until(async () => (await waitingIn(gateway)) === 3);
  await upstream.waitForActive(1);
  await database.query(`UPDATE scheduler_pool_config SET value = '4,4,4,4,4,4,4,4,4,3' WHERE key = 'cap'`);
  await upstream.waitForActive(3);
  assert.equal(await waitingIn(gateway), 1);
  await database.query('DELETE FROM scheduler_pool_config');
  await upstream.waitForActive(4);
  upstream.open();
  for (const answer of answers) assert.equal((await answer).status, 200);
});

test('a row that cannot be used is said once and leaves the last good value, and the others act', async t => {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini: `${loopback}[scheduler]\npolicy = wfq\n`, database: database.url });
  const row = (key: string, value: string) =>
    database.query(
      `INSERT INTO scheduler_pool_config (pool, key, value) VALUES ('main', $1, $2)
        ON CONFLICT (pool, key) DO UPDATE SET value = $2`,
      [key, value],
    );
  await row('policy', ' strict ');
  await until(async () => (await main(gateway)).policy === 'strict');

  await t.test('a value that is none', async () => {
    await row('policy', 'fair');
    await until(async () => (await main(gateway)).fault !== null);
    const { policy, source, fault } = await main(gateway);
    assert.deepEqual([policy, source.policy], ['strict', 'database']);
    assert.equal(fault, 'policy must be strict or wfq or hybrid, or empty, not "fair"');
    assert.equal((await said(gateway, 'policy must be strict or wfq or hybrid')).length, 1);
  });
  await t.test('a key that is none, a list of nine, and a good row beside them', async () => {
    await row('polcy', 'strict');
    await row('weights', '1,1,1,1,1,1,1,1,1');
    await row('aimd', 'true');
    await until(async () => (await main(gateway)).aimd);
    await until(async () => /weights/.test((await main(gateway)).fault));
    const { policy, weights, fault } = await main(gateway);
    assert.deepEqual([policy, weights], ['strict', [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]);
    assert.match(fault, /"polcy" is unknown: is policy meant\?/);
    assert.match(fault, /weights must be ten numbers .* with commas between, or empty, not "1,1,1,1,1,1,1,1,1"/);
  });
  await t.test('an empty value is none', async () => {
    await database.query(`DELETE FROM scheduler_pool_config WHERE key IN ('polcy', 'weights')`);
    await row('policy', '');
    await until(async () => (await main(gateway)).fault === null);
    assert.deepEqual([(await main(gateway)).policy, (await main(gateway)).source.policy], ['wfq', 'file']);
  });
  await t.test('rows that do not fit together leave the pool as it was', async () => {
    await row('reserved', '1,1,1,1,1,1,1,1,1,0');
    await row('policy', 'strict');
    await until(async () => (await main(gateway)).fault !== null);
    const { reserved, policy, fault } = await main(gateway);
    assert.deepEqual([reserved, policy], [ten(0), 'wfq']);
    assert.match(fault, /^reserved adds up to 9; must be fewer than the 8 seats/);
    const refused = await gateway.admin('PUT', `${url}/main`, { policy: 'hybrid' });
    assert.deepEqual([refused.status, refused.body.error.param], [400, 'reserved']);
    const mended = await put(gateway, { reserved: null });
    assert.deepEqual([mended.fault, mended.policy], [null, 'strict']);
  });
  await t.test('a pool that is not here', async () => {
    await database.query(`INSERT INTO scheduler_pool_config (pool, key, value) VALUES ('other', 'policy', 'wfq')`);
    await until(() => logged(gateway, 'there is no such pool here').length > 0);
    await row('aimd', 'false');
    await until(async () => !(await main(gateway)).aimd);
    assert.equal((await said(gateway, 'there is no such pool here')).length, 1);
  });
});

test('a change reaches the other gateways of the database, and holds after a restart', async t => {
  const database = await freshDatabase(t);
  const start = () => startGateway(t, { ini: loopback, database: database.url });
  const [one, other] = await Promise.all([start(), start()]);
  await put(one, { policy: 'strict', tokens_per_sec: 5 });
  await until(async () => (await main(other)).policy === 'strict');
  assert.deepEqual(await main(other), await main(one));
  assert.equal((await said(other, 'policy=strict (database)')).length, 1);
  await database.query(`INSERT INTO scheduler_pool_config (pool, key, value) VALUES ('main', 'weights', 'bad'),
    ('main', 'reserved', '8,0,0,0,0,0,0,0,0,0')`);
  await Promise.all([one.app.stop(), other.app.stop()]);

  const next = await start();
  const { policy, tokens_per_sec, weights, reserved, fault } = await main(next);
  assert.deepEqual([policy, tokens_per_sec, weights[0], reserved[0]], ['strict', 5, 10, 0]);
  assert.match(fault, /^weights must be .*; reserved adds up to 8/);
});

test('two changes at the same moment are made one after the other: what fits alone but not together is refused', async t => {
  const database = await freshDatabase(t);
  const gateways = await Promise.all([1, 2].map(() => startGateway(t, { ini: loopback, database: database.url })));
  const patches = [{ reserved: ten(0, 5) }, { cap: ten(8, 4) }];
  const answers = await Promise.all(gateways.map(({ admin }, at) => admin('PUT', `${url}/main`, patches[at])));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
  assert.equal((await database.query('SELECT * FROM scheduler_pool_config')).length, 1);
});

/** Every waiting request is answered, however often all settings change meanwhile. */
async function changeUnderBacklog(
  { gateway, upstream, key }: { gateway: TestGateway; upstream: FakeUpstream; key: string },
  change: (step: number) => Promise<unknown>,
) {
  const answers = [...send(gateway, key, 12, 9), ...send(gateway, key, 8, 5), ...send(gateway, key, 4, 0)];
  await until(async () => (await waitingIn(gateway)) === 22);
  const ended = () => upstream.requests.filter(request => request.ended !== null).length;
  for (let step = 0; step < 12; step++) {
    await change(step);
    await upstream.waitForRequests(step + 1);
    await until(() => {
      if (ended() <= step) upstream.release(1);
      return ended() > step;
    });
  }
  upstream.open();
  const statuses = await Promise.all(answers.map(async answer => (await answer).status));
  assert.deepEqual(statuses, Array(24).fill(200));
  await assertQuiet(gateway, upstream, 2);
  const { levels } = await gateway.pool();
  const count = (name: string) => levels.reduce((sum: number, level: any) => sum + level[name], 0);
  assert.deepEqual([count('dispatched'), count('rejected'), count('timed_out'), count('cancelled')], [24, 0, 0, 0]);
}

test('changes by the admin API under a backlog lose no waiter', async t => {
  const arranged = await held(t, 2);
  const patches = [
    { policy: 'strict' },
    { weights: ten(1), policy: 'wfq' },
    { reserved: ten(0, 1), cap: ten(1) },
    { max_queue_depth: 0, max_queue_depth_pool: 0, max_queued_mb: 1 },
    { requests_per_sec: 1000, request_burst: 50, tokens_per_sec: 1e6, max_tokens_in_flight: 100_000 },
    { aimd: true, queue_timeout_sec: 0.001 },
  ];
  await changeUnderBacklog(arranged, step => {
    const patch = patches[step % patches.length] ?? {};
    const isSecondRound = step >= patches.length;
    return put(
      arranged.gateway,
      isSecondRound ? Object.fromEntries(Object.keys(patch).map(key => [key, null])) : patch,
    );
  });
  assert.deepEqual(await arranged.database.query('SELECT * FROM scheduler_pool_config'), []);
});

test('the file read again under a backlog loses no waiter', async t => {
  const arranged = await held(t, 2);
  const sections = [
    '[pool.main]\npolicy = strict\n',
    '[pool.main]\nreserved = 1,0,0,0,0,0,0,0,0,0\ncap = 2,1,1,1,1,1,1,1,1,1\n',
    '[scheduler]\npolicy = wfq\nmax_queue_depth = 0\nmax_queue_depth_pool = 0\n',
    '[tenant.user:2]\nweight = 5\nmax_concurrent = 1\nmax_queue_depth = 1\n',
    '[pool.main]\nrequests_per_sec = 1000\ntokens_per_sec = 1000000\n',
    '',
  ];
  await changeUnderBacklog(arranged, async step => {
    arranged.gateway.reload(poolIni(arranged.upstream, { seats: 2, sections: sections[step % 6] ?? '' }));
  });
});

test('the file read again acts on pools, seats and tenants, and says what needs a restart', async t => {
  const { gateway, upstream, key } = await held(t, 1);
  const answers = send(gateway, key, 4, 5);
  await until(async () => (await waitingIn(gateway)) === 3);
  gateway.reload(poolIni(upstream, { seats: 3, sections: '[scheduler]\npolicy = strict\n' }));
  await upstream.waitForActive(3);
  const { seats, policy, source } = await main(gateway);
  assert.deepEqual([seats, policy, source.policy], [3, 'strict', 'file']);
  assert.equal((await said(gateway, 'The configuration is read again')).length, 1);
  assert.equal(logged(gateway, 'only a restart takes it').length, 0);

  const user = `user:${(await gateway.admin('GET', '/admin/users')).body.users.at(-1).id}`;
  gateway.reload(`${poolIni(upstream, { seats: 3, provider: 'first_byte_timeout_sec = 5' })}
[provider.new]\ntype = loopback\n[api_key_priority]\ndefault_priority = 3\n
[tenant.${user}]\nmax_queue_depth = 0\n`);
  const [line] = await said(gateway, 'only a restart takes it');
  assert.match(line ?? '', /: \[api_key_priority\] default_priority, \[provider\.new\]"/);
  assert.equal((await gateway.admin('GET', url)).body.pools.length, 1);
  const refused = await gateway.chat(key, { priority: 5 });
  assert.deepEqual([refused.status, ((await refused.json()) as any).error.code], [429, 'tenant_limit']);
  upstream.open();
  for (const answer of answers) assert.equal((await answer).status, 200);
});

test('a faulty file changes nothing, and all its faults are logged', async t => {
  const { gateway, upstream, ini } = await held(t, 2, '[pool.main]\npolicy = wfq\n');
  const before = await main(gateway);
  gateway.reload(
    `${poolIni(upstream, { seats: 5 })}[pool.main]\npolicy = fair\nreserved = 9,0,0,0,0,0,0,0,0,0\n[pool.none]\n`,
  );
  assert.deepEqual(await main(gateway), before);
  assert.equal((await said(gateway, 'The configuration is not taken')).length, 1);
  assert.equal((await said(gateway, '[pool.main] policy: must be strict or wfq or hybrid')).length, 1);
  assert.equal((await said(gateway, '[pool.main] reserved: adds up to 9')).length, 1);
  assert.equal((await said(gateway, '[pool.none]: no provider has this pool')).length, 1);

  await t.test('nor does one that is sound but does not fit to what is stored', async () => {
    await put(gateway, { reserved: ten(0, 1) });
    gateway.reload(poolIni(upstream, { seats: 1 }));
    assert.deepEqual([(await main(gateway)).seats, (await main(gateway)).policy], [2, 'wfq']);
    assert.equal((await said(gateway, '[pool.main] reserved: adds up to 1; must be fewer than the 1 seats')).length, 1);
  });
  await t.test('and the next sound one is taken', async () => {
    gateway.reload(ini.replace('wfq', 'strict').replace('max_concurrent = 2', 'max_concurrent = 3'));
    const { seats, policy, reserved, source } = await main(gateway);
    assert.deepEqual([seats, policy, reserved[0], source.reserved], [3, 'strict', 1, 'database']);
  });
});

test('while the database is away pools are shown and work, a change is a 503, and what changed acts when it is back', async t => {
  const server = await privateServer(t);
  const gateway = await startGateway(t, { ini: loopback, database: server.url });
  const key = await gateway.createKey();
  await put(gateway, { policy: 'strict' });
  assert.equal((await gateway.chat(key)).status, 200);
  await server.kill();
  const refused = await gateway.admin('PUT', `${url}/main`, { policy: 'wfq' });
  assert.deepEqual([refused.status, refused.body.error.code], [503, 'unavailable']);
  assert.equal((await main(gateway)).policy, 'strict');
  assert.equal((await gateway.chat(key)).status, 200);
  await server.start();
  await server.query(`UPDATE scheduler_pool_config SET value = 'wfq'`);
  await until(async () => (await main(gateway)).policy === 'wfq');
});

test('Personal keeps pools in its file, and takes what another connection writes there', async t => {
  const gateway = await startGateway(t, { ini: loopback });
  const { source, policy } = await put(gateway, { policy: 'strict', queue_drain_sec: 1.5 });
  assert.deepEqual([source.policy, policy], ['database', 'strict']);
  const other = new DatabaseSync(sqliteFile(gateway.dataDir));
  t.after(() => other.close());
  assert.deepEqual(
    other
      .prepare('SELECT pool, key, value FROM scheduler_pool_config ORDER BY key')
      .all()
      .map(row => ({ ...row })),
    [
      { pool: 'main', key: 'policy', value: 'strict' },
      { pool: 'main', key: 'queue_drain_sec', value: '1.5' },
    ],
  );
  other.exec(`UPDATE scheduler_pool_config SET value = 'wfq' WHERE key = 'policy'`);
  await until(async () => (await main(gateway)).policy === 'wfq');
  assert.equal((await put(gateway, { policy: null })).source.policy, 'default');
});
