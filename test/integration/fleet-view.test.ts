// The operators' view of a fleet, from the gateways that belong to it.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Compile } from 'typebox/compile';
import { type FleetShown, fleetShown } from '../../src/domain/shown/fleet.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { cliOf } from '../support/gateway-cli.ts';
import { poolIni } from '../support/pool-of-one.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const shape = Compile(fleetShown);

async function shownBy({ admin }: TestGateway): Promise<FleetShown> {
  const { body } = await admin('GET', '/admin/fleet');
  assert.ok(shape.Check(body), JSON.stringify(body));
  return body;
}

const metricsText = async ({ url }: TestGateway): Promise<string> => (await fetch(`${url}/metrics`)).text();

async function metricsOf(gateway: TestGateway): Promise<Record<string, number>> {
  const text = await metricsText(gateway);
  const found = text.matchAll(/^tokligence_(?:fleet_)?((?:members|conductor|epoch|seats\w*)\b)\S* (\d+)$/gm);
  const sums: Record<string, number> = {};
  for (const [, name = '', value] of found) sums[name] = (sums[name] ?? 0) + Number(value);
  return sums;
}

/** Two gateways of one database: who conducts, and the other one. */
async function startTwo(t: TestContext) {
  const upstream = await startFakeUpstream(t, { hold: true });
  const { url: database } = await freshDatabase(t);
  const start = (name: string) =>
    startGateway(t, {
      ini: poolIni(upstream, { seats: 4, sections: '[cluster]\nfleet = eu-1\nenabled = true' }),
      database,
      env: { TOKLIGENCE_GATEWAY_NAME: name },
    });
  const gateways = { first: await start('first'), second: await start('second') };
  await until(async () => {
    const views = await Promise.all(Object.values(gateways).map(shownBy));
    return views.every(({ conductor, members }) => conductor !== null && members.length === 2);
  });
  return { upstream, ...gateways };
}

const membersOf = ({ members }: FleetShown) => Object.fromEntries(members.map(member => [member.name, member]));

test('each gateway of a fleet shows all of them, which one conducts, and the seats that it knows of', async t => {
  const { upstream, first, second } = await startTwo(t);
  const running = second.chat(await second.createKey());
  await upstream.waitForActive(1);
  const [byFirst, bySecond] = [await shownBy(first), await shownBy(second)];
  const [atFirst, atSecond] = [membersOf(byFirst), membersOf(bySecond)];

  assert.deepEqual([byFirst.fleet, bySecond.fleet], ['eu-1', 'eu-1']);
  assert.equal(byFirst.epoch, bySecond.epoch);
  assert.equal(byFirst.conductor, atFirst.first?.member_id);
  assert.equal(bySecond.conductor, byFirst.conductor);
  for (const at of [atFirst, atSecond])
    assert.deepEqual([at.first?.role, at.second?.role], ['conductor', 'member'], JSON.stringify(at));
  assert.deepEqual([atFirst.first?.seats, atFirst.second?.seats], [0, 1]);
  assert.deepEqual([atSecond.first?.seats, atSecond.second?.seats], [null, 1]);
  assert.deepEqual([atFirst.first?.last_beat_ms, atSecond.second?.last_beat_ms], [null, null]);
  assert.ok((atFirst.second?.last_beat_ms ?? Number.POSITIVE_INFINITY) < 15_000);
  assert.equal(atFirst.second?.url, atSecond.second?.url);

  const { epoch } = byFirst;
  assert.deepEqual(await metricsOf(first), {
    members: 2,
    conductor: 1,
    epoch,
    seats: 4,
    seats_in_use: 1,
    seats_wanted: 1,
  });
  assert.deepEqual(await metricsOf(second), { members: 2, conductor: 0, epoch });
  const rtt = /^tokligence_fleet_link_rtt_seconds (\S+)$/m;
  await until(async () => rtt.test(await metricsText(second)));
  const seconds = Number(rtt.exec(await metricsText(second))?.[1]);
  assert.ok(seconds > 0 && seconds < 1, `${seconds} s there and back`);
  assert.doesNotMatch(await metricsText(first), rtt, 'it has no conductor to ask');
  upstream.release();
  assert.equal((await running).headers.get('x-tokligence-gateway'), 'second');
  await second.app.stop();
  await until(async () => (await shownBy(first)).members.length === 1);
  assert.ok(second.log.every(line => JSON.parse(line).gateway === 'second'));
});

test('gateway fleet says who conducts, and where each gateway is called, without what is for gateways only', async t => {
  const { first, second } = await startTwo(t);
  for (const { url } of [first, second]) {
    const { out, code } = await cliOf(url)('fleet');
    assert.equal(code, 0);
    assert.match(out, /^Fleet eu-1: first conducts, epoch \d+\n/);
    assert.match(out, /\n {2}first +conductor .* tcp:\/\/127\.0\.0\.1:\d+ +[0-9a-f-]{36}\n/);
    assert.match(out, /\n {2}second +member .* tcp:\/\/127\.0\.0\.1:\d+ +[0-9a-f-]{36}\n/);
  }
});

test('a gateway whose certificate or address cannot be used says which keys to look at', async t => {
  const { url: database } = await freshDatabase(t);
  const start = (cluster: string) =>
    startGateway(t, { ini: `[provider.local]\ntype = loopback\n[cluster]\nenabled = true\n${cluster}`, database });
  const files = 'cert_file = /nowhere/own.pem\nkey_file = /nowhere/own.key\nca_file = /nowhere/ca.pem';
  await assert.rejects(
    start(files),
    /\[cluster\] listen, cert_file, key_file, ca_file\): .*\/nowhere\/(own|ca)\.(pem|key)/,
  );
  await assert.rejects(
    start('listen = 192.0.2.1:8090'),
    /Cannot listen on 192\.0\.2\.1:8090 .*\[cluster\] listen\): .*EADDRNOTAVAIL/,
  );
});
