/** A member that stands still is granted no more than its credit; one that answers notices nothing of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mostUnanswered } from '../../../src/gateway/fleet/credit.ts';
import { turn, World } from '../../support/fleet-world.ts';
import { perLevel } from '../../support/pool-settings.ts';

const seats = 8;
/** Waited for an answer; see credit.ts. */
const answerWithinMs = 500;

/** The second of these stands still: what is said to it is not read. */
async function arrange(answersPings = true, others = 1) {
  const world = new World(2 + others, { seats, queueTimeoutMs: perLevel(60_000) });
  const [conductor, still, ...rest] = world.nodes;
  const [other] = rest;
  assert.ok(conductor && still && other);
  still.answersPings = answersPings;
  world.conduct(conductor);
  for (const node of world.nodes) world.greet(node);
  await allArrives(world);
  const held = () => conductor.seats.seatsOf(still.id) ?? assert.fail();
  const inUse = () => conductor.pool.view.stats().in_use;
  return { world, conductor, still, other, rest, held, inUse };
}
type Arranged = Awaited<ReturnType<typeof arrange>>;

/** All seats are the other's, and the still one's requests are the next in order, before more of the other. */
async function allTaken({ world, still, other }: Arranged): Promise<void> {
  for (let count = 0; count < seats; count++) world.request(other, 3, 'a');
  await allArrives(world);
  for (let count = 0; count < 2 * seats; count++) world.request(still, 0, 'b');
  while (world.deliver(still, 'up'));
  for (let count = 0; count < seats; count++) world.request(other, 9, 'c');
  await allButStill({ world, still });
  assert.equal(world.running.length, seats);
}

/** All that is said arrives, but nothing at the still one, nor anything from it. */
async function allButStill({ world, still }: Pick<Arranged, 'world' | 'still'>): Promise<void> {
  const rest = world.nodes.filter(node => node !== still);
  for (let isBusy = true; isBusy; ) {
    await turn();
    isBusy = false;
    for (const node of rest) while (world.deliver(node, 'up') || world.deliver(node, 'down')) isBusy = true;
  }
}

async function allArrives(world: World): Promise<void> {
  do await turn();
  while (await world.deliverAll());
}

function unheard({ conductor }: Arranged): string[] {
  const outlook = conductor.seats.seenFleet.outlook();
  return outlook?.who === 'self' ? outlook.unheard.map(({ id }) => id) : assert.fail();
}

async function endAll(arranged: Arranged): Promise<void> {
  for (const { end } of [...arranged.world.running]) end('served');
  await allButStill(arranged);
}

test('a member that stands still is granted a quarter of the seats, and the others the rest, once it has had its time to answer', async () => {
  const arranged = await arrange();
  await allTaken(arranged);
  await endAll(arranged);
  assert.deepEqual([arranged.held(), arranged.inUse()], [seats / 4, seats / 4], 'its next request is waited for');
  arranged.world.clock.advance(answerWithinMs - 1);
  await allButStill(arranged);
  assert.equal(arranged.world.running.length, 0);
  arranged.world.clock.advance(1);
  await allButStill(arranged);
  assert.deepEqual([arranged.held(), arranged.world.running.length], [seats / 4, seats - seats / 4]);
  assert.deepEqual(unheard(arranged), [arranged.still.id], 'what waits of it is missing, for whoever looks on');
});

test('more than that it is not granted later either, and nobody waits for it again', async () => {
  const arranged = await arrange();
  await allTaken(arranged);
  await endAll(arranged);
  arranged.world.clock.advance(answerWithinMs);
  await allButStill(arranged);
  for (let round = 0; round < 5; round++) {
    for (let count = 0; count < seats; count++) arranged.world.request(arranged.other, 9, 'c');
    await endAll(arranged);
    assert.deepEqual([arranged.held(), arranged.inUse()], [seats / 4, seats]);
  }
});

test('its requests keep places, ages and deadlines: all are served once it goes on, or refused in their time', async () => {
  const arranged = await arrange();
  const { world, still, conductor } = arranged;
  await allTaken(arranged);
  await endAll(arranged);
  world.clock.advance(answerWithinMs);
  await allButStill(arranged);
  world.clock.advance(10_000);
  await allArrives(world);
  assert.deepEqual(unheard(arranged), []);
  // It has answered: what waits is in order again, before all of worse levels.
  const waiting = conductor.pool.guests().filter(({ charged }) => charged === null);
  assert.deepEqual(new Set(waiting.map(({ guest }) => guest.asked.level)), new Set([0, 9]));
  const ages = waiting.filter(({ guest }) => guest.asked.level === 0).map(({ ageMs, wait }) => [ageMs, wait.waitMs]);
  assert.ok(ages.every(([age, waited]) => age === 10_000 + answerWithinMs && waited === age));
  world.running.find(({ node }) => node !== still)?.end('served');
  await allArrives(world);
  assert.equal(world.running.filter(({ node }) => node === still).length, seats / 4 + 1);
  await world.settle();
  assert.deepEqual(new Set(await Promise.all(world.outcomes)), new Set(['served']));
});

test('a burst of a member that answers starts whole, in order, without the clock', async () => {
  const arranged = await arrange();
  const { world, still } = arranged;
  await allTaken(arranged);
  for (const { end } of [...world.running]) end('served');
  await allArrives(world);
  assert.deepEqual([arranged.held(), world.running.filter(({ node }) => node === still).length], [seats, seats]);
  assert.equal(world.clock.now(), 0);
});

test('requests that come at once find all seats that are free, without being waited for', async () => {
  const { world, still, held } = await arrange();
  for (let count = 0; count < seats; count++) world.request(still, 3, 'a');
  while (world.deliver(still, 'up'));
  assert.equal(held(), seats);
});

test('all that stand still are found out at the same time', async () => {
  const arranged = await arrange(true, 4);
  const { world, conductor, other, rest } = arranged;
  for (let count = 0; count < seats; count++) world.request(other, 3, 'a');
  await allArrives(world);
  const still = [arranged.still, ...rest.filter(node => node !== other)];
  for (const node of still) for (let count = 0; count < seats; count++) world.request(node, 0, 'b');
  for (const node of still) while (world.deliver(node, 'up'));
  for (let count = 0; count < seats; count++) world.request(conductor, 9, 'c');
  for (const { end } of [...world.running]) end('served');
  await turn();
  while (world.deliver(other, 'up'));
  world.clock.advance(answerWithinMs);
  await turn();
  const held = still.map(({ id }) => conductor.seats.seatsOf(id));
  assert.deepEqual(held, [seats / 4, 0, 0, 0], 'only the first had been granted any');
  assert.equal(conductor.pool.view.stats().in_use, seats);
});

test('a member of an older version, which would not answer, is granted seats as before', async () => {
  const arranged = await arrange(false);
  await allTaken(arranged);
  await endAll(arranged);
  assert.equal(arranged.held(), seats);
  assert.equal(arranged.world.clock.now(), 0);
});

test('what a member of its own was asked for is forgotten with its connection, and with the reign', async () => {
  for (const how of ['cut', 'conduct'] as const) {
    const arranged = await arrange();
    const { world, still, other } = arranged;
    await allTaken(arranged);
    const before = world.clock.pending;
    await endAll(arranged);
    assert.equal(world.clock.pending, before + 1, 'its answer is waited for');
    if (how === 'cut') world.cut(still);
    else world.conduct(other);
    world.clock.advance(answerWithinMs);
    await world.settle();
    assert.deepEqual(new Set(await Promise.all(world.outcomes)), new Set(['served']), how);
  }
});

test('the credit is at least one seat, and never more than half of several', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), count => {
      const most = mostUnanswered(count);
      assert.ok(most >= 1 && (count === 1 || most <= count / 2));
    }),
  );
});
