// A fleet whose database stops, is away, or is replaced by an older copy, under load by keys that are known.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { arrangeFleet, assertSound, type FleetCase, figure, sinceMs } from '../support/fleet-case.ts';
import { createKey, livingOf, rolesOf, startFleetGateway, untilOrdered, waitingIn } from '../support/fleet-gateways.ts';
import { reignsOf } from '../support/fleet-reigns.ts';
import { type Answered, bad, type Load, mixed, startLoad, untilServed } from '../support/fleet-requests.ts';
import { type PrivateServer, privateServer } from '../support/postgres.ts';
import { until } from '../support/until.ts';

async function arrange(t: TestContext, count: number) {
  const server = await privateServer(t);
  const fleet = await arrangeFleet(t, { count, on: await server.migrated('fleet') });
  const [first] = fleet.gateways;
  assert.ok(first);
  const keys = await Promise.all([createKey(first), createKey(first), createKey(first)]);
  const load = startLoad(fleet.gateways, Math.ceil((2 * fleet.seats) / count), mixed(keys));
  await untilServedEverywhere(fleet, load);
  // Each key is known to each gateway.
  await Promise.all(fleet.gateways.flatMap(gateway => keys.map(key => gateway.chat({ key }))));
  return { server, fleet, load };
}

async function untilServedEverywhere({ gateways }: FleetCase, { answers }: Load): Promise<void> {
  await Promise.all(livingOf(gateways).map(({ name }) => untilServed(answers, name, 10)));
}

/** No reign ends, so that nobody has to wait; what is seen of it is how busy the machine is. */
const noGap = { unit: 'ms', atMost: 2_000 };

/** The longest time without a request that begins upstream, until so long has passed. */
async function longestGap({ upstream }: FleetCase, lastsMs: number): Promise<number> {
  const at = performance.now();
  let [seen, since, gap] = [upstream.requests.length, at, 0];
  while (performance.now() - at < lastsMs) {
    await pause(2);
    const now = performance.now();
    gap = Math.max(gap, now - since);
    if (upstream.requests.length > seen) since = now;
    seen = upstream.requests.length;
  }
  return Math.round(gap);
}

/** Requests of all levels wait at all gateways, and begin in the order of one gateway. */
async function assertOrder({ upstream, oracle, gateways, seats }: FleetCase): Promise<void> {
  await until(() => upstream.active === 0);
  upstream.shut();
  upstream.reply({ hold: true });
  const answers: Promise<Answered>[] = Array.from({ length: seats }, (_, at) => gatewayAt(gateways, at).chat());
  await until(() => upstream.active === seats);
  const seen = upstream.requests.length;
  for (const [at, priority] of [0, 0, 0, 0, 0, 0, 0, 0, 9, 8, 7].toReversed().entries()) {
    answers.push(gatewayAt(gateways, at).chat({ priority }));
    await until(async () => (await waitingIn(gateways)) === at + 1);
  }
  upstream.release(seats);
  await upstream.waitForRequests(seen + seats);
  assert.deepEqual(textsFrom(upstream, seen), Array(seats).fill('P0'));
  upstream.open();
  assert.deepEqual(bad(await Promise.all(answers)), []);
  await oracle.settled();
}

const gatewayAt = (gateways: FleetCase['gateways'], at: number) => gateways[at % gateways.length] ?? assert.fail();
const textsFrom = ({ requests }: FleetCase['upstream'], from: number): string[] =>
  requests.slice(from).map(({ body }) => JSON.parse(body.toString()).messages[0].content);

test('the database is stopped, and crashes, for a few seconds', async t => {
  const { server, fleet, load } = await arrange(t, 3);
  const before = reignsOf(fleet.gateways).length;
  for (const end of ['stop', 'kill'] as const) {
    await server[end]();
    figure(t, `database ${end}: the longest time without a grant`, await longestGap(fleet, 6_000), noGap);
    await server.start();
    await untilServedEverywhere(fleet, load);
  }
  await load.stop();
  assert.deepEqual(bad(load.answers), []);
  assert.equal(reignsOf(fleet.gateways).length, before, 'nobody was elected meanwhile');
  await untilOrdered(fleet.gateways);
  await assertSound(t, 'database stopped', fleet);
});

test('the database is away for 60 s under full load: no request is lost, and the order is kept', async t => {
  const { server, fleet, load } = await arrange(t, 3);
  const before = reignsOf(fleet.gateways).length;
  await server.stop();
  const served = load.answers.length;
  const gapMs = await longestGap(fleet, 57_000);
  figure(t, 'database away for 60 s: the longest time without a grant', gapMs, noGap);
  await load.stop();
  figure(t, 'database away for 60 s: requests answered meanwhile', load.answers.length - served, { atLeast: 1_000 });
  assert.deepEqual(bad(load.answers), []);
  await assertOrder(fleet);
  await server.start();
  await untilOrdered(fleet.gateways);
  assert.equal(reignsOf(fleet.gateways).length, before, 'nobody was elected meanwhile');
  await assertSound(t, 'database away for 60 s', fleet);
});

test('a member is killed while the database is away: its seats are granted to others', async t => {
  const { server, fleet, load } = await arrange(t, 3);
  const { member } = await rolesOf(fleet.gateways);
  await server.stop();
  await pause(6_000);
  member.daemon.signal('SIGKILL');
  await member.daemon.exited;
  const at = performance.now();
  await until(() => fleet.oracle.activeOf(...livingOf(fleet.gateways).map(({ name }) => name)) === fleet.seats);
  figure(t, 'database away, a member killed: until its seats were granted to others', sinceMs(at), {
    ...{ unit: 'ms', atMost: 1_000 },
  });
  await untilServedEverywhere(fleet, load);
  await server.start();
  await load.stop();
  assert.deepEqual(
    bad(load.answers).filter(({ by }) => by !== member.name),
    [],
  );
  await untilOrdered(fleet.gateways);
  await assertSound(t, 'database away, a member killed', fleet);
});

test('the conductor is killed while the database is away: what waits, waits, and nothing starts before it is back', async t => {
  const { server, fleet, load } = await arrange(t, 3);
  const { conductor } = await rolesOf(fleet.gateways);
  await server.stop();
  await pause(2_000);
  conductor.daemon.signal('SIGKILL');
  await conductor.daemon.exited;
  await until(() => fleet.upstream.active === 0);
  const seen = fleet.upstream.requests.length;
  await pause(8_000);
  assert.equal(fleet.upstream.requests.length, seen, 'nothing starts');
  const at = performance.now();
  await server.start();
  await until(() => fleet.upstream.requests.length > seen);
  figure(t, 'conductor killed while the database is away: from its return to the next grant', sinceMs(at), {
    ...{ unit: 'ms', atMost: 6_000 },
  });
  await untilServedEverywhere(fleet, load);
  await load.stop();
  assert.deepEqual(
    bad(load.answers).filter(({ by }) => by !== conductor.name),
    [],
  );
  await untilOrdered(fleet.gateways);
  await assertSound(t, 'conductor killed while the database is away', fleet);
});

interface Row {
  readonly epoch: string;
  readonly holder: string | null;
}

const rowOf = async ({ query }: FleetCase): Promise<Row> =>
  (await query('SELECT epoch, holder FROM gateway_fleets'))[0] as Row;

/** The row has the epoch of the living reign again; what was seen of it before the copy is forgotten. */
async function untilLifted(t: TestContext, fleet: FleetCase, what: string): Promise<void> {
  const at = performance.now();
  await until(async () => {
    const { epoch } = await (await rolesOf(fleet.gateways)).conductor.shown();
    return epoch !== null && Number((await rowOf(fleet)).epoch) === epoch;
  });
  figure(t, `${what}: until the row is that of the living fleet`, sinceMs(at), { unit: 'ms', atMost: 3_000 });
  await fleet.query('DELETE FROM row_seen');
}

test('the row is replaced by an older one of another holder, while all gateways live', async t => {
  const { fleet, load } = await arrange(t, 3);
  const [old] = await fleet.query('SELECT * FROM gateway_fleets');
  assert.ok(old);
  const { conductor } = await rolesOf(fleet.gateways);
  conductor.daemon.signal('SIGKILL');
  await conductor.daemon.exited;
  await untilOrdered(fleet.gateways);
  await untilServedEverywhere(fleet, load);
  await fleet.query('UPDATE gateway_fleets SET epoch = $1, holder = $2, url = $3, renewed_at = $4, members = $5', [
    ...[old.epoch, old.holder, old.url, old.renewed_at, JSON.stringify(old.members)],
  ]);
  await untilLifted(t, fleet, 'an older row');
  await untilServedEverywhere(fleet, load);
  await load.stop();
  assert.deepEqual(
    bad(load.answers).filter(({ by }) => by !== conductor.name),
    [],
  );
  await untilOrdered(fleet.gateways);
  await assertSound(t, 'an older row', fleet);
});

/** Nobody can connect to it meanwhile. */
async function alone(server: PrivateServer, work: () => Promise<unknown>): Promise<void> {
  await server.query('ALTER DATABASE fleet ALLOW_CONNECTIONS false');
  await server.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'fleet'`);
  await work();
  await server.query('ALTER DATABASE fleet ALLOW_CONNECTIONS true');
}

test('the whole database is replaced by a copy that lacks an election and a member', async t => {
  const { server, fleet, load } = await arrange(t, 2);
  await alone(server, () => server.query('CREATE DATABASE older TEMPLATE fleet'));
  await untilOrdered(fleet.gateways);
  const { conductor } = await rolesOf(fleet.gateways);
  conductor.daemon.signal('SIGKILL');
  await conductor.daemon.exited;
  const database = new URL(server.url);
  database.pathname = '/fleet';
  const { upstream, seats } = fleet;
  const late = await startFleetGateway(t, 'gateway-late', { database: database.href, upstream, seats });
  const whole: FleetCase = { ...fleet, gateways: [...fleet.gateways, late] };
  await untilOrdered(whole.gateways);
  const more = startLoad([late], seats);
  await untilServed(more.answers, late.name, 10);
  await alone(server, async () => {
    await server.query('ALTER DATABASE fleet RENAME TO newer');
    await server.query('ALTER DATABASE older RENAME TO fleet');
  });
  await untilLifted(t, whole, 'an older copy of the database');
  await untilServed(more.answers, late.name, 10);
  await untilServedEverywhere(fleet, load);
  await Promise.all([load.stop(), more.stop()]);
  assert.deepEqual(
    bad([...load.answers, ...more.answers]).filter(({ by }) => by !== conductor.name),
    [],
  );
  await untilOrdered(whole.gateways);
  await assertSound(t, 'an older copy of the database', whole);
});
