import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PoolSettings } from '../../../src/config/config.ts';
import { putBack } from '../../../src/gateway/pool/ticket.ts';
import { turn, World } from '../../support/fleet-world.ts';
import { perLevel } from '../../support/pool-settings.ts';

const gateways = 3;
const node = fc.nat(gateways - 1);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('request' as const), node, flow: fc.nat(2), level: fc.nat(2) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('up' as const, 'down' as const), node, many: fc.nat(6) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'put back' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('greet' as const), node }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'late' as const, 'conduct' as const), node }),
  },
);

async function walk(world: World, one: typeof step extends fc.Arbitrary<infer Step> ? Step : never): Promise<void> {
  const at = 'node' in one ? (world.nodes[one.node] ?? assert.fail()) : null;
  switch (one.do) {
    case 'request':
      if (at) world.request(at, ([0, 3, 9] as const)[one.level] ?? 3, `tenant-${one.flow}`);
      break;
    case 'up':
    case 'down':
      for (let count = 0; at && count < one.many; count++) world.deliver(at, one.do);
      break;
    case 'end':
      world.running[one.which % Math.max(world.running.length, 1)]?.end('served');
      break;
    case 'put back': {
      const running = world.running[one.which % Math.max(world.running.length, 1)];
      running?.end(running.busy() ? putBack : 'served');
      break;
    }
    case 'leave':
      world.tickets[one.which % Math.max(world.tickets.length, 1)]?.leave();
      break;
    case 'late':
      if (at) at.isLate = !at.isLate;
      break;
    default:
      if (at) world[one.do](at);
  }
  await turn();
}

test('whatever is lost, late or moved, no more run than there are seats, and in the end all are answered and none is lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(step, { maxLength: 400, size: 'max' }),
      async (seats, steps) => {
        const world = new World(gateways, { seats });
        world.conduct(world.nodes[0] ?? assert.fail());
        for (const one of steps) await walk(world, one);
        await world.settle();
        // A closure by an upstream without room ends.
        world.clock.advance(1_000);
        await world.settle();
        assert.ok(world.mostAtOnce <= seats, `${world.mostAtOnce} of ${seats} at once`);
        const answered = await Promise.race([Promise.all(world.outcomes), turn().then(() => 'not all are answered')]);
        assert.ok(Array.isArray(answered), String(answered));
        for (const { pool } of world.nodes) assert.deepEqual([pool.view.stats().in_use, pool.guests()], [0, []]);
      },
    ),
    { numRuns: 300 },
  );
});

test('without a conductor requests wait, within the bounds of their pool and for their time', async () => {
  const world = new World(1, { seats: 4, maxQueueDepthPool: 2, queueTimeoutMs: perLevel(1_000) });
  const [alone] = world.nodes;
  assert.ok(alone);
  for (let count = 0; count < 3; count++) world.request(alone, 3, 'a');
  assert.equal(await world.outcomes[2], 'queue_full');
  world.clock.advance(1_000);
  assert.equal(world.clock.pending, 2, 'an answer may be on its way');
  world.clock.advance(100);
  assert.deepEqual(await Promise.all(world.outcomes.slice(0, 2)), ['queue_timeout', 'queue_timeout']);
  assert.deepEqual([...alone.seats.tickets()], []);
});

test('what runs on while its gateway is isolated counts again later, and is no seat that it brings', async () => {
  const world = new World(2, { seats: 1 });
  const [conductor, member] = world.nodes;
  assert.ok(conductor && member);
  world.conduct(conductor);
  world.greet(member);
  world.request(member, 3, 'a');
  await world.deliverAll();
  assert.equal(world.running.length, 1);
  assert.deepEqual(member.seats.brings(), [{ pool: 'gpu', seats: 1 }]);
  world.cut(member);
  member.seats.isolate();
  conductor.seats.free(member.id, 'silent');
  assert.deepEqual(member.seats.brings(), []);
  assert.equal(conductor.pool.view.stats().in_use, 0);
  world.greet(member);
  world.request(conductor, 3, 'b');
  await world.deliverAll();
  assert.equal(conductor.seats.seatsOf(member.id), 1);
  await world.settle();
  assert.equal(conductor.pool.view.stats().in_use, 0);
});

test('a pool that the conductor does not have refuses at once, and says so', async () => {
  const world = new World(2, { seats: 1 });
  const [conductor, member] = world.nodes;
  assert.ok(conductor && member);
  world.conduct(conductor);
  world.greet(member, ['other']);
  world.request(member, 3, 'a');
  await world.deliverAll();
  assert.equal(await world.outcomes[0], 'unavailable');
});

test('a seat that came back to a conductor that heard of it is not brought to the next one', async () => {
  const world = new World(2, { seats: 1 });
  const [conductor, member] = world.nodes;
  assert.ok(conductor && member);
  world.conduct(conductor);
  world.greet(member);
  world.request(member, 3, 'a');
  await world.deliverAll();
  world.running[0]?.end('served');
  await world.deliverAll();
  assert.deepEqual(member.seats.brings(), []);
  // Nobody hears of the next one.
  world.request(member, 3, 'b');
  await world.deliverAll();
  world.cut(member);
  world.running[0]?.end('served');
  await turn();
  assert.deepEqual(member.seats.brings(), [{ pool: 'gpu', seats: 1 }]);
  assert.deepEqual(member.seats.brings(), [], 'told once');
});

/** The only seat was granted to the member's first request, and lost on its way; a younger request waits at the conductor. */
async function lostOnItsWay(settings: Partial<PoolSettings>) {
  const world = new World(2, { seats: 1, ...settings });
  const [conductor, member] = world.nodes;
  assert.ok(conductor && member);
  world.conduct(conductor);
  world.greet(member);
  await world.deliverAll();
  // Rates start empty.
  world.clock.advance(1_000_000);
  world.request(member, 3, 'a');
  world.deliver(member, 'up');
  assert.equal(conductor.seats.seatsOf(member.id), 1);
  world.clock.advance(5);
  world.request(conductor, 3, 'a');
  world.cut(member);
  world.greet(member);
  await world.deliverAll();
  await world.deliverAll();
  return { world, conductor, member };
}

test('a seat that was lost on its way goes to the oldest request, not to whoever waits there when it comes back', async () => {
  const { world, conductor, member } = await lostOnItsWay({});
  assert.deepEqual(
    world.running.map(({ node }) => node),
    [member],
  );
  await world.settle();
  const { dispatched, cancelled } = conductor.pool.view.stats().levels[3] ?? assert.fail();
  assert.deepEqual([dispatched, cancelled], [2, 0]);
});

test('a seat that was lost on its way has cost its pool no start', async () => {
  const { world, member } = await lostOnItsWay({ requestsPerSec: 0.001, requestBurst: 1 });
  assert.deepEqual(
    world.running.map(({ node }) => node),
    [member],
    'the rate has one start in a thousand seconds',
  );
});
