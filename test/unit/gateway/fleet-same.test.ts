/** Whatever a pool has, three gateways grant as one would: the same requests, in the same order, with the same answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PoolSettings, TenantConfig } from '../../../src/config/config.ts';
import { putBack } from '../../../src/gateway/pool/ticket.ts';
import { turn, World } from '../../support/fleet-world.ts';
import { perLevel } from '../../support/pool-settings.ts';
import { anyOptions, anyRequest } from '../../support/scheduler-arbitraries.ts';

const which = fc.nat(20);
/** Without progress: members tell of it ten times a second, so it is charged later than in one process. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('request' as const), of: anyRequest, at: which }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('busy' as const),
      which,
      ms: fc.constantFrom(null, 10, 40, 400),
      status: fc.constantFrom(429, 503),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('configure' as const), options: anyOptions }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;
type Options = typeof anyOptions extends fc.Arbitrary<infer One> ? One : never;

const tenantsOf = ({ tenants }: Options): Map<string, TenantConfig> =>
  new Map([...tenants].map(([tenantId, rules]) => [tenantId, { tenantId, ...rules }]));
const settingsOf = ({ settings }: Options): Partial<PoolSettings> => ({
  ...settings,
  queueTimeoutMs: perLevel(1_000),
  queueDrainMs: 3_000,
});

/** All that is said has arrived. */
async function quiet(world: World): Promise<void> {
  do await turn();
  while (await world.deliverAll());
}

/** A millisecond at a time: what is said arrives before the next deadline. */
async function pass(world: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed++) {
    world.clock.advance(1);
    await quiet(world);
  }
}

async function act(world: World, one: Step): Promise<void> {
  switch (one.do) {
    case 'request': {
      const node = world.nodes[one.at % world.nodes.length] ?? assert.fail();
      const { level, flowId, timeoutMs, ...fields } = one.of;
      world.request(node, level, flowId, { ...fields, maxWaitMs: timeoutMs });
      break;
    }
    case 'leave':
      world.tickets[one.which % Math.max(world.tickets.length, 1)]?.leave();
      break;
    case 'pass':
      await pass(world, one.ms);
      break;
    case 'configure':
      for (const node of world.nodes) node.configure(settingsOf(one.options), tenantsOf(one.options));
      break;
    default:
      actOn(world, one);
  }
  await quiet(world);
}

function actOn(world: World, one: Extract<Step, { do: 'end' | 'busy' }>): void {
  // Whichever gateway it runs on.
  const all = world.running.toSorted((a, b) => Number(a.requestId.slice(1)) - Number(b.requestId.slice(1)));
  const running = all[one.which % Math.max(all.length, 1)];
  if (running === undefined) return;
  if (one.do === 'end') running.end('served');
  else running.end(running.busy(one.ms, one.status) ? putBack : 'served');
}

async function play(gateways: number, options: Options, steps: readonly Step[]) {
  const world = new World(gateways, settingsOf(options), tenantsOf(options));
  const [conductor = assert.fail(), ...members] = world.nodes;
  world.conduct(conductor);
  for (const member of members) world.greet(member);
  await quiet(world);
  const told: unknown[] = [];
  const ended: string[] = [];
  for (const one of steps) {
    const before = { started: world.started.length, ended: ended.length, asked: world.outcomes.length };
    await act(world, one);
    for (let at = before.asked; at < world.outcomes.length; at++)
      void world.outcomes[at]?.then(outcome => ended.push(`r${at + 1} ${outcome}`));
    await turn();
    const { seats, in_use } = conductor.pool.view.stats();
    // What is granted at one moment begins in this process before it does in another.
    told.push([one.do, world.started.slice(before.started).sort(), ended.slice(before.ended).sort(), seats, in_use]);
  }
  for (let rounds = 0; rounds < 60; rounds++) {
    await world.settle();
    world.clock.advance(100);
  }
  await Promise.all(world.outcomes);
  return told;
}

test('levels, tenants, reserves, caps, rates, tokens, AIMD, closures and changes of all of them hold over gateways as in one', async () => {
  await fc.assert(
    fc.asyncProperty(anyOptions, fc.array(step, { maxLength: 60, size: 'max' }), async (options, steps) => {
      const [one, three] = [await play(1, options, steps), await play(3, options, steps)];
      assert.deepEqual(three, one);
    }),
    { numRuns: 60 },
  );
});
