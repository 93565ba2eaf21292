// How fast a pool goes across a fleet of two, with clients on both: as at one gateway.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { assertSound, figure, sinceMs } from '../support/fleet-case.ts';
import { rolesOf } from '../support/fleet-gateways.ts';
import { type Asked, bad, startLoad } from '../support/fleet-requests.ts';
import { codesOf, endAll, inBoth, sendMany, type World } from '../support/fleet-worlds.ts';
import { until } from '../support/until.ts';

/** Requests served in that time by clients of all gateways. */
async function servedWithin(world: World, lastsMs: number, asked: Asked): Promise<number> {
  const load = startLoad(world.gateways, 8 / world.gateways.length, asked);
  await pause(lastsMs);
  const count = load.answers.length;
  await load.stop();
  assert.deepEqual(bad(load.answers), []);
  return count;
}

/** Alike, but for the moments at which a rate lets through the next. */
function assertAlike(t: TestContext, what: string, one: number, two: number, percent: number): void {
  figure(t, `${what}: at one gateway`, one, {});
  figure(t, `${what}: at two`, two, {
    atLeast: Math.floor(one * (1 - percent / 100)),
    atMost: Math.ceil(one * (1 + percent / 100)),
  });
}

const rates: readonly { readonly what: string; readonly patch: object; readonly asked: (world: World) => Asked }[] = [
  { what: 'requests_per_sec of a pool', patch: { requests_per_sec: 20, request_burst: 1 }, asked: () => ({}) },
  {
    what: 'tokens_per_sec of a pool',
    patch: { tokens_per_sec: 400, token_burst: 50 },
    asked: () => ({ maxTokens: 12 }),
  },
  { what: 'requests_per_sec of a tenant', patch: {}, asked: ({ keys }) => ({ key: keys.rate }) },
  { what: 'tokens_per_sec of a tenant', patch: {}, asked: ({ keys }) => ({ key: keys.tokens, maxTokens: 12 }) },
];

const undone = (patch: object) => Object.fromEntries(Object.keys(patch).map(key => [key, null]));

async function compareRates(t: TestContext, worlds: readonly World[]): Promise<void> {
  for (const { what, patch, asked } of rates) {
    const [one = 0, two = 0] = await Promise.all(
      worlds.map(async world => {
        world.reply(() => ({}));
        await world.set(patch);
        const count = await servedWithin(world, 6_000, asked(world));
        await world.set(undone(patch));
        return count;
      }),
    );
    assertAlike(t, `${what}: served in 6 s`, one, two, 15);
  }
}

/** A tenant with three times the weight of its neighbour, both with more to do than there are seats. */
async function compareWeights(t: TestContext, worlds: readonly World[]): Promise<void> {
  const shares = await Promise.all(
    worlds.map(async world => {
      world.reply(() => ({ afterMs: 40 }));
      const clients = 24 / world.gateways.length;
      const asked = { maxTokens: 12 };
      const loads = [world.keys.heavy, world.keys.free].map(key =>
        startLoad(world.gateways, clients, { key, ...asked }),
      );
      const served = () => loads.map(({ answers }) => answers.length);
      // Both have more to do than there are seats from here on.
      await pause(1_000);
      const before = served();
      await pause(6_000);
      const [heavy = 0, free = 1] = served().map((count, at) => count - (before[at] ?? 0));
      await Promise.all(loads.map(load => load.stop()));
      for (const { answers } of loads) assert.deepEqual(bad(answers), []);
      return Math.round((100 * heavy) / free) / 100;
    }),
  );
  const [one = 0, two = 0] = shares;
  for (const [where, share] of [
    ['one gateway', one],
    ['two', two],
  ] as const)
    figure(t, `a tenant of weight 3 against one of weight 1, at ${where}`, share, { atLeast: 2.8, atMost: 3.2 });
}

/** An upstream with room for four: what is beyond is turned away, and the seats follow. */
async function compareAimd(t: TestContext, worlds: readonly World[]): Promise<void> {
  const shares = await Promise.all(
    worlds.map(async world => {
      const room = 4;
      world.reply(() => (world.upstream.active > room ? { status: 503, body: {} } : { afterMs: 40 }));
      await world.set({ aimd: true });
      const load = startLoad(world.gateways, 16 / world.gateways.length);
      await pause(6_000);
      await load.stop();
      await world.set({ aimd: null });
      const { answers } = load;
      return Math.round((100 * answers.filter(({ status }) => status === 503).length) / answers.length);
    }),
  );
  const [one = 0, two = 0] = shares;
  figure(t, 'aimd: turned away by an upstream with room for half, at one gateway', one, { unit: '%' });
  figure(t, 'aimd: at two', two, { unit: '%', atLeast: one - 15, atMost: one + 15 });
}

/** A row that is written by SQL acts where the pool is, whichever gateway that is. */
async function liveSetting(t: TestContext, world: World): Promise<void> {
  world.reply(() => ({ hold: true }));
  const answers = sendMany(world, 8, { priority: 9 });
  await world.holds(8, 0);
  answers.push(...sendMany(world, 4, { priority: 9 }));
  await world.holds(8, 4);
  await world.query(`INSERT INTO scheduler_pool_config (pool, key, value) VALUES ('gpu', 'max_queue_depth', '4')`);
  const at = performance.now();
  await until(async () => {
    const { code, isLeft } = await world.at(1).chat({ priority: 9, leavesAfterMs: 50 });
    return !isLeft && code === 'queue_full';
  });
  figure(t, 'a setting written by SQL: until it is obeyed', sinceMs(at), { unit: 'ms', atMost: 1_000 });
  await world.query('DELETE FROM scheduler_pool_config');
  assert.deepEqual(bad(await endAll(world, answers)), []);
}

/** What waits at a gateway that stops is served for queue_drain_sec, and then refused. */
async function drain(world: World): Promise<unknown> {
  world.reply(() => ({ hold: true }));
  await world.set({ queue_drain_sec: 2 });
  const leaving = world.gateways.length === 1 ? world.at(0) : (await rolesOf(world.gateways)).member;
  const running = Array.from({ length: 8 }, () => leaving.chat({}));
  await world.holds(8, 0);
  let refused = 0;
  const waiting = Array.from({ length: 3 }, async () => {
    const answer = await leaving.chat({});
    if (answer.status !== 200) refused++;
    return answer;
  });
  await world.holds(8, 3);
  const seen = world.upstream.requests.length;
  leaving.daemon.signal('SIGTERM');
  world.upstream.release(1);
  await world.upstream.waitForRequests(seen + 1);
  await until(() => refused === 2);
  world.upstream.open();
  const ended = await Promise.all([...waiting, ...running]);
  assert.equal(await leaving.daemon.exited, 0);
  await until(() => world.upstream.active === 0);
  const retry = ended.filter(({ headers }) => Number(headers.get('retry-after')) >= 1).length;
  return { codes: codesOf(ended), retry };
}

test('the pace of a pool at one gateway and at two', async t => {
  const { worlds, fleet, play, alike } = await inBoth(t);
  await play('rates', t => compareRates(t, worlds));
  await play('weights of tenants', t => compareWeights(t, worlds));
  await play('aimd', t => compareAimd(t, worlds));
  await play('a setting that is written by SQL', t => liveSetting(t, fleet));
  await alike('a stop: what waits is served for queue_drain_sec, and then refused', drain);
  await play('all seats are there', t => assertSound(t, 'the pace of two gateways', fleet));
});
