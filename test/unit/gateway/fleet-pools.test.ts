// What whoever looks on at one gateway of a fleet is told of all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../../src/domain/errors.ts';
import type { ProviderClosures } from '../../../src/domain/shown/live.ts';
import { noTally, type ProviderTally } from '../../../src/domain/shown/provider-tally.ts';
import { MessageFault } from '../../../src/fleet/messages/messages.ts';
import { FleetPools } from '../../../src/gateway/fleet/fleet-pools.ts';
import { PoolsView } from '../../../src/gateway/pool/view/pools-view.ts';
import { healthOf } from '../../../src/observed/provider-health.ts';
import { stepMs } from '../../../src/observed/wait-window.ts';
import { turn, World } from '../../support/fleet-world.ts';

const open: ProviderClosures = { closed_until: null, closed_models: [], closed_models_left_out: 0 };
const whole = { conductor: 'name of node-0', complete: true, missing: [], reason: null };

/** The first of them conducts, and each is looked at; `tallies` are those of its own requests. */
async function arrange(count = 3, tallies: readonly Partial<ProviderTally>[] = []) {
  const world = new World(count, { seats: 2 });
  const looks = world.nodes.map((node, at) => {
    const looked = new FleetPools({
      self: { id: node.id, name: `name of ${node.id}` },
      clock: world.clock,
      view: new PoolsView([node.pool.view]),
      tallies: () => [{ provider: 'gpu', tally: { ...noTally, ...tallies[at] } }],
      closuresOf: () => open,
      fleet: node.seats.seenFleet,
    });
    node.seats.shownBy(looked);
    return looked;
  });
  const [conductor, member, third] = world.nodes;
  const [atConductor, atMember] = looks;
  assert.ok(conductor && member && atConductor && atMember);
  world.conduct(conductor);
  for (const node of world.nodes) world.greet(node);
  await world.deliverAll();
  /** What is asked is answered, as far as messages arrive. */
  const heard = async <T>(answer: Promise<T>): Promise<T> => {
    await world.deliverAll();
    await world.deliverAll();
    return answer;
  };
  return { world, looks, conductor, member, third, atConductor, atMember, heard };
}

const codeOf = (error: unknown): string =>
  error instanceof GatewayError ? `${error.code}: ${error.message}` : String(error);

test('a member shows the counts and requests of all, and which gateway each came to', async () => {
  const { world, conductor, member, atConductor, atMember, heard } = await arrange();
  for (const node of [conductor, member, member]) world.request(node, 3, 'tenant-a');
  await world.deliverAll();
  const byConductor = await atConductor.stats();
  assert.deepEqual(await heard(atMember.stats()), byConductor);
  assert.deepEqual([byConductor.pools[0]?.in_use, byConductor.fleet], [2, whole]);
  const waiting = await heard(atMember.waiting({ pool: 'gpu', level: 3, limit: 10 }));
  assert.deepEqual(waiting, await atConductor.waiting({ pool: 'gpu', level: 3, limit: 10 }));
  assert.deepEqual(
    waiting.requests.map(({ request_id, gateway }) => [request_id, gateway]),
    [['r3', 'name of node-1']],
  );
  for (const look of [atConductor, atMember]) {
    assert.equal((await heard(look.find('r1'))).request?.gateway, 'name of node-0');
    assert.equal((await heard(look.find('r3'))).request?.reason?.code, 'seats_busy');
    assert.deepEqual(await heard(look.find('r4')), { request: null, fleet: whole });
  }
  assert.deepEqual((await heard(atMember.waiting({ pool: 'none', level: null, limit: 10 }))).requests, []);
});

test('lanes are the conductor’s as of the last refresh, with names that are looked up here', async () => {
  const { world, member, atConductor, atMember, heard } = await arrange();
  world.request(member, 3, 'tenant-a');
  await world.deliverAll();
  assert.equal(atConductor.refresh(), null, 'they are its own');
  const refreshed = atMember.refresh();
  assert.ok(refreshed !== null);
  await heard(refreshed);
  const named = (flowId: string) => `Name of ${flowId}`;
  assert.deepEqual(atMember.live(named), atConductor.live(named));
  assert.equal(atMember.live(named).pools[0]?.tenants[0]?.tenant_name, 'Name of tenant-a');
});

test('only the steps that are new are asked for; those of the next conductor begin anew', async () => {
  const { world, conductor, member, third, atConductor, atMember, heard } = await arrange();
  assert.ok(third);
  const endStep = () => {
    world.clock.advance(stepMs);
    for (const { pool } of world.nodes) pool.view.endStep();
  };
  const points = () => atMember.histories[0]?.points() ?? assert.fail();
  endStep();
  await heard(atMember.refresh() ?? assert.fail());
  assert.equal(points().length, 1);
  endStep();
  endStep();
  const refreshed = atMember.refresh();
  assert.match(member.link?.up.join() ?? '', /"lanes","about":\{"after":\d+\}/);
  await heard(refreshed ?? assert.fail());
  assert.deepEqual(points(), atConductor.histories[0]?.points());
  assert.equal(points().length, 3);
  for (let more = 0; more < 70; more++) {
    endStep();
    await heard(atMember.refresh() ?? assert.fail());
  }
  assert.equal(points().length, 60, 'ten minutes');
  const { era } = atMember;
  world.conduct(third);
  for (const node of [conductor, member]) world.greet(node);
  await world.deliverAll();
  endStep();
  await heard(atMember.refresh() ?? assert.fail());
  assert.notEqual(atMember.era, era);
  assert.equal(points().length, 1, 'what the new one saw as a member tells nothing');
});

test('providers are counted over all gateways, and one that does not answer is named', async () => {
  const tallies = [
    { requests: 3, failures: 1, successAgeMs: 500, failureAgeMs: 900, failure: 'old' },
    { requests: 4, failures: 4, failureAgeMs: 100, failure: 'new' },
    { requests: 5, successAgeMs: 50 },
  ];
  const { world, member, third, atConductor, atMember, heard } = await arrange(3, tallies);
  const all = { requests: 12, failures: 5, successAgeMs: 50, failureAgeMs: 100, failure: 'new' };
  for (const look of [atConductor, atMember]) {
    const { tallyOf, closuresOf, fleet } = await heard(look.providers());
    assert.deepEqual([tallyOf('gpu'), tallyOf('none'), closuresOf('gpu'), fleet], [all, noTally, open, whole]);
  }
  // As one of an older version.
  third?.seats.shownBy({ said: () => {}, told: () => {} });
  const seen = atMember.providers();
  await world.deliverAll();
  world.clock.advance(600);
  const { tallyOf, fleet } = await heard(seen);
  assert.equal(tallyOf('gpu').requests, 7);
  assert.deepEqual([fleet.complete, fleet.missing], [false, ['name of node-2']]);
  assert.equal(fleet.reason, 'Not heard at present: name of node-2');
  world.cut(member);
  const alone = await atMember.providers();
  assert.deepEqual([alone.tallyOf('gpu').requests, alone.fleet.conductor, alone.fleet.complete], [4, null, false]);
});

test('a conductor says which members it does not hear', async () => {
  const { world, member, third, atConductor, atMember, heard } = await arrange();
  assert.ok(third);
  world.cut(third);
  for (const look of [atConductor, atMember]) {
    const { fleet } = await heard(look.stats());
    assert.deepEqual([fleet.complete, fleet.missing], [false, ['name of node-2']]);
  }
  world.cut(member);
  assert.deepEqual((await atConductor.find('r1')).fleet.missing, ['name of node-1', 'name of node-2']);
});

test('without a conductor, or an answer of it within a second, nothing is told as if it were the present', async () => {
  const { world, conductor, member, atMember, heard } = await arrange();
  await heard(atMember.refresh() ?? assert.fail());
  assert.equal(atMember.live(() => null).pools.length, 1);
  conductor.seats.shownBy({ said: () => {}, told: () => {} });
  const asked = [atMember.stats(), atMember.find('r1'), atMember.waiting({ pool: null, level: null, limit: 1 })];
  const refreshed = atMember.refresh();
  await world.deliverAll();
  world.clock.advance(999);
  assert.equal(await Promise.race([...asked, turn().then(() => 'they wait')]), 'they wait');
  world.clock.advance(1);
  const silent = /^unavailable: The gateway name of node-0, which conducts the fleet, does not answer\.$/;
  for (const answer of asked) assert.match(await answer.then(() => 'told', codeOf), silent);
  await refreshed;
  const { pools, fleet } = atMember.live(() => null);
  assert.deepEqual([pools, fleet.complete, fleet.missing], [[], false, ['name of node-0']]);

  world.cut(member);
  assert.match(await atMember.stats().then(() => 'told', codeOf), /^unavailable: No gateway conducts the fleet/);
  await atMember.refresh();
  assert.deepEqual(atMember.live(() => null).fleet.conductor, null);
  assert.equal(world.clock.pending, 0, 'no question is left');
});

test('a name of any length in the database fits into a message', async () => {
  const { world, conductor, atMember, heard } = await arrange();
  world.request(conductor, 3, '\u0001'.repeat(3_000_000));
  await heard(atMember.refresh() ?? assert.fail());
  const [tenant] = atMember.live(() => null).pools[0]?.tenants ?? [];
  assert.equal(tenant?.flow_id.length, 500);
});

test('what a broken conductor answers is no answer, or one within its bounds', async () => {
  const { world, member, atMember } = await arrange();
  const item = member.pool.view.stats();
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constant(item),
    fc.constant({ sight: whole }),
    fc.record({ sight: fc.jsonValue() }),
  );
  const answer = fc.record({ value, more: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { maxLength: 5 }), async answers => {
      const asked = atMember.stats().then(
        told => told,
        () => null,
      );
      const { ask } = JSON.parse(member.link?.up.pop() ?? '');
      for (const one of answers) member.seats.told({ t: 'answer', ask, ...one });
      member.seats.told({ t: 'answer', ask: ask + 1, value: { sight: whole } });
      world.clock.advance(1_000);
      const told = await asked;
      if (told !== null) {
        assert.deepEqual(told.fleet, whole);
        for (const pool of told.pools) assert.equal(pool.levels.length, 10);
      }
    }),
  );
  const endless = atMember.stats().then(() => 'told', codeOf);
  const { ask } = JSON.parse(member.link?.up.pop() ?? '');
  for (let many = 0; many < 2_001; many++) member.seats.told({ t: 'answer', ask, value: item, more: true });
  assert.match(await endless, /^unavailable/, 'an answer has an end');
});

test('an id that no request can have is looked for in vain, and costs the fleet nothing', async () => {
  const { atMember, heard } = await arrange();
  assert.deepEqual(await heard(atMember.find('x'.repeat(384))), { request: null, fleet: whole });
});

test('a member cannot tell of times or counts that are none', async () => {
  const { world, conductor, member, atConductor, heard } = await arrange(2);
  const told = async (tally: Partial<ProviderTally>) => {
    member.seats.shownBy({
      said: () => {},
      told: ({ ask }) => {
        const value = { provider: 'gpu', tally: { ...noTally, ...tally } };
        conductor.seats.said(member.id, { t: 'answer', ask, value, more: true });
        conductor.seats.said(member.id, { t: 'answer', ask, value: {} });
      },
    });
    const { tallyOf, fleet } = await heard(atConductor.providers());
    assert.doesNotThrow(() => healthOf(tallyOf('gpu'), world.clock));
    return fleet.missing.length;
  };
  assert.equal(await told({ requests: 5, successAgeMs: 1e12 }), 0);
  for (const broken of [{ requests: 1e300 }, { failures: -1 }, { successAgeMs: 9e15 }, { failureAgeMs: -1 }])
    assert.equal(await told(broken), 1, JSON.stringify(broken));
});

test('a member answers for itself only', async () => {
  const { world, conductor, member, third, atConductor, heard } = await arrange(3, [{}, {}, { requests: 5 }]);
  assert.ok(third);
  member.seats.shownBy({ said: () => {}, told: () => {} });
  const seen = atConductor.providers();
  const questions = [member, third].flatMap(({ link }) => link?.down.map(text => JSON.parse(text)) ?? []);
  assert.equal(questions.length, 2);
  for (const { ask } of questions) {
    const value = { provider: 'gpu', tally: { ...noTally, requests: 7 } };
    conductor.seats.said(third.id, { t: 'answer', ask, value, more: true });
    conductor.seats.said(third.id, { t: 'answer', ask, value: {} });
  }
  await world.deliverAll();
  world.clock.advance(600);
  const { tallyOf, fleet } = await heard(seen);
  assert.deepEqual([tallyOf('gpu').requests, fleet.missing], [7, ['name of node-1']]);
});

test('questions out of their bounds are of a broken member; unknown ones and answers to nobody are passed over', async () => {
  const { conductor, member, world } = await arrange();
  const ask = (what: string, about: unknown) => () =>
    conductor.seats.said(member.id, { t: 'ask', ask: 1, what, about });
  for (const [what, about] of [
    ['stats', null],
    ['lanes', { after: 'x' }],
    ['waiting', { pool: null, level: 11, limit: 1 }],
    ['waiting', { pool: null, level: null, limit: 501 }],
    ['find', { request_id: 'x'.repeat(201) }],
  ] as const)
    assert.throws(ask(what, about), MessageFault, what);
  for (const what of ['tallies', 'leases', '__proto__', 'constructor']) ask(what, 7)();
  conductor.seats.said(member.id, { t: 'answer', ask: 1, value: { sight: whole } });
  assert.deepEqual(world.nodes[1]?.link?.down, []);
});

test('a member that asks without end is answered for a tenth of each second', async () => {
  const { conductor, member, world } = await arrange();
  const { clock } = world;
  const ask = () => conductor.seats.said(member.id, { t: 'ask', ask: 1, what: 'stats', about: {} });
  const { view } = conductor.pool;
  const stats = view.stats.bind(view);
  Object.assign(view, {
    stats: () => {
      clock.advance(30);
      return stats();
    },
  });
  for (let many = 0; many < 20; many++) ask();
  assert.equal(member.link?.down.filter(text => !text.includes('"more"')).length, 4);
  clock.advance(1_000);
  ask();
  assert.equal(member.link?.down.filter(text => !text.includes('"more"')).length, 5);
});
