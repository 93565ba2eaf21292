// Gateways of one database share its seats. The oracle is the upstream's own count of what is really in progress.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import {
  type Answered,
  conductorOf,
  createKey,
  type FleetGateway,
  type FleetOptions,
  startFleet,
  startFleetGateway,
  startLoad,
  startSilencer,
  untilOrdered,
  untilServed,
} from '../support/fleet-gateways.ts';
import { freePort } from '../support/free-port.ts';
import { freshDatabase } from '../support/postgres.ts';
import { startTcpWay } from '../support/tcp-way.ts';
import { until } from '../support/until.ts';

const seats = 4;
const afterMs = 20;
/** The shortest times that are allowed. */
const hasty = 'ttl_sec = 3\ndead_after_sec = 4\nabandoned_after_sec = 7';

async function arrange(t: TestContext, count: number, more: Partial<FleetOptions> = {}, hold = false) {
  const upstream = await startFakeUpstream(t, hold ? { hold } : { afterMs });
  const { url: database, query } = await freshDatabase(t);
  const gateways = await startFleet(t, count, { database, upstream, seats, ...more });
  return { upstream, query, gateways };
}

async function split(gateways: readonly FleetGateway[]) {
  const conductor = await conductorOf(gateways);
  const member = gateways.find(gateway => gateway !== conductor);
  assert.ok(member);
  return { conductor, member };
}

const bad = (answers: readonly Answered[]): Answered[] => answers.filter(({ status }) => status !== 200);

/** Never more than there are, and none is lost: as many requests run again at once as there are seats. */
async function assertSeats(upstream: FakeUpstream, gateways: readonly FleetGateway[]): Promise<void> {
  await until(() => upstream.active === 0);
  upstream.shut();
  upstream.reply({ hold: true });
  const living = gateways.filter(({ isLiving }) => isLiving);
  const answers = living.flatMap(gateway => Array.from({ length: seats }, () => gateway.chat()));
  await until(() => upstream.active === seats);
  upstream.open();
  assert.deepEqual(bad(await Promise.all(answers)), []);
  assert.ok(upstream.maxConcurrent <= seats, `${upstream.maxConcurrent} at once`);
}

test('two gateways have the seats of one, give them to the best of both first, and lose none', async t => {
  const { upstream, gateways } = await arrange(t, 2, {}, true);
  const [one, other] = gateways;
  assert.ok(one && other);
  const first = Array.from({ length: seats }, () => other.chat({ priority: 5 }));
  await upstream.waitForActive(seats);
  const later: Promise<Answered>[] = [];
  for (const [gateway, priority] of [
    [one, 7],
    [other, 6],
    [one, 0],
    [other, 1],
    [one, 2],
  ] as const) {
    later.push(gateway.chat({ priority }));
    await until(async () => (await waiting(gateways)) === later.length);
  }
  upstream.release(seats);
  await upstream.waitForRequests(2 * seats);
  const began = upstream.requests.slice(seats).map(({ body }) => /P\d/.exec(body.toString())?.[0] ?? '');
  assert.deepEqual(began.toSorted(), ['P0', 'P1', 'P2', 'P6']);
  upstream.open();
  assert.deepEqual(bad(await Promise.all([...first, ...later])), []);
  await assertSeats(upstream, gateways);
});

test('the share of a tenant does not depend on the gateway that it uses', async t => {
  const { upstream, gateways } = await arrange(t, 2, {}, true);
  const [one, other] = gateways;
  assert.ok(one && other);
  const [here, everywhere] = [await createKey(one), await createKey(one)];
  const asked = Array.from({ length: seats }, () => one.chat({ priority: 5 }));
  await upstream.waitForActive(seats);
  const each = 16;
  for (const [gateway, key, text] of [
    [one, everywhere, 'everywhere'],
    [other, everywhere, 'everywhere'],
    [one, here, 'here'],
  ] as const)
    for (let at = 0; at < each; at++) asked.push(gateway.chat({ key, priority: 5, text }));
  await until(async () => (await waiting(gateways)) === 3 * each);
  upstream.release(seats);
  // As long as both wait; each grant is seen before the next.
  for (let begun = 2 * seats; begun < 2 * seats + each; begun++) {
    await upstream.waitForRequests(begun);
    upstream.release(1);
  }
  const began = upstream.requests.slice(seats, 2 * seats + each).map(({ body }) => body.toString());
  const ofHere = began.filter(body => body.includes('"here"')).length;
  t.diagnostic(`of two tenants, one at one gateway and one at both, the first has ${ofHere} of ${began.length}`);
  assert.ok(Math.abs(ofHere - began.length / 2) <= 1, `${ofHere} of ${began.length}`);
  upstream.open();
  assert.deepEqual(bad(await Promise.all(asked)), []);
  await assertSeats(upstream, gateways);
});

async function waiting(gateways: readonly FleetGateway[]): Promise<number> {
  const conductor = await conductorOf(gateways);
  const { pools } = await conductor.admin('GET', '/admin/scheduler/stats');
  return pools[0].levels.reduce((sum: number, level: any) => sum + level.waiting, 0);
}

test('a gateway that is killed under load costs its own clients only, and grants go on within a second', async t => {
  const { upstream, gateways } = await arrange(t, 3);
  const load = startLoad(gateways, 4);
  const kill = async (killed: FleetGateway) => {
    await untilServed(load.answers, killed.name, 4);
    killed.daemon.signal('SIGKILL');
    await killed.daemon.exited;
    const at = performance.now();
    const seen = upstream.requests.length;
    await until(() => upstream.requests.length > seen + seats);
    const tookMs = performance.now() - at;
    t.diagnostic(`killed → ${seats + 1} grants: ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
    for (const { name, isLiving } of gateways) if (isLiving) await untilServed(load.answers, name, 10);
  };
  const { conductor } = await split(gateways);
  await kill(conductor);
  await untilOrdered(gateways);
  const { member } = await split(gateways.filter(({ isLiving }) => isLiving));
  await kill(member);
  await load.stop();
  assert.deepEqual(
    bad(load.answers).filter(({ by }) => by !== conductor.name && by !== member.name),
    [],
  );
  await untilOrdered(gateways);
  await assertSeats(upstream, gateways);
});

test('a gateway that stops loses nothing: neither a member nor who conducts', async t => {
  const { upstream, query, gateways } = await arrange(t, 3);
  const loads = gateways.map(gateway => ({ gateway, load: startLoad([gateway], 4) }));
  for (let left = 3; left > 1; left--) {
    const { conductor, member } = await split(gateways.filter(({ isLiving }) => isLiving));
    const leaving = left === 3 ? conductor : member;
    const { load } = loads.find(({ gateway }) => gateway === leaving) ?? assert.fail();
    await untilServed(load.answers, leaving.name, 4);
    // Its clients go elsewhere first, as behind a balancer; what waits and runs there is served.
    const stopped = load.stop();
    leaving.daemon.signal('SIGTERM');
    await stopped;
    assert.equal(await leaving.daemon.exited, 0);
    await untilOrdered(gateways);
  }
  for (const { load } of loads) await load.stop();
  assert.deepEqual(bad(loads.flatMap(({ load }) => load.answers)), []);
  await assertSeats(upstream, gateways);
  const last = await conductorOf(gateways);
  last.daemon.signal('SIGTERM');
  assert.equal(await last.daemon.exited, 0);
  assert.deepEqual(await query('SELECT holder, members FROM gateway_fleets'), [{ holder: null, members: [] }]);
});

test('while the connection to the conductor is silent a member starts nothing, and then goes on', async t => {
  const upstream = await startFakeUpstream(t, { afterMs });
  const { url: database } = await freshDatabase(t);
  const port = await freePort();
  const way = await startSilencer(t, port);
  const cluster = `listen = 127.0.0.1:${port}\nadvertise = 127.0.0.1:${way.port}`;
  const options = { database, upstream, seats, cluster: hasty };
  const conductor = await startFleetGateway(t, 'conductor', { ...options, cluster: `${cluster}\n${hasty}` });
  const member = await startFleetGateway(t, 'member', options);
  const gateways = [conductor, member];
  await untilOrdered(gateways);
  const load = startLoad(gateways, 6);
  await untilServed(load.answers, 'member', 6);
  way.cut();
  await until(async () => (await fetch(`${member.url}/readyz`)).status === 503);
  const { reasons } = (await (await fetch(`${member.url}/readyz`)).json()) as any;
  assert.match(
    reasons.join(),
    /conductor, which conducts the fleet default, does not answer at tcp:.*\[cluster\] listen/,
  );
  const begun = () => upstream.requests.filter(({ body }) => body.includes('member P')).length;
  const before = begun();
  await untilServed(load.answers, 'conductor', 20);
  assert.equal(begun(), before, 'it has started nothing');
  way.mend();
  await untilServed(load.answers, 'member', 6);
  await load.stop();
  assert.deepEqual(bad(load.answers), []);
  await untilOrdered(gateways);
  await assertSeats(upstream, gateways);
});

test('a conductor that is stopped for a while grants nothing of what others had meanwhile', async t => {
  const { upstream, gateways } = await arrange(t, 3, { cluster: hasty });
  const { conductor } = await split(gateways);
  const others = gateways.filter(gateway => gateway !== conductor);
  const load = startLoad(gateways, 4);
  await untilServed(load.answers, conductor.name, 4);
  conductor.daemon.signal('SIGSTOP');
  t.after(() => conductor.daemon.signal('SIGCONT'));
  // Elected once the row is older than its ttl; what the stopped one holds stays counted.
  for (const { name } of others) await untilServed(load.answers, name, 10);
  conductor.daemon.signal('SIGCONT');
  await untilServed(load.answers, conductor.name, 10);
  await load.stop();
  // To a server that did not run for so long its own connections are idle ones.
  assert.deepEqual(
    bad(load.answers).filter(({ by }) => by !== conductor.name),
    [],
  );
  await untilOrdered(gateways);
  await assertSeats(upstream, gateways);
});

test('a fleet whose database is away goes on as before: in full, within its seats', async t => {
  const upstream = await startFakeUpstream(t, { afterMs });
  const { url } = await freshDatabase(t);
  const way = await startTcpWay(t, url);
  const database = Object.assign(new URL(url), { host: new URL(way.url).host }).href;
  const gateways = await startFleet(t, 2, { database, upstream, seats, cluster: hasty });
  const { conductor, member } = await split(gateways);
  const load = startLoad(gateways, 6);
  await untilServed(load.answers, member.name, 6);
  const at = performance.now();
  await way.cut();
  await conductor.daemon.said('cannot renew the row');
  // Longer than a reign lasts by its row alone.
  await until(() => performance.now() - at > 4_000);
  for (const { name } of gateways) await untilServed(load.answers, name, 20);
  await way.open();
  await load.stop();
  assert.deepEqual(bad(load.answers), []);
  assert.equal(await conductorOf(gateways), conductor);
  await assertSeats(upstream, gateways);
});
