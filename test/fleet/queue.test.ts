// A thousand requests wait, and keep their order and their time while the role moves twice: by a stop, and by a kill.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrangeFleet, assertSound, type FleetCase, figure } from '../support/fleet-case.ts';
import { conductorOf, type FleetGateway, livingOf, untilOrdered, waitingIn } from '../support/fleet-gateways.ts';
import { askedOf } from '../support/fleet-oracle.ts';
import { type Answered, bad } from '../support/fleet-requests.ts';
import { until } from '../support/until.ts';

const seats = 4;
const groups = 10;
const ofGroup = 100;
const levels = [2, 6] as const;
/** Of those that are to be refused: while the role moves, and after that. */
const waitsMs = [15_000, 18_000, 21_000];
const spareMs = 1_000;

interface Place {
  readonly level: number;
  readonly group: number;
}

const textOf = ({ level, group }: Place) => `P${level} group ${group}`;
const placeOf = (text: string): Place | null => {
  const [, level, group] = /^P(\d) group (\d+)$/.exec(text) ?? [];
  return level === undefined ? null : { level: Number(level), group: Number(group) };
};

/** Groups enter one after the other, each at all gateways and levels at once: within a group the order is not known. */
async function enqueue({ gateways }: FleetCase): Promise<Promise<Answered>[]> {
  const answers: Promise<Answered>[] = [];
  const already = await waitingIn(gateways);
  for (let group = 0; group < groups; group++) {
    for (let at = 0; at < ofGroup; at++) {
      const gateway = gateways[at % gateways.length] ?? assert.fail();
      const level = levels[Math.floor(at / gateways.length) % levels.length] ?? assert.fail();
      answers.push(gateway.chat({ priority: level, text: textOf({ level, group }) }));
    }
    await until(async () => (await waitingIn(gateways)) - already === answers.length);
  }
  return answers;
}

/** Those that began later than one that should have begun after them. */
const outOfOrder = (started: readonly Place[]): number =>
  started.filter(({ level, group }, at) => {
    const before = started[at - 1];
    return before !== undefined && (before.level - level || before.group - group) > 0;
  }).length;

const startedIn = ({ upstream }: FleetCase): Place[] =>
  upstream.requests.flatMap(seen => placeOf(askedOf(seen).text) ?? []);

test('1,000 requests wait, the conductor stops, and the next one is killed', async t => {
  const fleet = await arrangeFleet(t, {
    ...{ count: 4, seats, pool: 'policy = strict\nqueue_timeout_sec = 600\nqueue_drain_sec = 500' },
    gateway: 'port = 0\nshutdown_grace_sec = 550',
    reply: () => ({ hold: true }),
  });
  const { upstream, gateways } = fleet;
  const first = await conductorOf(gateways);
  const running = Array.from({ length: seats }, () => first.chat({ priority: 0 }));
  await upstream.waitForActive(seats);
  const timed = gateways.flatMap(gateway =>
    waitsMs.map(async maxWaitMs => ({ maxWaitMs, ...(await gateway.chat({ priority: 9, maxWaitMs })) })),
  );
  await until(async () => (await waitingIn(gateways)) === timed.length);
  const answers = await enqueue(fleet);
  t.diagnostic(`${answers.length} requests wait`);

  first.daemon.signal('SIGTERM');
  const others = gateways.filter(gateway => gateway !== first);
  const second = await untilAnother(others, first);
  await until(async () => (await waitingIn(others)) >= answers.length);
  second.daemon.signal('SIGKILL');
  await second.daemon.exited;
  const rest = others.filter(gateway => gateway !== second);
  const third = await untilAnother(rest, second);
  const ofKilled = answers.length / gateways.length;
  await until(async () => (await waitingIn([third])) >= answers.length - ofKilled);

  const refused = (await Promise.all(timed)).filter(({ by }) => by !== second.name);
  assert.deepEqual(new Set(refused.map(({ code }) => code)), new Set(['queue_timeout']));
  const late = refused.map(({ tookMs, maxWaitMs }) => Math.round(tookMs - maxWaitMs));
  figure(t, `deadlines through both: the earliest of ${late.length} refusals`, Math.min(...late), {
    ...{ unit: 'ms', atLeast: -50 },
  });
  figure(t, `deadlines through both: the latest of ${late.length} refusals`, Math.max(...late), {
    ...{ unit: 'ms', atMost: spareMs },
  });

  // Each grant is seen before the next.
  const began = upstream.requests.length;
  for (let count = 1; count <= answers.length - ofKilled; count++) {
    upstream.release(1);
    await upstream.waitForRequests(began + count);
  }
  upstream.open();
  const ended = await Promise.all(answers);
  assert.deepEqual(bad(ended.filter(({ by }) => by !== second.name)), []);
  figure(t, '1,000 waiting: served', ended.filter(({ status }) => status === 200).length, {
    ...{ atLeast: answers.length - ofKilled, atMost: answers.length - ofKilled },
  });
  figure(t, '1,000 waiting: started out of their order', outOfOrder(startedIn(fleet)), { atMost: 0 });
  await Promise.all(running);
  assert.equal(await first.daemon.exited, 0);
  await untilOrdered(livingOf(gateways));
  await assertSound(t, '1,000 waiting', fleet);
});

async function untilAnother(gateways: readonly FleetGateway[], gone: FleetGateway): Promise<FleetGateway> {
  let found = gone;
  await until(async () => {
    found = await conductorOf(gateways).catch(() => gone);
    return found !== gone;
  });
  return found;
}
