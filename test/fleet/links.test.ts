// Connections between gateways that fall silent in one direction or in both, while all of them reach the database.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { arrangeFleet, assertSound, type CaseOptions, type FleetCase, figure, sinceMs } from '../support/fleet-case.ts';
import { createKey, hasty, rolesOf, untilOrdered } from '../support/fleet-gateways.ts';
import { bad, mixed, startLoad, untilServed } from '../support/fleet-requests.ts';
import { startWay, type Way } from '../support/fleet-way.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

/** As in `hasty`. */
const deadAfterMs = 4_000;

/** Each gateway is reached by the others on a way of its own. */
async function arrange(t: TestContext, count: number, isolated: 'keep' | 'cut', more: Partial<CaseOptions> = {}) {
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const ways = await Promise.all(ports.map(port => startWay(t, port)));
  const clusterOf = (at: number) =>
    `${hasty}\nisolated = ${isolated}\nlisten = 127.0.0.1:${ports[at]}\nadvertise = 127.0.0.1:${ways[at]?.port}`;
  const fleet = await arrangeFleet(t, { count, clusterOf, ...more });
  const wayOf = (name: string): Way => ways[Number(name.split('-')[1])] ?? assert.fail();
  return { fleet, wayOf };
}

const isReady = async ({ url }: { readonly url: string }) => (await fetch(`${url}/readyz`)).status === 200;

interface Cut {
  readonly directions: readonly ('in' | 'out')[];
  readonly how: 'mend' | 'reset';
}

async function cutAll(t: TestContext, fleet: FleetCase, wayOf: (name: string) => Way, { directions, how }: Cut) {
  const { conductor } = await rolesOf(fleet.gateways);
  const members = fleet.gateways.filter(gateway => gateway !== conductor);
  const [first] = fleet.gateways;
  assert.ok(first);
  const load = startLoad(fleet.gateways, fleet.seats, mixed([await createKey(first), await createKey(first)]));
  for (const { name } of fleet.gateways) await untilServed(load.answers, name, 10);
  const what = `${directions.join(' and ')} cut, then ${how === 'mend' ? 'late' : 'reset'}`;
  const at = performance.now();
  wayOf(conductor.name).cut(...directions);
  for (const member of members) await until(async () => !(await isReady(member)));
  figure(t, `${what}: until members are not ready`, sinceMs(at), { unit: 'ms', atMost: deadAfterMs + 1_000 });
  await until(() => performance.now() - at > deadAfterMs + 1_000);
  // All seats are the conductor's now, and members start nothing.
  const begun = () => fleet.upstream.requests.filter(({ body }) => !body.includes(`"user":"${conductor.name}"`)).length;
  const before = begun();
  await untilServed(load.answers, conductor.name, 4 * fleet.seats);
  assert.equal(begun(), before);
  const mendedAt = performance.now();
  wayOf(conductor.name)[how]();
  for (const { name } of members) await untilServed(load.answers, name, 10);
  figure(t, `${what}: from then until members are served`, sinceMs(mendedAt), { unit: 'ms', atMost: 5_000 });
  await load.stop();
  assert.deepEqual(bad(load.answers), []);
  await untilOrdered(fleet.gateways);
}

test('the connections to the conductor fall silent: one way, the other, and both', async t => {
  const { fleet, wayOf } = await arrange(t, 3, 'keep');
  for (const cut of [
    { directions: ['in'], how: 'mend' },
    { directions: ['out'], how: 'mend' },
    { directions: ['in', 'out'], how: 'mend' },
    { directions: ['in', 'out'], how: 'reset' },
  ] as const)
    await t.test(`${cut.directions.join(' and ')}, then ${cut.how}`, t => cutAll(t, fleet, wayOf, cut));
  await assertSound(t, 'links cut', fleet);
});

test('connections that are silent for less than two seconds change nothing', async t => {
  const { fleet, wayOf } = await arrange(t, 2, 'cut');
  const { conductor, member } = await rolesOf(fleet.gateways);
  const { epoch } = await conductor.shown();
  const load = startLoad(fleet.gateways, fleet.seats);
  for (const directions of [['in'], ['out'], ['in', 'out']] as const) {
    await untilServed(load.answers, member.name, 10);
    wayOf(conductor.name).cut(...directions);
    // The silence is what is tried.
    await pause(1_500);
    wayOf(conductor.name).mend();
  }
  await untilServed(load.answers, member.name, 10);
  await load.stop();
  assert.deepEqual(bad(load.answers), []);
  assert.equal((await conductor.shown()).epoch, epoch);
  await assertSound(t, 'short silences', fleet);
});

const streams = 3;

/** Streams of a member that end only when the test says so; then its link falls silent for longer than dead_after. */
async function isolate(t: TestContext, isolated: 'keep' | 'cut') {
  const { fleet, wayOf } = await arrange(t, 2, isolated, {
    reply: ({ stream }) => (stream ? { chunks: 3, gated: true } : { afterMs: 40 }),
  });
  const { conductor, member } = await rolesOf(fleet.gateways);
  const running = Array.from({ length: streams }, () => member.chat({ isStream: true }));
  await fleet.upstream.waitForActive(streams);
  const load = startLoad(fleet.gateways, 2 * fleet.seats);
  await untilServed(load.answers, conductor.name, 10);
  const at = performance.now();
  wayOf(conductor.name).cut('in', 'out');
  return { fleet, wayOf, conductor, member, running, load, at };
}

test('isolated = cut: the streams of an isolated member break off, and there are never more than seats', async t => {
  const { fleet, wayOf, conductor, member, running, load, at } = await isolate(t, 'cut');
  const broken = await Promise.all(running);
  figure(t, 'isolated = cut: until its streams broke off', sinceMs(at), { unit: 'ms', atMost: deadAfterMs });
  assert.deepEqual(new Set(broken.map(({ status }) => status)), new Set([0]));
  await until(() => fleet.oracle.activeOf(conductor.name) === fleet.seats);
  figure(t, 'isolated = cut: until the others had all seats', sinceMs(at), { unit: 'ms', atMost: deadAfterMs + 1_000 });
  wayOf(conductor.name).mend();
  await untilServed(load.answers, member.name, 10);
  await load.stop();
  await fleet.oracle.settled();
  assert.equal(fleet.oracle.mostOfAll, fleet.oracle.most, 'nothing is counted apart');
  await untilOrdered(fleet.gateways);
  await assertSound(t, 'isolated = cut', fleet);
});

test('isolated = keep: the streams of an isolated member run on to their end, beside all seats', async t => {
  const { fleet, wayOf, conductor, member, running, load, at } = await isolate(t, 'keep');
  await until(() => performance.now() - at > 0.9 * deadAfterMs);
  assert.equal(fleet.oracle.setApart(member.name), streams);
  await until(() => fleet.oracle.activeOf(conductor.name) === fleet.seats);
  figure(t, 'isolated = keep: until the others had all seats', sinceMs(at), {
    unit: 'ms',
    atMost: deadAfterMs + 1_000,
  });
  wayOf(conductor.name).mend();
  // They count again from here on: nothing starts beside them.
  await untilServed(load.answers, conductor.name, 10);
  fleet.upstream.open();
  assert.deepEqual(bad(await Promise.all(running)), []);
  await untilServed(load.answers, member.name, 10);
  await load.stop();
  await fleet.oracle.settled();
  figure(t, `isolated = keep: at once, with its ${streams} streams`, fleet.oracle.mostOfAll, {
    atMost: fleet.seats + streams,
  });
  await untilOrdered(fleet.gateways);
  await assertSound(t, 'isolated = keep', fleet);
});
