/** The same requests at one gateway and at a fleet of two, with clients on both. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Reply } from './fake-answers.ts';
import { arrangeFleet, type FleetCase } from './fleet-case.ts';
import { conductorOf, createKey, type FleetGateway, waitingIn } from './fleet-gateways.ts';
import type { Asked as AskedUpstream } from './fleet-oracle.ts';
import type { Answered, Asked } from './fleet-requests.ts';
import { freshDatabase } from './postgres.ts';
import { until } from './until.ts';

export interface World extends FleetCase {
  /** One of each tenant. */
  readonly keys: Readonly<Record<Tenant, string>>;
  /** Sends the nth request to the nth gateway, in turn. */
  at(nth: number): FleetGateway;
  /** Changes the pool by the gateway that does not conduct, if there is one; null is the default. */
  set(patch: object): Promise<void>;
  reply(script: (asked: AskedUpstream) => Reply): void;
  /** So many wait, and so many are in progress upstream. */
  holds(running: number, waiting: number): Promise<void>;
}

/** What the configuration says of each tenant. */
const tenants = {
  seats: 'max_concurrent = 2',
  depth: 'max_queue_depth = 1',
  rate: 'requests_per_sec = 5',
  tokens: 'tokens_per_sec = 400',
  heavy: 'weight = 3',
  free: '',
};
type Tenant = keyof typeof tenants;

const sections = Object.entries(tenants)
  .map(([name, limit]) => `[tenant.${name}]\n${limit}\n`)
  .join('');

/** The key of a tenant of that name. */
async function keyOf(gateway: FleetGateway, tenant: string): Promise<string> {
  const row = { pattern: `tok_${tenant}_`, match_type: 'prefix', priority: 5, tenant_id: tenant };
  await gateway.admin('POST', '/admin/api-key-priority/mappings', row);
  return createKey(gateway, tenant);
}

async function startWorld(t: TestContext, count: number): Promise<World> {
  let script: (asked: AskedUpstream) => Reply = () => ({ hold: true });
  const on = await freshDatabase(t);
  const fleet = await arrangeFleet(t, {
    ...{ count, on, seats: 8, sections: `[api_key_priority]\nenabled = true\n${sections}` },
    reply: asked => script(asked),
  });
  const { gateways, upstream } = fleet;
  const conductor = await conductorOf(gateways);
  const other = gateways.find(gateway => gateway !== conductor) ?? conductor;
  const names = Object.keys(tenants) as Tenant[];
  const keys = await Promise.all(names.map(async name => [name, await keyOf(other, name)] as const));
  const poolOf = (gateway: FleetGateway) => gateway.admin('GET', '/admin/scheduler/pools/gpu');
  return {
    ...fleet,
    keys: Object.fromEntries(keys) as Record<Tenant, string>,
    at: nth => gateways[nth % gateways.length] ?? assert.fail(),
    set: async patch => {
      const told = await other.admin('PUT', '/admin/scheduler/pools/gpu', patch);
      assert.equal(told.error, undefined, JSON.stringify(told));
      for (const [key, value] of Object.entries(patch))
        if (value !== null) await until(async () => (await poolOf(conductor)).source[key] === 'database');
        else await until(async () => (await poolOf(conductor)).source[key] !== 'database');
    },
    reply: next => {
      script = next;
    },
    holds: (running, waiting) =>
      until(async () => upstream.active === running && (await waitingIn(gateways)) === waiting),
  };
}

/** One gateway and two; cases that follow each other. */
export async function inBoth(t: TestContext) {
  const worlds = await Promise.all([startWorld(t, 1), startWorld(t, 2)]);
  const [, fleet] = worlds;
  let isBroken = false;
  /** What a case that failed leaves behind makes no sense to the next. */
  const play = (what: string, work: (t: TestContext) => Promise<void>) =>
    t.test(what, { skip: isBroken && 'the one before has failed' }, async t => {
      isBroken = true;
      await work(t);
      isBroken = false;
    });
  const alike = (what: string, work: (world: World) => Promise<unknown>) =>
    play(what, async t => {
      const [one, two] = await Promise.all(worlds.map(work));
      t.diagnostic(JSON.stringify(two));
      assert.deepEqual(two, one);
    });
  return { worlds, fleet: fleet ?? assert.fail(), play, alike };
}

/** Of each level; the first and the last may differ. */
export const ten = (value: number, first = value, last = value) => [first, ...Array<number>(8).fill(value), last];

/** In turn at each gateway. */
export const sendMany = (world: World, count: number, asked: Asked): Promise<Answered>[] =>
  Array.from({ length: count }, (_, nth) => world.at(nth).chat(asked));

/** Ends all that is held; returns what the clients were told. */
export async function endAll(world: World, answers: readonly Promise<Answered>[]): Promise<Answered[]> {
  world.upstream.open();
  const ended = await Promise.all(answers);
  await until(() => world.upstream.active === 0);
  world.upstream.shut();
  return ended;
}

export const codesOf = (answers: readonly Answered[]) =>
  answers.map(({ status, code }) => `${status} ${code ?? ''}`.trim()).sort();
