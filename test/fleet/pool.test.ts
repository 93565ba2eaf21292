// Who may start, wait and is refused: what a pool has works across a fleet of two, with clients on both, as it does at one gateway.
import { test } from 'node:test';
import { assertSound } from '../support/fleet-case.ts';
import { conductorOf, waitingIn } from '../support/fleet-gateways.ts';
import { codesOf, endAll, inBoth, sendMany, ten, type World } from '../support/fleet-worlds.ts';
import { until } from '../support/until.ts';

/** Four bytes count as one; the rest of its body is some more. */
const thousandTokens = 'word'.repeat(1_000);

interface Scenario {
  readonly what: string;
  /** What one gateway and two do alike. */
  play(world: World): Promise<unknown>;
}

const scenarios: readonly Scenario[] = [
  {
    what: 'caps and reserves: P9 has at most three seats, and two are left to P0',
    async play(world) {
      await world.set({ cap: ten(8, 8, 3), reserved: ten(0, 2) });
      const answers = sendMany(world, 5, { priority: 9 });
      await world.holds(3, 2);
      answers.push(...sendMany(world, 5, { priority: 4 }));
      await world.holds(6, 4);
      answers.push(...sendMany(world, 3, { priority: 0 }));
      await world.holds(8, 5);
      const ended = codesOf(await endAll(world, answers));
      await world.set({ cap: null, reserved: null });
      return ended;
    },
  },
  {
    what: 'a tenant: two seats, one place in the queue',
    async play(world) {
      const answers = sendMany(world, 6, { key: world.keys.seats });
      await world.holds(2, 4);
      const ended = [codesOf(await endAll(world, answers))];
      const full = sendMany(world, 8, {});
      await world.holds(8, 0);
      full.push(world.at(0).chat({ key: world.keys.depth }));
      await world.holds(8, 1);
      const refused = await world.at(1).chat({ key: world.keys.depth });
      ended.push(codesOf([refused]), [String(Number(refused.headers.get('retry-after')) >= 1)]);
      ended.push(codesOf(await endAll(world, full)));
      return ended;
    },
  },
  {
    what: 'tokens in flight: as many requests as fit',
    async play(world) {
      await world.set({ max_tokens_in_flight: 4_000 });
      const answers = sendMany(world, 8, { text: thousandTokens, maxTokens: 1 });
      await world.holds(3, 5);
      const tooMany = await world.at(1).chat({ text: thousandTokens.repeat(5) });
      const ended = codesOf(await endAll(world, answers));
      await world.set({ max_tokens_in_flight: null });
      return { ended, tooMany: codesOf([tooMany]) };
    },
  },
  {
    what: 'position and wait: each is told how many were before it',
    async play(world) {
      const answers = sendMany(world, 8, {});
      await world.holds(8, 0);
      for (const [nth, priority] of [5, 5, 2, 7].entries()) {
        answers.push(world.at(nth).chat({ priority }));
        await world.holds(8, nth + 1);
      }
      const ended = await endAll(world, answers);
      const queued = ended.slice(8).map(({ headers }) => headers.get('x-tokligence-queue-position'));
      const waits = ended.slice(8).map(({ headers }) => Number(headers.get('x-tokligence-wait-time-ms')) > 0);
      return { codes: codesOf(ended), queued, waits };
    },
  },
  {
    what: 'who can only be late is refused at once, with Retry-After',
    async play(world) {
      world.reply(() => ({}));
      await world.set({ requests_per_sec: 1, request_burst: 1 });
      await Promise.all(sendMany(world, 1, {}));
      const at = performance.now();
      const waiting = sendMany(world, 4, {});
      await until(async () => (await waitingIn(world.gateways)) >= 3);
      const refused = await Promise.all([0, 1].map(nth => world.at(nth).chat({ priority: 9, maxWaitMs: 50 })));
      const isAtOnce = refused.every(({ tookMs }) => tookMs < 1_000);
      const retry = refused.every(({ headers }) => Number(headers.get('retry-after')) >= 1);
      const ended = codesOf(await Promise.all(waiting));
      const tookSec = Math.round((performance.now() - at) / 1_000);
      await world.set({ requests_per_sec: null, request_burst: null });
      world.reply(() => ({ hold: true }));
      return { isAtOnce, retry, refused: codesOf(refused), ended, isPaced: tookSec >= 3 };
    },
  },
  {
    what: 'a full queue drops the newest of the tenant that has the most waiting',
    async play(world) {
      // Queues are compared by cost: both tenants have had such an answer before.
      await endAll(world, sendMany(world, 6, { key: world.keys.free }));
      await world.set({ max_queue_depth: ten(6) });
      const answers = sendMany(world, 8, {});
      await world.holds(8, 0);
      const long = sendMany(world, 6, { key: world.keys.seats, priority: 5 });
      await world.holds(8, 6);
      let dropped = 0;
      for (const one of long) void one.then(() => dropped++);
      const short = sendMany(world, 2, { key: world.keys.free, priority: 5 });
      // Each of the two takes the place of one.
      await until(() => dropped === 2);
      const ended = await endAll(world, [...answers, ...long, ...short]);
      await world.set({ max_queue_depth: null });
      return { long: codesOf(ended.slice(8, 14)), short: codesOf(ended.slice(14)) };
    },
  },
  {
    what: 'put back: a 429 with Retry-After closes its model for all, and every request is served after it',
    async play(world) {
      let isClosed = true;
      world.reply(() => (isClosed ? { status: 429, headers: { 'retry-after': '2' }, body: {} } : {}));
      const seen = world.upstream.requests.length;
      const first = world.at(0).chat({});
      await until(async () => (await waitingIn(world.gateways)) === 1);
      const others = sendMany(world, 6, {});
      await until(async () => (await waitingIn(world.gateways)) === 7);
      isClosed = false;
      const asked = world.upstream.requests.length - seen;
      const ended = await Promise.all([first, ...others]);
      const isLate = ended.every(({ headers }) => Number(headers.get('x-tokligence-wait-time-ms')) > 1_000);
      world.reply(() => ({ hold: true }));
      return { asked, codes: codesOf(ended), isLate };
    },
  },
  {
    what: 'a boost by one gateway holds at the other, too, and so does a schedule',
    async play(world) {
      const other = world.at(1);
      const { mappings } = await other.admin('GET', '/admin/api-key-priority/mappings?tenant_id=free');
      const [{ id }] = mappings;
      const levels = async (level: string) =>
        until(async () => {
          const answers = await Promise.all(
            [0, 1].map(nth => world.at(nth).chat({ key: world.keys.free, priority: null })),
          );
          return answers.every(({ headers }) => headers.get('x-tokligence-priority') === level);
        });
      world.reply(() => ({}));
      await other.admin('POST', `/admin/api-key-priority/mappings/${id}/boost`, { priority: 1, for: 600, reason: 'x' });
      await levels('1');
      await other.admin('DELETE', `/admin/api-key-priority/mappings/${id}/boost`);
      await levels('5');
      const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
      const always = { weekdays, start: '00:00', end: '00:00', zone: 'UTC' };
      const { id: schedule } = await other.admin('POST', '/admin/api-key-priority/schedules', {
        ...{ mapping_id: id, priority: 3 },
        ...always,
      });
      await levels('3');
      await other.admin('DELETE', `/admin/api-key-priority/schedules/${schedule}`);
      await levels('5');
      const told = await other.admin('POST', '/admin/scheduler/pools/gpu/schedules', {
        key: 'cap',
        value: ten(8, 8, 1),
        ...always,
      });
      await until(
        async () =>
          (await (await conductorOf(world.gateways)).admin('GET', '/admin/scheduler/pools/gpu')).source.cap ===
          'schedule',
      );
      world.reply(() => ({ hold: true }));
      const answers = sendMany(world, 3, { priority: 9 });
      await world.holds(1, 2);
      const ended = codesOf(await endAll(world, answers));
      await other.admin('DELETE', `/admin/scheduler/pools/gpu/schedules/${told.id}`);
      await until(
        async () =>
          (await (await conductorOf(world.gateways)).admin('GET', '/admin/scheduler/pools/gpu')).source.cap ===
          'default',
      );
      return ended;
    },
  },
];

test('a pool of one gateway and of two', async t => {
  const { fleet, play, alike } = await inBoth(t);
  for (const scenario of scenarios) await alike(scenario.what, scenario.play);
  await play('all seats are there', t => assertSound(t, 'a pool of two gateways', fleet));
});
