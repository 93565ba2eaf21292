/** Events in any order, at the dispatcher: promises, timers and seats. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allLevels } from '../../../src/domain/vocabulary.ts';
import { arrangeDispatcher } from '../../support/arrange-dispatcher.ts';
import { perLevel, poolSettings, tenantRules } from '../../support/pool-settings.ts';

test('whatever happens in whatever order: seats are never exceeded, everybody is answered once, nothing is left over', async () => {
  const anyAct = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('come' as const), level: fc.constantFrom(...allLevels) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('end' as const, 'fail' as const), nth: fc.nat(30) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), nth: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(40) }) },
    { weight: 3, arbitrary: fc.constant({ kind: 'microtask' as const }) },
  );
  const anyActs = fc.array(anyAct, { maxLength: 120, size: 'max' });
  await fc.assert(
    fc.asyncProperty(anyActs, fc.integer({ min: 1, max: 3 }), async (acts, seats) => {
      const { clock, dispatcher, request, started, desk } = arrangeDispatcher({
        queueTimeoutMs: perLevel(50),
        maxQueueDepth: perLevel(5),
        seats,
      });
      const requests: ReturnType<typeof request>[] = [];
      const answered: number[] = [];
      for (const act of acts) {
        if (act.kind === 'come') {
          const index = requests.length;
          const made = request(String(index), act.level, { flowId: `t${index % 3}` });
          requests.push(made);
          void made.outcome.then(() => answered.push(index));
        } else if (act.kind === 'pass') clock.advance(act.ms);
        else if (act.kind === 'microtask') await Promise.resolve();
        else if (act.kind === 'leave') requests.at(-act.nth)?.ticket.leave();
        else if (act.kind === 'end') requests.at(-act.nth)?.end();
        else requests.at(-act.nth)?.fail(new Error('failed'));
        const { in_use, levels } = desk.view.stats();
        assert.ok(in_use <= seats);
        assert.ok(in_use === seats || levels.every(({ waiting }) => waiting === 0), 'no seat is free while one waits');
      }
      for (const { end } of requests) end();
      await Promise.all(requests.map(({ outcome }) => outcome));
      await dispatcher.idle();
      assert.equal(answered.length, requests.length);
      assert.equal(new Set(started).size, started.length, 'no work began twice');
      const { in_use, levels } = desk.view.stats();
      const sum = (of: (level: (typeof levels)[number]) => number) => levels.reduce((all, level) => all + of(level), 0);
      assert.equal(in_use + sum(({ waiting, running }) => waiting + running) + clock.pending, 0);
      assert.equal(
        sum(({ dispatched }) => dispatched),
        started.length,
      );
      const ended = sum(level => level.dispatched + level.rejected + level.timed_out + level.cancelled);
      assert.equal(ended, requests.length);
    }),
    { numRuns: 200 },
  );
});

const anyChange = fc.record({
  seats: fc.integer({ min: 1, max: 4 }),
  reserved: fc.constantFrom(perLevel(0), perLevel(0, { 0: 1 }), perLevel(0, { 9: 2 })),
  requestsPerSec: fc.constantFrom(null, null, 100),
  maxTokensInFlight: fc.constantFrom(null, 100),
  maxConcurrent: fc.constantFrom(null, 1, 2),
});

/** Mostly too short for a probe. */
const shortOrLong = (short: number, long: number) =>
  fc.oneof({ weight: 4, arbitrary: fc.nat(short) }, { weight: 1, arbitrary: fc.constant(long) });
const anyStatus = fc.constantFrom(200, 400, 500);
const anyTurnAway = fc.record({
  kind: fc.constant('put back' as const),
  nth: fc.nat(20),
  status: fc.constantFrom(429 as const, 429 as const, 503 as const),
  ms: shortOrLong(30, 100_000),
});

const anyWildAct = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('come' as const), level: fc.constantFrom(...allLevels) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), nth: fc.nat(20) }) },
  { weight: 3, arbitrary: anyTurnAway },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('answer' as const), nth: fc.nat(20), status: anyStatus }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('progress' as const), nth: fc.nat(20), cost: fc.nat(500) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), nth: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: shortOrLong(40, 30_000) }) },
  { weight: 1, arbitrary: anyChange.map(change => ({ kind: 'configure' as const, change })) },
  { weight: 4, arbitrary: fc.constant({ kind: 'microtask' as const }) },
);

test('properties 1 and 21: with a busy upstream, new settings and a drain everybody is answered once, and no timer or seat is left', async () => {
  const acts = fc.array(anyWildAct, { maxLength: 120, size: 'max' });
  await fc.assert(
    fc.asyncProperty(acts, fc.nat(100), async (steps, drainMs) => {
      const fixed = {
        queueTimeoutMs: perLevel(50),
        maxQueueDepth: perLevel(4),
        maxQueueDepthPool: 8,
        queueDrainMs: 20,
      };
      const { clock, dispatcher, request, counts, desk, configure } = arrangeDispatcher({
        seats: 2,
        aimd: true,
        ...fixed,
      });
      const requests: ReturnType<typeof request>[] = [];
      const answered: number[] = [];
      for (const act of steps) {
        if (act.kind === 'come') {
          const index = requests.length;
          const made = request(String(index), act.level, {
            flowId: `t${index % 3}`,
            provider: index % 4 === 0 ? 'other' : 'local',
            model: `m${index % 2}`,
            cost: 1 + ((index * 37) % 90),
          });
          requests.push(made);
          void made.outcome.then(() => answered.push(index));
        } else if (act.kind === 'pass') clock.advance(act.ms);
        else if (act.kind === 'microtask') await Promise.resolve();
        else if (act.kind === 'configure') {
          const { maxConcurrent, ...change } = act.change;
          configure(poolSettings({ ...fixed, aimd: true, ...change }), tenantRules({ t1: { maxConcurrent } }));
        } else if (act.kind === 'leave') requests.at(-act.nth)?.ticket.leave();
        else if (act.kind === 'end') requests.at(-act.nth)?.end();
        else if (act.kind === 'put back') requests.at(-act.nth)?.putBack(act.ms, act.status);
        else if (act.kind === 'answer') requests.at(-act.nth)?.answered(act.status);
        else requests.at(-act.nth)?.ticket.progress({ cost: act.cost, tokens: act.cost });
        assert.ok(clock.pending <= 1, 'one timer');
      }
      const drained = dispatcher.drain();
      clock.advance(drainMs);
      for (const { end } of requests) end();
      clock.advance(100);
      await Promise.all(requests.map(({ outcome }) => outcome));
      await drained;
      assert.equal(answered.length, requests.length);
      const { in_use } = desk.view.stats();
      assert.deepEqual([in_use, clock.pending], [0, 0]);
      const ends = allLevels.map(level => counts(level));
      const sum = (of: (level: (typeof ends)[number]) => number) => ends.reduce((all, level) => all + of(level), 0);
      assert.equal(
        sum(({ waiting, running }) => waiting + running),
        0,
      );
      const ended = sum(level => level.dispatched + level.rejected + level.timed_out + level.cancelled);
      assert.equal(ended, requests.length, 'each in one count');
    }),
    { numRuns: 300 },
  );
});
