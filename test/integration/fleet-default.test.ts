// What a Team gateway does that was never told of a fleet.
// In a process of its own: it mostly waits for gateways that look again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../support/gateway.ts';
import { limitedRole } from '../support/limited-role.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';

async function readiness(url: string) {
  const answer = await fetch(`${url}/readyz`);
  const { status, reasons = [] } = (await answer.json()) as { status: string; reasons?: string[] };
  return { code: answer.status, status, reasons };
}

test('two gateways of one database are one fleet, and share their seats', async t => {
  const { url: database } = await freshDatabase(t);
  const [one, two] = [await startGateway(t, { ini, database }), await startGateway(t, { ini, database })];
  await until(async () => {
    const [a, b] = await Promise.all([one, two].map(async ({ admin }) => (await admin('GET', '/admin/fleet')).body));
    return a.conductor !== null && a.conductor === b.conductor && a.members.length === 2 && b.members.length === 2;
  });
  assert.equal((await two.chat(await one.createKey())).status, 200);
});

test('a gateway that listens everywhere tells the others an address of this machine, and not everywhere', async t => {
  const { url: database, query } = await freshDatabase(t);
  const env = { TOKLIGENCE_GATEWAY_HOST: '0.0.0.0' };
  const gateway = await startGateway(t, { ini, database, env });
  await until(async () => (await readiness(gateway.url)).code === 200);
  const [row] = await query('SELECT url FROM gateway_fleets');
  assert.match(row?.url, /^tcp:\/\/[0-9a-f.:[\]]+:\d+/);
  assert.doesNotMatch(row?.url, /0\.0\.0\.0|\[::\]/);
});

for (const [lack, statement, sentence] of [
  [
    'read and write',
    'REVOKE ALL ON gateway_fleets FROM',
    /GRANT SELECT, INSERT, UPDATE ON gateway_fleets TO \\?"role_/,
  ],
  [
    'write',
    'REVOKE INSERT, UPDATE ON gateway_fleets FROM',
    /GRANT SELECT, INSERT, UPDATE ON gateway_fleets TO \\?"role_/,
  ],
] as const) {
  test(`a role that may not ${lack} the row serves by itself at once, says what to grant, and joins once it may`, async t => {
    const database = await freshDatabase(t);
    const { url, role } = await limitedRole(t, database);
    await database.query(`${statement} ${role}`);
    const gateway = await startGateway(t, { ini, database: url });
    assert.equal((await gateway.chat(await gateway.createKey())).status, 200);
    const { code, status, reasons } = await readiness(gateway.url);
    assert.deepEqual([code, status], [200, 'degraded']);
    assert.match(reasons.join('; '), sentence);
    await database.query(`GRANT SELECT, INSERT, UPDATE ON gateway_fleets TO ${role}`);
    await until(async () => (await readiness(gateway.url)).status === 'ready');
    const { conductor, fleet } = (await gateway.admin('GET', '/admin/fleet')).body;
    assert.deepEqual([fleet, typeof conductor], ['default', 'string']);
    assert.equal((await gateway.chat(await gateway.createKey())).status, 200);
    await gateway.app.stop();
    const told = gateway.log.filter(line => line.includes('shares no seats'));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', sentence);
  });
}

test('a role that may not create the table serves by itself as before there were fleets', async t => {
  const database = await freshDatabase(t);
  const { url } = await limitedRole(t, database);
  await database.query('DROP TABLE gateway_fleets; DELETE FROM tokligence_migrations WHERE version > 5');
  const gateway = await startGateway(t, { ini, database: url });
  assert.equal((await gateway.chat(await gateway.createKey())).status, 200);
  const { code, reasons } = await readiness(gateway.url);
  assert.equal(code, 200);
  assert.match(reasons.join('; '), /gateway_fleets is missing: start a gateway once as a role that may create it/);
  assert.match(await (await fetch(`${gateway.url}/metrics`)).text(), /^tokligence_database_up 1$/m);
});

test('what waits and runs when a lone gateway joins its fleet goes on', async t => {
  const database = await freshDatabase(t);
  const { url, role } = await limitedRole(t, database);
  await database.query(`REVOKE ALL ON gateway_fleets FROM ${role}`);
  const slow = '[provider.local]\ntype = loopback\nservice_ms = 3000\nchunk_ms = 20\nmax_concurrent = 1\n';
  const gateway = await startGateway(t, { ini: slow, database: url });
  const key = await gateway.createKey();
  const answers = [gateway.chat(key), gateway.chat(key)];
  await until(async () => (await gateway.pool('local')).in_use === 1);
  await database.query(`GRANT SELECT, INSERT, UPDATE ON gateway_fleets TO ${role}`);
  for (const answer of answers) assert.equal((await answer).status, 200);
  await until(async () => (await readiness(gateway.url)).status === 'ready');
});
