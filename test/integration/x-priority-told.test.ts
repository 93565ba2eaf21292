// Tenants that may raise their requests by X-Priority are reported wherever an operator looks, and those that do are
// counted.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { cliOf } from '../support/gateway-cli.ts';
import { readLanes } from '../support/live.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[api_key_priority]\nenabled = true\n[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const base = '/admin/api-key-priority';

async function arrange(t: TestContext) {
  const database = await freshDatabase(t);
  const gateway = await startGateway(t, { ini, database: database.url });
  const add = async (
    tenant_id: string | null,
    priority: number,
    tenant_type: string,
    pattern = `tok_${tenant_id}_*`,
  ) => {
    const body = { pattern, match_type: 'prefix', priority, tenant_id, tenant_type };
    const answer = await gateway.admin('POST', `${base}/mappings`, body);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body;
  };
  const get = async (path: string) => (await gateway.admin('GET', path)).body;
  /** The report of each place, the same everywhere. */
  const told = async () => {
    const list = await get(`${base}/mappings`);
    const stats = await get('/admin/scheduler/stats');
    const reader = await readLanes(t, gateway.url);
    await until(() => reader.events.length >= 2);
    reader.leave();
    const lanes = reader.events.find(({ event }) => event === 'lanes')?.data as typeof stats;
    const all = [list, stats.x_priority, lanes.x_priority].map(({ external_may_raise }) => external_may_raise);
    for (const one of all) assert.deepEqual(one, all[0]);
    return all[0];
  };
  /** Log lines come in batches. */
  const said = async (count: number) => {
    await until(() => lines().length >= count);
    return lines();
  };
  const lines = () => gateway.log.filter(line => line.includes('X-Priority')).map(line => JSON.parse(line));
  const policy = (x_priority: string | null) => gateway.admin('PUT', `${base}/config`, { x_priority });
  return { ...gateway, database, add, get, told, said, policy };
}

test('while external tenants may raise themselves lists, lanes, lint and log say so, and what to set', async t => {
  const { url, admin, database, add, get, told, said, policy } = await arrange(t);
  await add('dept', 3, 'internal');
  await add('best', 0, 'external');
  assert.equal(await told(), null, 'an external tenant of P0 has nothing to gain');
  assert.deepEqual(await said(0), []);
  const clean = await get(`${base}/lint`);
  assert.equal(clean.counts.external_may_raise, 0);

  await add('shop', 5, 'external');
  await add('shop', 6, 'external', 'tok_shop2_*');
  const sentence = /may take any level by sending X-Priority, because x_priority is allow: set it to internal/;
  assert.deepEqual([(await told()).tenants, (await said(1)).length], [1, 1]);
  assert.match((await told()).message, /^The external tenant may/);
  const nameless = await add(null, 6, 'external', 'tok_nameless_*');
  assert.equal((await told()).tenants, 2);
  assert.match((await told()).message, /^2 external tenants may/);
  const [warning, ...more] = await said(1);
  assert.deepEqual([warning.level, more], ['warn', []], 'said once');
  assert.match(warning.msg, sentence);

  const { findings, counts } = await get(`${base}/lint`);
  assert.equal(counts.external_may_raise, 1);
  const found = findings.find((one: { kind: string }) => one.kind === 'external_may_raise');
  assert.deepEqual([found.message, found.more], [(await told()).message, 0]);
  assert.deepEqual(
    found.others.map(({ pattern }: { pattern: string }) => pattern),
    ['tok_shop_*', nameless.pattern],
  );
  const cli = cliOf(url);
  const lint = await cli('mappings', 'lint');
  assert.equal(lint.code, 8);
  assert.match(
    lint.out,
    /^1 setting lets external tenants raise themselves:\n {2}2 external tenants may take any level/m,
  );
  const list = await cli('mappings', 'list');
  assert.deepEqual([list.code, list.err], [0, `warning: ${(await told()).message}\n`]);
  assert.equal((await cli('mappings', 'list', '--json')).json.external_may_raise.tenants, 2);

  for (const closed of ['internal', 'lower', 'ignore']) {
    await policy(closed);
    assert.equal(await told(), null, closed);
    assert.equal((await get('/admin/scheduler/stats')).x_priority.policy, closed);
  }
  assert.equal((await get(`${base}/lint`)).counts.external_may_raise, 0);
  assert.deepEqual([(await said(2)).length, (await said(2))[1].level], [2, 'info']);

  await database.query("DELETE FROM api_key_priority_config WHERE key = 'x_priority'");
  await admin('POST', `${base}/reload`);
  assert.equal((await told()).tenants, 2);
  assert.equal((await said(3)).length, 3);
  await database.query("UPDATE api_key_priority_mappings SET enabled = FALSE WHERE tenant_type = 'external'");
  await admin('POST', `${base}/reload`);
  assert.equal(await told(), null);
});

test('a gateway that starts with such tenants says so in its log, also while mapping is off', async t => {
  const { database, add } = await arrange(t);
  await add('shop', 5, 'external');
  const next = await startGateway(t, { ini: ini.replace('enabled = true', 'enabled = false'), database: database.url });
  const isIt = (line: string) => line.includes('The external tenant may take any level by sending X-Priority');
  await until(() => next.log.some(isIt));
  assert.equal(next.log.filter(isIt).length, 1);
});

test('raised requests are counted by tenant where admins look, and by level alone where everybody may', async t => {
  const { url, add, get, createKey, chat, policy } = await arrange(t);
  await add('dept', 3, 'internal');
  await add('shop', 5, 'external');
  const [dept, shop] = [await createKey('dept'), await createKey('shop')];
  const ask = async (key: string, priority: number) => {
    const answer = await chat(key, { priority: String(priority) });
    assert.equal(answer.status, 200);
    await answer.text();
  };
  for (const priority of [0, 0, 5, 9]) await ask(shop, priority);
  await ask(dept, 2);
  await policy('internal');
  await ask(shop, 0);
  await ask(dept, 1);

  const stats = async () => (await get('/admin/scheduler/stats')).x_priority;
  await until(async () => (await stats()).raised.length === 2);
  const { raised, raised_by_others, policy: now } = await stats();
  const count = (flow_id: string) => ({ flow_id, tenant_name: null, requests: 2 });
  assert.deepEqual([raised, raised_by_others, now], [[count('shop'), count('dept')], 0, 'internal']);
  const { mappings } = await get(`${base}/mappings`);
  const ofRows = mappings.map((row: { tenant_id: string; raised_requests: number }) => [
    row.tenant_id,
    row.raised_requests,
  ]);
  assert.deepEqual(ofRows, [
    ['dept', 2],
    ['shop', 2],
  ]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^tokligence_raised_requests_total\{level="0"\} 2$/m);
  assert.match(metrics, /^tokligence_raised_requests_total\{level="1"\} 1$/m);
  assert.doesNotMatch(metrics, /shop|dept\b/, 'who reaches the port learns of no tenant');
});

test('Personal has no tenants to warn of, and counts raised requests by user', async t => {
  const { admin, createKey, chat } = await startGateway(t, {
    ini: ini.replace('[api_key_priority]\nenabled = true\n', ''),
  });
  await (await chat(await createKey(), { priority: '1' })).text();
  const stats = async () => (await admin('GET', '/admin/scheduler/stats')).body.x_priority;
  await until(async () => (await stats()).raised.length === 1);
  const raised = [{ flow_id: 'user:2', tenant_name: null, requests: 1 }];
  assert.deepEqual(await stats(), { policy: 'allow', external_may_raise: null, raised, raised_by_others: 0 });
});
