// The story of the project: eight tenants, one pool, priorities changed while it runs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const eightTenants = readFileSync('config/examples/eight-tenants.sql', 'utf8');
const tenants = { prod: 0, ml: 1, analytics: 2, dev: 3, ext_ent: 5, ext_prem: 6, ext_std: 7, ext_free: 9 } as const;

async function arrange(t: TestContext, options: { hold: boolean; seats: number }) {
  const database = await freshDatabase(t);
  const upstream = await startFakeUpstream(t, { hold: options.hold });
  const gateway = await startGateway(t, {
    database: database.url,
    ini: `
[provider.gpu]
type = openai
base_url = ${upstream.url}/v1
max_concurrent = ${options.seats}
[scheduler]
policy = strict`,
    env: { TOKLIGENCE_API_KEY_PRIORITY_ENABLED: 'true' },
  });
  await database.query(eightTenants);
  await gateway.admin('POST', '/admin/api-key-priority/reload');
  return { database, upstream, gateway };
}

const levelOf = async (gateway: TestGateway, key: string) =>
  Number((await gateway.chat(key)).headers.get('x-tokligence-priority'));

test('each of the eight tenants gets its level, and a key that matches nothing gets the default', async t => {
  const { gateway } = await arrange(t, { hold: false, seats: 8 });
  for (const [prefix, level] of Object.entries(tenants)) {
    assert.equal(await levelOf(gateway, await gateway.createKey(prefix)), level, prefix);
  }
  assert.equal(await levelOf(gateway, await gateway.createKey()), 7);
});

test('a priority changed by the API puts the very next request in the new queue', async t => {
  const { gateway, upstream } = await arrange(t, { hold: true, seats: 1 });
  const [prod, analytics] = [await gateway.createKey('prod'), await gateway.createKey('analytics')];
  const answers = [gateway.chat(prod)];
  await upstream.waitForActive(1);
  answers.push(gateway.chat(analytics));
  await until(async () => (await gateway.pool()).levels[2].waiting === 1);

  const { body } = await gateway.admin('GET', '/admin/api-key-priority/mappings?tenant_id=dept-analytics');
  const changed = await gateway.admin('PUT', `/admin/api-key-priority/mappings/${body.mappings[0].id}`, {
    priority: 0,
  });
  assert.equal(changed.status, 200);
  answers.push(gateway.chat(analytics));
  await until(async () => (await gateway.pool()).levels[0].waiting === 1);
  assert.equal((await gateway.pool()).levels[2].waiting, 1, 'who waits already keeps its place');
  upstream.open();
  const levels = (await Promise.all(answers)).map(answer => answer.headers.get('x-tokligence-priority'));
  assert.deepEqual(levels, ['0', '2', '0']);
});

test('a priority changed by SQL serves after the reload call at once, and without one within a second', async t => {
  const { gateway, database } = await arrange(t, { hold: false, seats: 8 });
  const analytics = await gateway.createKey('analytics');
  const update = 'UPDATE api_key_priority_mappings SET priority = $1 WHERE tenant_id = $2';

  await database.query(update, [1, 'dept-analytics']);
  const reload = await gateway.admin('POST', '/admin/api-key-priority/reload');
  assert.deepEqual([reload.body.success, reload.body.reloaded_count], [true, 8]);
  assert.equal(await levelOf(gateway, analytics), 1);

  const start = performance.now();
  await database.query(update, [4, 'dept-analytics']);
  await until(async () => (await levelOf(gateway, analytics)) === 4);
  assert.ok(performance.now() - start < 1000);
});

test('under strict the eight tenants are served in the order of their priorities', async t => {
  const { gateway, upstream } = await arrange(t, { hold: true, seats: 1 });
  const first = gateway.chat(await gateway.createKey());
  await upstream.waitForActive(1);
  const answers: Promise<Response>[] = [];
  // Worst first, so that the order of arrival cannot explain the order of service.
  for (const prefix of Object.keys(tenants).reverse()) {
    answers.push(gateway.chat(await gateway.createKey(prefix), { model: prefix }));
    await until(async () => {
      const { levels } = await gateway.pool();
      return levels.reduce((sum: number, level: { waiting: number }) => sum + level.waiting, 0) === answers.length;
    });
  }
  upstream.open();
  await Promise.all([first, ...answers]);
  const order = upstream.requests.slice(1).map(request => JSON.parse(request.body.toString()).model);
  assert.deepEqual(order, Object.keys(tenants));
});

test('the operator switches mapping on and off while it runs', async t => {
  const { gateway } = await arrange(t, { hold: false, seats: 8 });
  const prod = await gateway.createKey('prod');
  const put = (enabled: boolean | null) => gateway.admin('PUT', '/admin/api-key-priority/config', { enabled });
  assert.equal((await put(false)).body.source.enabled, 'database');
  assert.equal(await levelOf(gateway, prod), 7);
  assert.equal((await put(null)).body.source.enabled, 'environment');
  assert.equal(await levelOf(gateway, prod), 0);
});
