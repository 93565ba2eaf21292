// Whoever looks on sees the same at every gateway of a fleet, or is told what is missing.
// In a process of its own: it mostly waits for the programs that it starts.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { adminKey } from '../support/admin-key.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { type FleetGateway, startFleetGateway, untilOrdered } from '../support/fleet-gateways.ts';
import { startWay } from '../support/fleet-way.ts';
import { freePort } from '../support/free-port.ts';
import { cliOf } from '../support/gateway-cli.ts';
import { type LiveReader, readLanes } from '../support/live.ts';
import { freshDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

const seats = 4;
const withinMs = 1_000;

interface Sent {
  readonly id: string;
  readonly by: FleetGateway;
  readonly answer: Promise<number>;
}

/** Three gateways, the first of which conducts; its address is reached by a way that can fall silent. */
async function arrange(t: TestContext) {
  const upstream = await startFakeUpstream(t, { hold: true });
  t.after(() => upstream.open());
  const { url: database } = await freshDatabase(t);
  const port = await freePort();
  const way = await startWay(t, port);
  const options = { database, upstream, seats };
  const cluster = `listen = 127.0.0.1:${port}\nadvertise = 127.0.0.1:${way.port}`;
  const gateways = [await startFleetGateway(t, 'gw-0', { ...options, cluster })];
  gateways.push(...(await Promise.all(['gw-1', 'gw-2'].map(name => startFleetGateway(t, name, options)))));
  await untilOrdered(gateways);
  return { upstream, way, gateways };
}

function send(by: FleetGateway, id: string, priority: number): Sent {
  const headers = {
    authorization: `Bearer ${adminKey}`,
    'content-type': 'application/json',
    'x-priority': String(priority),
    'x-request-id': id,
  };
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: id }] });
  const answer = fetch(`${by.url}/v1/chat/completions`, { method: 'POST', headers, body }).then(
    async response => {
      await response.text();
      return response.status;
    },
    () => 0,
  );
  return { id, by, answer };
}

const stats = (gateway: FleetGateway) => gateway.admin('GET', '/admin/scheduler/stats');
const waitingAt = (gateway: FleetGateway) => gateway.admin('GET', '/admin/scheduler/requests');
const found = (gateway: FleetGateway, id: string) => gateway.admin('GET', `/admin/scheduler/requests/${id}`);
const providers = (gateway: FleetGateway) => gateway.admin('GET', '/admin/providers');

const waiting = ({ pools: [pool] }: any): number =>
  pool.levels.reduce((sum: number, level: any) => sum + level.waiting, 0);

/** What does not change while nothing starts or ends. */
const lasting = ({ fleet, boosts, pools }: any) => ({
  ...{ fleet, boosts },
  pools: pools.map(({ name, seats, in_use, free, levels, tenants }: any) => ({
    ...{ name, seats, in_use, free },
    levels: levels.map(({ waiting, running, reserved, cap, wait_ms }: any) => [
      waiting,
      running,
      reserved,
      cap,
      wait_ms,
    ]),
    tenants: tenants.map(({ flow_id, level, waiting, running }: any) => [flow_id, level, waiting, running]),
  })),
});
const placed = ({ request_id, state, level, flow_id, position, ahead, reason, gateway }: any) => ({
  ...{ request_id, state, level, flow_id, position, ahead, reason, gateway },
});
const counted = ({ name, health: { state, requests, failures, last_failure } }: any) => ({
  ...{ name, state, requests, failures, last_failure },
});

async function within<T>(what: string, work: () => Promise<T>): Promise<T> {
  const at = performance.now();
  const done = await work();
  const tookMs = performance.now() - at;
  assert.ok(tookMs < withinMs, `${what}: ${Math.round(tookMs)} ms`);
  return done;
}

test('lanes, counts, requests and providers are the same at every gateway, and each says what is missing', async t => {
  const { upstream, way, gateways } = await arrange(t);
  const [conductor, member, third] = gateways;
  assert.ok(conductor && member && third);
  const readers: LiveReader[] = await Promise.all(gateways.map(({ url }) => readLanes(t, url)));

  // Each provider is used by all three.
  upstream.open();
  const first = gateways.map((by, at) => send(by, `early-${at}`, 3));
  assert.deepEqual(await Promise.all(first.map(({ answer }) => answer)), [200, 200, 200]);
  upstream.shut();

  const sent = [send(conductor, 'run-0', 2), send(conductor, 'run-1', 2), send(member, 'run-2', 2)];
  sent.push(send(third, 'run-3', 2));
  await upstream.waitForActive(seats);
  sent.push(send(member, 'wait-0', 5));
  await until(async () => waiting(await stats(conductor)) === 1);
  sent.push(send(conductor, 'wait-1', 0), send(third, 'wait-2', 5));
  await until(async () => waiting(await stats(conductor)) === 3);

  await assertSame(gateways, readers, { inUse: seats, waiting: 3 });
  for (const at of gateways)
    for (const { id, by } of sent) {
      const request = await within('find', () => found(at, id));
      assert.deepEqual([request.request_id, request.gateway], [id, by.name], JSON.stringify(request));
      assert.equal(request.state, id.startsWith('run') ? 'running' : 'waiting');
      if (request.state === 'waiting') assert.match(request.reason.message, /seats are in use/);
    }
  assert.match((await found(member, 'nobody')).error.message, /on any gateway of the fleet: it has ended/);
  for (const at of gateways) {
    const { providers: listed, fleet } = await within('providers', () => providers(at));
    assert.deepEqual([listed[0].health.requests, listed[0].health.state], [3, 'ok'], at.name);
    assert.deepEqual(fleet, { conductor: 'gw-0', complete: true, missing: [], reason: null });
  }

  way.cut('in', 'out');
  const [, atMember] = readers;
  const lost = await atMember?.next('lanes', ({ fleet }) => !fleet.complete);
  assert.deepEqual(lost.pools, [], 'nothing rather than zeros');
  assert.deepEqual([lost.fleet.conductor, lost.fleet.missing], ['gw-0', ['gw-0']]);
  assert.match(lost.fleet.reason, /gw-0, which conducts the fleet, does not answer/);
  for (const ask of [stats, waitingAt, (at: FleetGateway) => found(at, 'wait-0')]) {
    const { error } = await ask(member);
    assert.equal(error.code, 'unavailable', JSON.stringify(error));
    assert.match(error.message, /gw-0, which conducts the fleet, does not answer|No gateway conducts the fleet/);
  }
  const { providers: own, fleet } = await providers(member);
  assert.deepEqual([own[0].health.requests, fleet.complete], [1, false], 'its own part');
  await until(async () => (await stats(conductor)).fleet.missing.length === 2);
  const { fleet: left } = await stats(conductor);
  assert.deepEqual([left.conductor, left.complete, left.missing], ['gw-0', false, ['gw-1', 'gw-2']]);
  assert.match(left.reason, /Not heard at present: gw-1, gw-2/);
  const top = await cliOf(conductor.url)('top', '--once');
  assert.match(top.out, /^Not complete\. Not heard at present: gw-1, gw-2\.\n\ngpu {2}/);
  const { error: hidden } = await found(conductor, 'nobody');
  assert.deepEqual([hidden.code, /Not heard at present/.test(hidden.message)], ['unavailable', true]);

  way.reset();
  await untilOrdered(gateways);
  await until(async () => (await stats(member)).fleet?.complete === true);
  await assertSame(gateways, readers, { inUse: seats, waiting: 3 });

  conductor.daemon.signal('SIGKILL');
  await conductor.daemon.exited;
  way.close();
  const living = [member, third];
  await untilOrdered(gateways);
  await until(async () => (await stats(member)).fleet?.complete === true);
  // Two seats of the killed one are granted to those that wait.
  await upstream.waitForActive(seats);
  await assertSame(living, readers.slice(1), { inUse: seats, waiting: 0 });
  for (const at of living) assert.equal((await found(at, 'wait-0')).gateway, 'gw-1');
  upstream.open();
  const ends = await Promise.all(sent.map(async ({ by, answer }) => [by === conductor, await answer] as const));
  assert.ok(ends.every(([isKilled, status]) => status === (isKilled ? 0 : 200)));
});

async function assertSame(
  gateways: readonly FleetGateway[],
  readers: readonly LiveReader[],
  is: { readonly inUse: number; readonly waiting: number },
): Promise<void> {
  const lanes = await Promise.all(readers.map(reader => within('lanes', () => reader.next('lanes', isSettled(is)))));
  const shown = await Promise.all(
    gateways.map(async at => ({
      stats: await within('stats', () => stats(at)),
      waiting: (await within('waiting', () => waitingAt(at))).requests.map(placed),
      providers: (await within('providers', () => providers(at))).providers.map(counted),
    })),
  );
  const [first, ...others] = shown;
  const [pool] = first?.stats.pools ?? [];
  assert.deepEqual([pool.seats, pool.in_use, waiting(first?.stats)], [seats, is.inUse, is.waiting]);
  for (const other of others) assert.deepEqual(other, first);
  for (const other of lanes.slice(1)) assert.deepEqual(lasting(other), lasting(lanes[0]));
}

const isSettled =
  (is: { readonly inUse: number; readonly waiting: number }) =>
  (lanes: any): boolean =>
    lanes.fleet.complete && lanes.pools[0]?.in_use === is.inUse && waiting(lanes) === is.waiting;
