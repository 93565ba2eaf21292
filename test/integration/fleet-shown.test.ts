// The operators' view of a fleet, from a gateway that belongs to none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compile } from 'typebox/compile';
import { fleetShown } from '../../src/domain/shown/fleet.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { cliOf } from '../support/gateway-cli.ts';
import { poolIni } from '../support/pool-of-one.ts';
import { freshDatabase } from '../support/postgres.ts';

const shape = Compile(fleetShown);
const ini = '[provider.local]\ntype = loopback\nservice_ms = 0\nchunk_ms = 0\n';
const alone = '[cluster]\nenabled = false\n';

test('a gateway of its own shows itself, in both editions, with the seats that its requests hold', async t => {
  const upstream = await startFakeUpstream(t, { hold: true });
  for (const database of [undefined, (await freshDatabase(t)).url]) {
    const env = { TOKLIGENCE_GATEWAY_NAME: 'gw-1' };
    const gateway = await startGateway(t, {
      ini: `${alone}${poolIni(upstream, { seats: 2 })}`,
      env,
      ...(database ? { database } : {}),
    });
    const { status, body } = await gateway.admin('GET', '/admin/fleet');
    assert.equal(status, 200);
    assert.ok(shape.Check(body), JSON.stringify(body));
    const [only, ...others] = body.members;
    assert.deepEqual(others, []);
    assert.deepEqual([body.fleet, body.epoch, body.conductor], [null, null, only?.member_id]);
    assert.deepEqual([only?.name, only?.url, only?.role, only?.seats], ['gw-1', null, 'conductor', 0]);

    const running = gateway.chat(await gateway.createKey());
    await upstream.waitForActive(1);
    assert.equal((await gateway.admin('GET', '/admin/fleet')).body.members[0].seats, 1);
    upstream.release();
    assert.equal((await running).status, 200);
    assert.doesNotMatch(await (await fetch(`${gateway.url}/metrics`)).text(), /^tokligence_fleet_\w+ /m);
  }
});

test('a gateway without a name is called by its host and port, or by what it drew where the port is free', async t => {
  const { admin } = await startGateway(t, { ini });
  const [{ name, member_id }] = (await admin('GET', '/admin/fleet')).body.members;
  assert.match(name, /^[\x21-\x7e]+:[0-9a-f]{8}$/);
  assert.equal(name.slice(-8), member_id.slice(0, 8));
});

test('gateway fleet shows the gateways in a table, and all of the answer as JSON', async t => {
  const { url, admin } = await startGateway(t, { ini, env: { TOKLIGENCE_GATEWAY_NAME: 'gw-1' } });
  const cli = cliOf(url);
  const { out, code, err } = await cli('fleet');
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /^No fleet: the seats of this gateway are its own\.\n {2}name +role +seats +last beat +version/);
  assert.match(out, /\n {2}gw-1 +conductor +0 +- +\d+\.\d+\.\d+\S* +- +[0-9a-f-]{36}\n$/);
  assert.deepEqual((await cli('fleet', '--json')).json, (await admin('GET', '/admin/fleet')).body);
});

test('a gateway that starts beside a living fleet says that its seats come on top, and beside a dead one nothing', async t => {
  const { url: database, query } = await freshDatabase(t);
  const insert = (name: string, holder: string, age: string) =>
    query(`INSERT INTO gateway_fleets (fleet, epoch, holder, renewed_at, members, secret)
      VALUES ('${name}', 1, ${holder}, now() - interval '${age}', '[]', '\\x00')`);
  await insert('dead', 'gen_random_uuid()', '1 hour');
  await insert('released', 'NULL', '0 s');
  /** Lines are written in batches, all of them by the end. */
  const said = async () => {
    const { app, log } = await startGateway(t, { ini: alone + ini, database });
    await app.stop();
    return log.filter(line => line.includes('share their seats'));
  };
  assert.deepEqual(await said(), []);
  await insert('eu-1', 'gen_random_uuid()', '1 s');
  const [line, ...more] = await said();
  assert.match(line ?? '', /"warn".*\(fleet eu-1\), and this one does not: more requests go upstream/);
  assert.deepEqual(more, []);
});
