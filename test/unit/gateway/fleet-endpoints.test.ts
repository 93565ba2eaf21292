/** The endpoints of a fleet: counted by its conductor, seen by each of its members. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FleetEndpoints, self } from '../../../src/gateway/fleet/fleet-endpoints.ts';
import { putBack } from '../../../src/gateway/pool/ticket.ts';
import { turn, World } from '../../support/fleet-world.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { anyTarget } from '../../support/pool-settings.ts';

const { provider } = anyTarget;
const seats = (e1: number, e2: number) => [
  { id: 'e1', seats: e1 },
  { id: 'e2', seats: e2 },
];

/** Two gateways, of which the first conducts, and which both see two endpoints of two seats each. */
async function arrange() {
  const world = new World(2, { seats: 100 });
  const [one = assert.fail(), two = assert.fail()] = world.nodes;
  const see = (node: typeof one, ...of: Parameters<typeof seats>) =>
    node.seats.setEndpoints('gpu', provider, seats(...of));
  for (const node of world.nodes) see(node, 2, 2);
  world.conduct(one);
  world.greet(two);
  await world.deliverAll();
  const request = async (node: typeof one) => {
    world.request(node, 3, 'a');
    await world.deliverAll();
    await world.deliverAll();
  };
  const at = (node?: typeof one) =>
    world.running
      .flatMap(running => (node === undefined || running.node === node ? [running.endpoint ?? '-'] : []))
      .toSorted();
  const conducted = (node: typeof one) => [node.pool.view.stats().seats, node.pool.view.stats().in_use];
  return { world, one, two, see, request, at, conducted };
}

test('two gateways together have no more requests at an endpoint than it has seats', async () => {
  const { one, two, request, at, conducted } = await arrange();
  for (let nth = 0; nth < 4; nth++) for (const node of [one, two]) await request(node);
  assert.deepEqual(at(), ['e1', 'e1', 'e2', 'e2']);
  assert.deepEqual(conducted(one), [4, 4]);
});

test('an endpoint that only one gateway loses is avoided by it, and used by the others', async () => {
  const { world, one, two, see, request, at } = await arrange();
  for (const node of [one, two]) for (let nth = 0; nth < 2; nth++) await request(node);
  for (const running of [...world.running]) running.end('served');
  await world.deliverAll();
  see(two, 0, 2);
  await world.deliverAll();
  assert.equal(one.pool.view.stats().seats, 4, 'it is up for the fleet');
  for (let nth = 0; nth < 3; nth++) await request(two);
  assert.deepEqual(at(two), ['e2', 'e2']);
  for (let nth = 0; nth < 3; nth++) await request(one);
  assert.deepEqual(at(one), ['e1', 'e1'], 'those that wait for the other endpoint block nobody');
  see(two, 2, 2);
  await world.deliverAll();
  await world.settle();
  assert.equal(world.outcomes.length, 10);
  assert.deepEqual(
    one.pool.endpoints().map(({ inUse }) => inUse),
    [0, 0],
  );
});

test('what the conductor itself cannot reach, its own waiting requests avoid', async () => {
  const { world, one, two, see, request, at } = await arrange();
  for (const node of [one, two]) for (let nth = 0; nth < 2; nth++) await request(node);
  for (let nth = 0; nth < 2; nth++) await request(one);
  see(one, 0, 2);
  world.running.find(({ endpoint }) => endpoint === 'e1')?.end('served');
  await world.deliverAll();
  assert.deepEqual(at(), ['e1', 'e2', 'e2'], 'both wait for e2');
  await request(two);
  assert.deepEqual(at(), ['e1', 'e1', 'e2', 'e2']);
});

test('an endpoint is down for all when most of those say so that have lately tried it', () => {
  const clock = new ManualClock();
  const endpoints = new FleetEndpoints(clock);
  for (const from of [self, 'b', 'c']) endpoints.hear(from, provider, seats(2, 2));
  const sights = endpoints.of(provider) ?? assert.fail();
  for (const from of [self, 'b', 'c']) sights.tried(from, 'e1');
  sights.hear('b', seats(0, 2));
  assert.deepEqual(sights.forAll(), seats(2, 2));
  assert.deepEqual([sights.avoidedBy('b'), sights.avoidedBy('c')], [['e1'], []]);
  sights.hear('c', seats(0, 2));
  assert.deepEqual(sights.forAll(), seats(0, 2));
  assert.deepEqual(
    [self, 'b', 'c'].flatMap(from => sights.avoidedBy(from)),
    [],
  );
  sights.hear('c', seats(2, 2));
  assert.deepEqual(sights.forAll(), seats(2, 2));
  clock.advance(30_001);
  assert.deepEqual(sights.forAll(), seats(0, 2), 'only b has tried it lately');
  endpoints.forget('b');
  assert.deepEqual(sights.forAll(), seats(2, 2));
});

test('a conductor that takes over counts the requests that run at each endpoint', async () => {
  const { world, one, two, request, conducted } = await arrange();
  for (let nth = 0; nth < 3; nth++) for (const node of [one, two]) await request(node);
  const before = world.running.map(({ requestId, endpoint }) => `${requestId} ${endpoint}`);
  world.conduct(two);
  world.greet(one);
  await world.deliverAll();
  await world.deliverAll();
  assert.deepEqual(
    world.running.map(({ requestId, endpoint }) => `${requestId} ${endpoint}`),
    before,
  );
  assert.deepEqual(conducted(two), [4, 4]);
  assert.deepEqual(
    two.pool.endpoints().map(({ id, inUse }) => `${id} ${inUse}`),
    ['e1 2', 'e2 2'],
  );
  await world.settle();
  assert.deepEqual(
    two.pool.endpoints().map(({ inUse }) => inUse),
    [0, 0],
  );
});

test('a request that its gateway puts back is told with the endpoints that it avoids', async () => {
  const { world, two, request, at } = await arrange();
  world.request(two, 3, 'a');
  await world.deliverAll();
  await world.deliverAll();
  const [running = assert.fail()] = world.running;
  Object.assign(world.tickets[0] ?? {}, { avoid: [running.endpoint] });
  running.busy(0);
  running.end(putBack);
  await world.deliverAll();
  await world.deliverAll();
  assert.equal(at(two).length, 1);
  assert.notEqual(at(two)[0], running.endpoint);
  await request(two);
});

test('property: whatever is lost and whoever conducts, no endpoint has more requests than seats', async () => {
  const node = fc.nat(2);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('request' as const), node }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('end' as const), node: fc.nat(20) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('up' as const, 'down' as const), node }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('greet' as const), node }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'find' as const), node, nth: fc.nat(1) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'conduct' as const), node }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 150, size: 'max' }), async steps => {
      const world = new World(3, { seats: 100 });
      const sight = world.nodes.map(() => [2, 1] as [number, number]);
      for (const each of world.nodes) each.seats.setEndpoints('gpu', provider, seats(2, 1));
      world.conduct(world.nodes[0] ?? assert.fail());
      for (const one of steps) {
        const target = world.nodes[one.node % 3] ?? assert.fail();
        if (one.do === 'request') world.request(target, 3, `tenant-${one.node}`);
        else if (one.do === 'end') world.running[one.node % Math.max(world.running.length, 1)]?.end('served');
        else if (one.do === 'up' || one.do === 'down')
          for (let many = 0; many < 4; many++) world.deliver(target, one.do);
        else if (one.do === 'lose' || one.do === 'find') {
          const seen = sight[one.node % 3] ?? [2, 1];
          seen[one.nth as 0 | 1] = one.do === 'lose' ? 0 : one.nth === 0 ? 2 : 1;
          target.seats.setEndpoints('gpu', provider, seats(...seen));
        } else world[one.do](target);
        await turn();
        const used = (id: string) => world.running.filter(({ endpoint }) => endpoint === id).length;
        assert.ok(used('e1') <= 2 && used('e2') <= 1, `${used('e1')} and ${used('e2')}`);
      }
      for (const each of world.nodes) each.seats.setEndpoints('gpu', provider, seats(2, 1));
      await world.settle();
      await world.settle();
      const answered = await Promise.race([Promise.all(world.outcomes), turn().then(() => 'not all are answered')]);
      assert.ok(Array.isArray(answered), String(answered));
    }),
    { numRuns: 100 },
  );
});
