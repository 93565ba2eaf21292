/** What an upstream says to one gateway of a fleet, and what the others make of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putBack } from '../../../src/gateway/pool/ticket.ts';
import { anyFields } from '../../support/arrange-dispatcher.ts';
import { World } from '../../support/fleet-world.ts';
import { anyTarget, perLevel } from '../../support/pool-settings.ts';

/** All that is said has arrived, and all that it led to. */
async function quiet(world: World): Promise<void> {
  while (await world.deliverAll());
}

/** Node 0 conducts, node 1 and 2 are its members. */
async function arrange(seats: number) {
  const world = new World(3, { seats, queueTimeoutMs: perLevel(30_000) });
  const [conductor = assert.fail(), member = assert.fail(), other = assert.fail()] = world.nodes;
  world.conduct(conductor);
  world.greet(member);
  world.greet(other);
  await quiet(world);
  const runningOn = (node: typeof member) =>
    world.running.find(one => one.node === node) ?? assert.fail('nothing runs');
  return { world, conductor, member, other, runningOn };
}

for (const hearer of ['conductor', 'other'] as const) {
  test(`a member puts nothing back beyond a longer closure that the upstream told the ${hearer}`, async () => {
    const arranged = await arrange(2);
    const { world, member, runningOn } = arranged;
    world.request(member, 3, 'a');
    world.request(arranged[hearer], 3, 'b');
    await quiet(world);
    assert.equal(runningOn(arranged[hearer]).busy(60_000), false);
    await quiet(world);
    // A second later its time is not over, but that of the longer closure neither.
    assert.equal(runningOn(member).busy(1_000), false);
    await world.settle();
    assert.deepEqual(await Promise.all(world.outcomes), ['served', 'served']);
  });
}

test('what another model or a shorter closure says keeps a member from nothing', async () => {
  const { world, member, other, runningOn } = await arrange(2);
  world.request(member, 3, 'a');
  world.request(other, 3, 'b');
  await quiet(world);
  runningOn(other).busy(500);
  await quiet(world);
  assert.equal(runningOn(member).busy(2_000), true);
  runningOn(member).end(putBack);
  runningOn(other).end('served');
  await quiet(world);
  world.clock.advance(2_000);
  await world.settle();
  assert.deepEqual(await Promise.all(world.outcomes), ['served', 'served']);
});

test('who comes after a closure is told of it, and who comes to a new conductor knows of none', async () => {
  const { world, conductor, member, other, runningOn } = await arrange(2);
  world.request(conductor, 3, 'b');
  await quiet(world);
  runningOn(conductor).busy(60_000);
  world.cut(member);
  world.greet(member);
  await quiet(world);
  world.running[0]?.end('served');
  await quiet(world);
  world.clock.advance(30_000);
  // The probe: nobody else may start.
  world.request(member, 3, 'a');
  await quiet(world);
  assert.equal(runningOn(member).busy(2_000), true, 'the probe brings a newer word than the closure');
  world.conduct(other);
  world.greet(member);
  world.greet(conductor);
  await quiet(world);
  assert.equal(runningOn(member).busy(3_000), true);
  await world.settle();
});

test('an answer is told to the conductor only where it is waited for, and ends the closure for all', async () => {
  const { world, conductor, member, other, runningOn } = await arrange(2);
  world.request(member, 3, 'a');
  await quiet(world);
  const words = () => member.link?.up.length;
  runningOn(member).answered(200);
  assert.equal(words(), 0);
  runningOn(member).busy(60_000);
  runningOn(member).end('served');
  await quiet(world);
  world.clock.advance(30_000);
  world.request(other, 3, 'b');
  world.request(member, 3, 'c');
  await quiet(world);
  assert.equal(world.running.length, 1, 'one is the probe');
  assert.equal(conductor.pool.closed().length, 1);
  world.running[0]?.answered(200);
  await quiet(world);
  assert.deepEqual([conductor.pool.closed().length, world.running.length], [0, 2]);
});

test('who gives up for its time is counted as timed out, and who leaves as cancelled', async () => {
  const { world, conductor, member } = await arrange(1);
  world.request(conductor, 3, 'a');
  world.request(member, 3, 'b');
  world.request(member, 3, 'c');
  await quiet(world);
  world.tickets[2]?.leave();
  await quiet(world);
  // The first request of the member: its net is cast for when no answer comes.
  conductor.seats.said(member.id, { t: 'leave', ticket: 1, attempt: 1, code: 'timed_out' });
  const { cancelled, timed_out } = conductor.pool.view.stats().levels[3] ?? assert.fail();
  assert.deepEqual([cancelled, timed_out], [1, 1]);
});

/** All gateways see two endpoints of one seat each. */
async function arrangeEndpoints() {
  const arranged = await arrange(100);
  const { world } = arranged;
  const seats = ['e1', 'e2'].map(id => ({ id, seats: 1 }));
  for (const node of world.nodes) node.seats.setEndpoints('gpu', anyTarget.provider, seats);
  await quiet(world);
  const at = (endpoint: string) =>
    world.running.find(one => one.endpoint === endpoint) ?? assert.fail(`nothing runs at ${endpoint}`);
  return { ...arranged, at };
}

test('a member whose endpoint is busy puts its request back, and it goes to the other endpoint', async () => {
  const { world, conductor, member, other, at } = await arrangeEndpoints();
  world.request(member, 3, 'a');
  await quiet(world);
  const { endpoint } = world.running[0] ?? assert.fail();
  assert.equal(world.running[0]?.busy(60_000), true, 'longer than it may wait, but another endpoint has room');
  world.running[0]?.end(putBack);
  await quiet(world);
  const second = endpoint === 'e1' ? 'e2' : 'e1';
  assert.equal(at(second).node, member);
  assert.deepEqual(
    conductor.pool.closed().map(closed => [closed.model, closed.endpoint]),
    [[anyTarget.model, endpoint]],
  );
  world.request(other, 3, 'b');
  await quiet(world);
  assert.equal(world.running.length, 1, 'it waits for the open endpoint');
  const ticket = other.dispatcher.ticket({ ...anyFields, flowId: 'b', level: 3 });
  assert.equal(other.dispatcher.outlook(ticket).isClosed, false);
  assert.equal(at(second).busy(50_000), false, 'no endpoint takes the model in time');
  await quiet(world);
  assert.equal(other.dispatcher.outlook(ticket).isClosed, true);
  await world.settle();
});

test('a member tells of the answer to a probe of an endpoint, and the endpoint opens for all', async () => {
  const { world, conductor, member, other, at } = await arrangeEndpoints();
  world.request(member, 3, 'a');
  await quiet(world);
  const { endpoint } = world.running[0] ?? assert.fail();
  world.running[0]?.busy(300_000);
  world.running[0]?.end('served');
  await quiet(world);
  world.clock.advance(30_000);
  world.request(member, 3, 'a');
  world.request(other, 3, 'b');
  await quiet(world);
  assert.equal(conductor.pool.closed().length, 1);
  at(endpoint ?? '').answered(200);
  await quiet(world);
  assert.deepEqual(conductor.pool.closed(), []);
  await world.settle();
});

test('an older member is told of no closure that is wider than what was said', async () => {
  const { world, conductor, member } = await arrangeEndpoints();
  world.request(conductor, 3, 'a');
  await quiet(world);
  world.running[0]?.busy(60_000);
  const words = (member.link?.down ?? []).map(word => JSON.parse(word)).filter(({ t }) => t === 'closures');
  assert.deepEqual(
    words.map(({ closures, isCut, atEndpoints }) => [closures, isCut, atEndpoints.length]),
    [[[], false, 1]],
  );
  await world.settle();
});
