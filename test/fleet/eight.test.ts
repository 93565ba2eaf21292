// A fleet of eight processes that come, go and die for a minute.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrangeFleet, assertSound, type FleetCase, figure } from '../support/fleet-case.ts';
import {
  createKey,
  type FleetGateway,
  livingOf,
  rolesOf,
  startFleetGateway,
  untilOrdered,
} from '../support/fleet-gateways.ts';
import { reignsOf } from '../support/fleet-reigns.ts';
import { bad, type Load, mixed, startLoad, untilServed } from '../support/fleet-requests.ts';
import { freshDatabase } from '../support/postgres.ts';

const count = 8;
const lastsMs = 60_000;

test('eight gateways, one of which dies or leaves at a time while another one comes, for a minute', async t => {
  const database = await freshDatabase(t);
  const lines = { pool: 'queue_drain_sec = 30', gateway: 'port = 0\nshutdown_grace_sec = 40' };
  const arranged = await arrangeFleet(t, { count, on: database, ...lines });
  const gateways = [...arranged.gateways];
  const fleet: FleetCase = { ...arranged, gateways };
  const { upstream, seats } = fleet;
  const [first] = gateways;
  assert.ok(first);
  const keys = await Promise.all([createKey(first), createKey(first), createKey(first)]);
  const loads = new Map<FleetGateway, Load>();
  const load = (gateway: FleetGateway) => loads.set(gateway, startLoad([gateway], 2, mixed(keys)));
  for (const gateway of gateways) load(gateway);
  const killed = new Set<FleetGateway>();
  const at = performance.now();
  let changes = 0;
  while (performance.now() - at < lastsMs) {
    const leaving = (await rolesOf(gateways))[changes % 3 === 0 ? 'conductor' : 'member'];
    await untilServed(loads.get(leaving)?.answers ?? [], leaving.name, 3);
    const how = changes % 2 === 0 ? 'SIGKILL' : 'SIGTERM';
    if (how === 'SIGKILL') killed.add(leaving);
    leaving.daemon.signal(how);
    await Promise.all([loads.get(leaving)?.stop(), leaving.daemon.exited]);
    const name = `gateway-${count + changes}`;
    const young = await startFleetGateway(t, name, { database: database.url, upstream, seats, ...lines });
    gateways.push(young);
    load(young);
    changes++;
  }
  await untilOrdered(gateways);
  for (const gateway of livingOf(gateways)) await untilServed(loads.get(gateway)?.answers ?? [], gateway.name, 5);
  for (const one of loads.values()) await one.stop();
  for (const [gateway, { answers }] of loads)
    if (!killed.has(gateway)) assert.deepEqual(bad(answers), [], gateway.name);
  const answers = [...loads.values()].flatMap(one => one.answers);
  figure(t, 'eight gateways: of them killed or stopped', changes, { atLeast: 5 });
  figure(t, 'eight gateways: elections', reignsOf(gateways).length, {});
  figure(t, `eight gateways: of ${answers.length} requests, broken with their gateway`, bad(answers).length, {});
  await assertSound(t, 'eight gateways', fleet);
});
