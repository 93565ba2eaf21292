// Gateways of one database share its seats. The oracle is the upstream's own count of what is really in progress.
// `npm run test:fleet` has the cases that take long.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import {
  createKey,
  type FleetGateway,
  type FleetOptions,
  hasty,
  livingOf,
  rolesOf,
  startFleet,
  startFleetGateway,
  untilOrdered,
  waitingIn,
} from '../support/fleet-gateways.ts';
import { type Answered, bad, startLoad, untilServed } from '../support/fleet-requests.ts';
import { startWay } from '../support/fleet-way.ts';
import { freePort } from '../support/free-port.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const seats = 4;
const afterMs = 20;

async function arrange(t: TestContext, count: number, more: Partial<FleetOptions> = {}) {
  const upstream = await startFakeUpstream(t, { afterMs });
  const { url: database, query } = await freshDatabase(t);
  const gateways = await startFleet(t, count, { database, upstream, seats, ...more });
  return { upstream, query, gateways };
}

/** Never more than there are, and none is lost: as many requests run again at once as there are seats. */
async function assertSeats(upstream: FakeUpstream, gateways: readonly FleetGateway[]): Promise<void> {
  await until(() => upstream.active === 0);
  upstream.shut();
  upstream.reply({ hold: true });
  const answers = livingOf(gateways).flatMap(gateway => Array.from({ length: seats }, () => gateway.chat()));
  await until(() => upstream.active === seats);
  upstream.open();
  assert.deepEqual(bad(await Promise.all(answers)), []);
  assert.ok(upstream.maxConcurrent <= seats, `${upstream.maxConcurrent} at once`);
}

/** Requests that hold all seats. */
async function occupy(upstream: FakeUpstream, gateway: FleetGateway): Promise<Promise<Answered>[]> {
  upstream.shut();
  upstream.reply({ hold: true });
  const answers = Array.from({ length: seats }, () => gateway.chat({ priority: 5 }));
  await upstream.waitForActive(seats);
  return answers;
}

const textsFrom = ({ requests }: FakeUpstream, from: number): string[] =>
  requests.slice(from).map(({ body }) => JSON.parse(body.toString()).messages[0].content);

async function bestOfBothFirst(upstream: FakeUpstream, gateways: readonly FleetGateway[]): Promise<void> {
  const [one, other] = gateways;
  assert.ok(one && other);
  const seen = upstream.requests.length + seats;
  const answers = await occupy(upstream, other);
  for (const [gateway, priority] of [
    [one, 7],
    [other, 6],
    [one, 0],
    [other, 1],
    [one, 2],
  ] as const) {
    answers.push(gateway.chat({ priority }));
    await until(async () => (await waitingIn(gateways)) === answers.length - seats);
  }
  upstream.release(seats);
  await upstream.waitForRequests(seen + seats);
  assert.deepEqual(textsFrom(upstream, seen).toSorted(), ['P0', 'P1', 'P2', 'P6']);
  upstream.open();
  assert.deepEqual(bad(await Promise.all(answers)), []);
}

async function fairShares(t: TestContext, upstream: FakeUpstream, gateways: readonly FleetGateway[]): Promise<void> {
  const [one, other] = gateways;
  assert.ok(one && other);
  const [here, everywhere] = await Promise.all([createKey(one), createKey(one)]);
  const seen = upstream.requests.length + seats;
  const asked = await occupy(upstream, one);
  const each = 16;
  for (const [gateway, key, text] of [
    [one, everywhere, 'everywhere'],
    [other, everywhere, 'everywhere'],
    [one, here, 'here'],
  ] as const)
    for (let at = 0; at < each; at++) asked.push(gateway.chat({ key, priority: 5, text }));
  await until(async () => (await waitingIn(gateways)) === 3 * each);
  upstream.release(seats);
  // As long as both wait; each grant is seen before the next.
  for (let begun = seen + seats; begun < seen + seats + each; begun++) {
    await upstream.waitForRequests(begun);
    upstream.release(1);
  }
  const began = textsFrom(upstream, seen).slice(0, seats + each - 1);
  const ofHere = began.filter(text => text === 'here').length;
  t.diagnostic(`of two tenants, one at one gateway and one at both, the first has ${ofHere} of ${began.length}`);
  assert.ok(Math.abs(ofHere - began.length / 2) <= 1, `${ofHere} of ${began.length}`);
  upstream.open();
  assert.deepEqual(bad(await Promise.all(asked)), []);
}

test('two gateways have the seats of one, give them to the best of both first, and share them among tenants', async t => {
  const upstream = await startFakeUpstream(t, { afterMs });
  const { url: database } = await freshDatabase(t);
  const port = await freePort();
  const way = await startWay(t, port);
  const cluster = `listen = 127.0.0.1:${port}\nadvertise = 127.0.0.1:${way.port}`;
  const options = { database, upstream, seats, cluster: hasty };
  const conductor = await startFleetGateway(t, 'conductor', { ...options, cluster: `${cluster}\n${hasty}` });
  const member = await startFleetGateway(t, 'member', options);
  const gateways = [conductor, member];
  await untilOrdered(gateways);
  await t.test('the best level of both is first', () => bestOfBothFirst(upstream, gateways));
  await t.test('the share of a tenant does not depend on the gateways it uses', t => fairShares(t, upstream, gateways));
  await assertSeats(upstream, gateways);
  upstream.reply({ afterMs });
  await t.test('while the connection to the conductor is silent a member starts nothing, and then goes on', () =>
    silence(upstream, way, { conductor, member }),
  );
  await assertSeats(upstream, gateways);
});

async function silence(
  upstream: FakeUpstream,
  way: Awaited<ReturnType<typeof startWay>>,
  { conductor, member }: Record<'conductor' | 'member', FleetGateway>,
): Promise<void> {
  const gateways = [conductor, member];
  const load = startLoad(gateways, 6);
  await untilServed(load.answers, 'member', 6);
  way.cut('in', 'out');
  await until(async () => (await fetch(`${member.url}/readyz`)).status === 503);
  const { reasons } = (await (await fetch(`${member.url}/readyz`)).json()) as any;
  assert.match(
    reasons.join(),
    /conductor, which conducts the fleet default, does not answer at tcp:.*\[cluster\] listen/,
  );
  const begun = () => upstream.requests.filter(({ body }) => body.includes('"user":"member"')).length;
  const before = begun();
  await untilServed(load.answers, 'conductor', 20);
  assert.equal(begun(), before, 'it has started nothing');
  way.reset();
  await untilServed(load.answers, 'member', 6);
  await load.stop();
  assert.deepEqual(bad(load.answers), []);
  await untilOrdered(gateways);
}

test('a gateway that is killed costs its own clients only, grants go on within a second; one that stops costs nothing', async t => {
  const { upstream, query, gateways } = await arrange(t, 4);
  const loads = gateways.map(gateway => ({ gateway, load: startLoad([gateway], 4) }));
  const loadOf = (one: FleetGateway) => loads.find(({ gateway }) => gateway === one)?.load ?? assert.fail();
  const killed: FleetGateway[] = [];
  const kill = async (gateway: FleetGateway) => {
    killed.push(gateway);
    await untilServed(loadOf(gateway).answers, gateway.name, 4);
    gateway.daemon.signal('SIGKILL');
    await gateway.daemon.exited;
    const at = performance.now();
    const seen = upstream.requests.length;
    await until(() => upstream.requests.length > seen + seats);
    const tookMs = performance.now() - at;
    t.diagnostic(`killed → ${seats + 1} grants: ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
    for (const living of livingOf(gateways)) await untilServed(loadOf(living).answers, living.name, 10);
    await untilOrdered(gateways);
  };
  await kill((await rolesOf(gateways)).conductor);
  await kill((await rolesOf(gateways)).member);
  const { conductor } = await rolesOf(gateways);
  // Its clients go elsewhere first, as behind a balancer; what waits and runs there is served.
  const stopped = loadOf(conductor).stop();
  conductor.daemon.signal('SIGTERM');
  await stopped;
  assert.equal(await conductor.daemon.exited, 0);
  await untilOrdered(gateways);
  for (const { load } of loads) await load.stop();
  for (const { gateway, load } of loads) if (!killed.includes(gateway)) assert.deepEqual(bad(load.answers), []);
  await assertSeats(upstream, gateways);
  const [last] = livingOf(gateways);
  assert.ok(last);
  last.daemon.signal('SIGTERM');
  assert.equal(await last.daemon.exited, 0);
  assert.deepEqual(await query('SELECT holder, members FROM gateway_fleets'), [{ holder: null, members: [] }]);
});
