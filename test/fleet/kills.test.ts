// Processes that are killed or stopped, under load at twice the capacity: who loses what, and for how long nobody is seated.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { arrangeFleet, assertSound, type FleetCase, figure, sinceMs } from '../support/fleet-case.ts';
import { createKey, type FleetGateway, livingOf, rolesOf, untilOrdered } from '../support/fleet-gateways.ts';
import { bad, type Load, mixed, startLoad, untilServed } from '../support/fleet-requests.ts';
import { until } from '../support/until.ts';

/** Of one gateway each, so that its clients can go elsewhere; together twice as many as there are seats. */
async function startLoads({ gateways, seats }: FleetCase): Promise<Map<FleetGateway, Load>> {
  const [first] = gateways;
  assert.ok(first);
  const keys = await Promise.all([createKey(first), createKey(first), createKey(first)]);
  const clientsEach = Math.ceil((2 * seats) / gateways.length);
  return new Map(gateways.map(gateway => [gateway, startLoad([gateway], clientsEach, mixed(keys))]));
}

async function untilAllServed(loads: ReadonlyMap<FleetGateway, Load>, living: readonly FleetGateway[]): Promise<void> {
  await Promise.all(living.map(gateway => untilServed(loads.get(gateway)?.answers ?? [], gateway.name, 10)));
}

/** From its death until each seat could have been granted once more. */
async function kill(t: TestContext, fleet: FleetCase, what: string, killed: FleetGateway): Promise<void> {
  killed.daemon.signal('SIGKILL');
  await killed.daemon.exited;
  const at = performance.now();
  const seen = fleet.upstream.requests.length;
  await until(() => fleet.upstream.requests.length > seen);
  const firstMs = sinceMs(at);
  await until(() => fleet.upstream.requests.length > seen + fleet.seats);
  figure(t, `kill -9 of ${what}: until the next grant`, firstMs, { unit: 'ms', atMost: 1_000 });
  figure(t, `kill -9 of ${what}: until ${fleet.seats + 1} grants`, sinceMs(at), { unit: 'ms', atMost: 1_000 });
}

async function endSound(t: TestContext, fleet: FleetCase, loads: ReadonlyMap<FleetGateway, Load>, what: string) {
  for (const load of loads.values()) await load.stop();
  for (const gateway of livingOf(fleet.gateways)) assert.deepEqual(bad(loads.get(gateway)?.answers ?? []), []);
  await untilOrdered(fleet.gateways);
  await assertSound(t, what, fleet);
}

test('kill -9 of a member, of the conductor, and of the next one before the fleet is in order again', async t => {
  const fleet = await arrangeFleet(t, { count: 5 });
  const loads = await startLoads(fleet);
  await untilAllServed(loads, fleet.gateways);
  await kill(t, fleet, 'a member', (await rolesOf(fleet.gateways)).member);
  await untilOrdered(fleet.gateways);
  await untilAllServed(loads, livingOf(fleet.gateways));
  await kill(t, fleet, 'the conductor', (await rolesOf(fleet.gateways)).conductor);
  // Not before the fleet is in order: as soon as anybody conducts.
  await kill(t, fleet, 'the conductor that was just elected', (await rolesOf(fleet.gateways)).conductor);
  await untilAllServed(loads, livingOf(fleet.gateways));
  await endSound(t, fleet, loads, 'kill -9');
});

test('SIGTERM of the conductor and of a member under load loses no request', async t => {
  const fleet = await arrangeFleet(t, {
    count: 3,
    pool: 'queue_drain_sec = 30',
    gateway: 'port = 0\nshutdown_grace_sec = 40',
  });
  const loads = await startLoads(fleet);
  await untilAllServed(loads, fleet.gateways);
  for (const role of ['conductor', 'member'] as const) {
    const leaving = (await rolesOf(fleet.gateways))[role];
    const at = performance.now();
    leaving.daemon.signal('SIGTERM');
    // Its clients go elsewhere, as behind a balancer; what waits and runs there is served.
    await loads.get(leaving)?.stop();
    assert.equal(await leaving.daemon.exited, 0);
    figure(t, `SIGTERM of the ${role}: until it has exited`, sinceMs(at), { unit: 'ms' });
    assert.deepEqual(bad(loads.get(leaving)?.answers ?? []), []);
    await untilOrdered(fleet.gateways);
    await untilAllServed(loads, livingOf(fleet.gateways));
  }
  await endSound(t, fleet, loads, 'SIGTERM');
});
