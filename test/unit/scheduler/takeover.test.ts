/** A pool is rebuilt from what waits and runs in another: its order, its seats and its deadlines go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Level } from '../../../src/domain/vocabulary.ts';
import { Place, Scheduler, type SchedulerOptions } from '../../../src/scheduler/scheduler.ts';
import { arrangeScheduler } from '../../support/arrange-scheduler.ts';
import { Contest } from '../../support/contest.ts';
import { anyTarget, linear, poolSettings, tenantRules } from '../../support/pool-settings.ts';
import type { Request } from '../../support/reference-queue.ts';
import { anyOptions, anyRequest, takeOverStep } from '../../support/scheduler-arbitraries.ts';
import { SchedulerById } from '../../support/scheduler-by-id.ts';
import { Walk } from '../../support/scheduler-walk.ts';

/** The same rules without rates, which open by the clock. */
function withoutRates({ settings, tenants }: SchedulerOptions): SchedulerOptions {
  const none = { requestsPerSec: null, tokensPerSec: null };
  return {
    settings: { ...settings, ...none },
    tenants: new Map([...tenants].map(([id, rules]) => [id, { ...rules, ...none }])),
  };
}

/** Seats and ends one after the other until nothing can start; returns who they were. */
function serveAll<Holder>(scheduler: Scheduler<Holder>, now: number): Holder[] {
  const order: Holder[] = [];
  for (let place = scheduler.next(now); place !== undefined; place = scheduler.next(now)) {
    order.push(place.holder);
    scheduler.finish(place, place, now);
  }
  return order;
}

const placeOf = (request: Request) => new Place(request.id, request, request.timeoutMs);

test('where nothing was charged yet, the rebuilt pool grants in the identical order, whatever the rules', () => {
  const anyRequests = fc.array(fc.tuple(anyRequest, fc.nat(5)), { maxLength: 60, size: 'max' });
  let granted = 0;
  fc.assert(
    fc.property(anyOptions.map(withoutRates), anyRequests, (options, requests) => {
      const [old, rebuilt] = [new Scheduler<number>(options), new Scheduler<number>(options)];
      const waiting = new Map<number, { request: Request; at: number }>();
      let now = 0;
      for (const [id, [fields, gapMs]] of requests.entries()) {
        now += gapMs;
        const request = { ...fields, timeoutMs: 1e6, id };
        if (old.enqueue(placeOf(request), now) === 'queued') waiting.set(id, { request, at: now });
        for (const { holder } of old.takeEvicted()) waiting.delete(holder);
      }
      // The other process has a clock of its own.
      const there = now + 12_345;
      for (const { request, at } of waiting.values()) rebuilt.takeover.restore(placeOf(request), now - at, there);
      const order = serveAll(old, now);
      assert.deepEqual(serveAll(rebuilt, there), order);
      granted += order.length;
    }),
    { numRuns: 300 },
  );
  assert.ok(granted > 1000);
});

const anyCost = fc.integer({ min: 1, max: 1000 });
const anyTurns = fc.array(
  fc.record({ estimate: anyCost, actual: anyCost, nth: fc.nat(), share: fc.constantFrom(0.5, 0.9, 1, 1) }),
  { minLength: 30, maxLength: 200, size: 'max' },
);
type Turns = typeof anyTurns extends fc.Arbitrary<infer T> ? T : never;

/** Everyone who has a seat is followed by another of the same flow, so that something of all flows always waits. */
function contend(contest: Contest, turns: Turns, look: () => void): void {
  for (const { estimate, actual, nth, share } of turns) {
    for (let job = contest.grant(); job !== undefined; job = contest.grant()) contest.bring(job, estimate, actual);
    look();
    contest.use(nth, share);
    look();
  }
}

/** The widest distance between two flows, of what they were charged since then, by their weights. */
function widest(contest: Contest, weights: ReadonlyMap<string, number>, since: ReadonlyMap<string, number>): number {
  const charges = [...weights].map(
    ([name, weight]) => ((contest.charged.get(name) ?? 0) - (since.get(name) ?? 0)) / weight,
  );
  return Math.max(...charges) - Math.min(...charges);
}

test('tenants are no further apart after a takeover than the bound of any pool, and than twice it over both', () => {
  const anyWeights = fc.tuple(...['a', 'b', 'c'].map(() => fc.constantFrom(0.5, 1, 2, 5)));
  fc.assert(
    fc.property(anyTurns, anyTurns, anyWeights, fc.integer({ min: 1, max: 6 }), (before, after, chosen, seats) => {
      const weights = new Map(['a', 'b', 'c'].map((name, index) => [name, chosen[index] ?? 1]));
      const rules = Object.fromEntries([...weights].map(([name, weight]) => [name, { weight }]));
      const options = { settings: poolSettings({ seats }), tenants: tenantRules(rules) };
      const contest = new Contest(options);
      for (const flowId of [...weights.keys(), ...weights.keys()]) contest.bring({ flowId, level: 4 }, 500);
      contend(contest, before, () => {});
      const atTakeover = new Map(contest.charged);
      contest.moveTo(options);
      contend(contest, after, () => {
        const bound = (contest.largestEstimate + seats * contest.largestError) / Math.min(...weights.values()) + 1e-6;
        assert.ok(widest(contest, weights, atTakeover) <= bound, 'since the takeover');
        assert.ok(widest(contest, weights, new Map()) <= 2 * bound, 'since the beginning');
      });
    }),
    { numRuns: 200 },
  );
});

test('levels are no further apart after a takeover than the bound of any pool', () => {
  const levels: readonly Level[] = [1, 4, 9];
  const weights = new Map(levels.map(level => [`P${level}`, linear[level] ?? 1]));
  fc.assert(
    fc.property(anyTurns, anyTurns, fc.integer({ min: 1, max: 6 }), (before, after, seats) => {
      const options = { settings: poolSettings({ seats }), tenants: new Map() };
      const contest = new Contest(options);
      for (const level of [...levels, ...levels]) contest.bring({ flowId: `P${level}`, level }, 500);
      contend(contest, before, () => {});
      const atTakeover = new Map(contest.charged);
      contest.moveTo(options);
      contend(contest, after, () => {
        const bound = (contest.largestEstimate + seats * contest.largestError) / Math.min(...weights.values()) + 1e-6;
        assert.ok(widest(contest, weights, atTakeover) <= bound);
      });
    }),
    { numRuns: 200 },
  );
});

test('under strict a better level goes first in the rebuilt pool too, and within a flow who came earlier', () => {
  fc.assert(
    fc.property(fc.array(anyRequest, { maxLength: 40, size: 'max' }), requests => {
      const scheduler = new Scheduler<number>({ settings: poolSettings({ policy: 'strict' }), tenants: new Map() });
      const all = requests.map((fields, id) => ({ ...fields, timeoutMs: 1e6, id }));
      for (const request of all) scheduler.takeover.restore(placeOf(request), all.length - request.id, 0);
      const order = serveAll(scheduler, 0).map(id => all[id] ?? assert.fail());
      assert.equal(order.length, all.length);
      for (const [index, one] of order.slice(1).entries()) assert.ok((order[index]?.level ?? 0) <= one.level);
      for (const one of order)
        for (const later of order.slice(order.indexOf(one)))
          assert.ok(later.flowId !== one.flowId || later.level !== one.level || later.id >= one.id);
    }),
  );
});

test('adopted seats are counted once, of their level and tenant too, charge only what comes after, and come back', () => {
  const rules = { a: { maxConcurrent: 2, requestsPerSec: 1, tokensPerSec: 1000 } };
  const { scheduler, come, seated, pass, at } = arrangeScheduler(
    { seats: 3, cap: linear, maxTokensInFlight: 1000 },
    rules,
  );
  const adopted = ['1', '2', '3'].map((name, index) => {
    const demand = {
      ...anyTarget,
      flowId: index < 2 ? 'a' : 'b',
      level: 4 as const,
      cost: 100,
      tokens: 200,
      bodyBytes: 0,
    };
    const place = new Place(name, demand, 1e6);
    scheduler.takeover.adopt(place, { cost: 700, tokens: 500 }, 5000, at());
    return place;
  });
  const [first, second, third] = adopted;
  assert.ok(first && second && third);
  assert.throws(() => scheduler.takeover.adopt(first, first, 0, at()), /once/);
  assert.throws(() => scheduler.takeover.restore(first, 0, at()), /once/);
  assert.deepEqual([scheduler.inUse, scheduler.tokensInFlight, scheduler.level(4).running], [3, 600, 3]);
  for (const name of ['4', '5', '6']) come(name, 4, { flowId: name === '4' ? 'a' : 'c' });
  assert.deepEqual(seated(), [], 'no seat is free');
  assert.equal(scheduler.finish(third, { cost: 700, tokens: 500 }, at()), true);
  assert.equal(scheduler.finish(third, { cost: 700, tokens: 500 }, at()), false);
  assert.deepEqual(seated(), ['5'], 'a has as many seats as it may have');
  scheduler.finish(first, { cost: 700, tokens: 500 }, at());
  assert.deepEqual(seated(), ['4'], 'its rates were not taken by those that were adopted');
  assert.equal(scheduler.progress(second, { cost: 710, tokens: 500 }, at()), false, 'it was charged that already');
  assert.equal(scheduler.progress(second, { cost: 7000, tokens: 5000 }, at()), true);
  scheduler.finish(second, { cost: 7000, tokens: 5000 }, at());
  pass(3000);
  come('7', 4, { flowId: 'a' });
  assert.deepEqual(seated(), ['6'], 'a has used its tokens per second');
  pass(2000);
  assert.deepEqual([scheduler.inUse, seated()], [3, []], 'all seats are in use');
});

test('any adopted requests: seats and tokens in flight are theirs, once, and all come back', () => {
  const anySpent = fc.record({ cost: anyCost, tokens: anyCost });
  const adopted = fc.array(fc.tuple(anyRequest, anySpent, anySpent), { maxLength: 20 });
  fc.assert(
    fc.property(anyOptions, adopted, (options, requests) => {
      const scheduler = new Scheduler<number>(options);
      const places = requests.map(([fields, charged, final], id) => {
        const place = placeOf({ ...fields, id });
        scheduler.takeover.adopt(place, charged, 0, 0);
        return { place, final };
      });
      const tokens = places.reduce((sum, { place }) => sum + place.tokens, 0);
      assert.deepEqual([scheduler.inUse, scheduler.tokensInFlight], [places.length, tokens]);
      for (const { place, final } of places) {
        scheduler.finish(place, final, 0);
        assert.equal(scheduler.finish(place, final, 0), false);
      }
      assert.deepEqual([scheduler.inUse, scheduler.tokensInFlight, scheduler.nextWake(0)], [0, 0, undefined]);
    }),
  );
});

test('whatever happens, no start takes more seats than are not held back; when none are, all are there again', () => {
  fc.assert(
    fc.property(anyOptions, fc.array(takeOverStep, { minLength: 1, maxLength: 250, size: 'max' }), (options, steps) => {
      const scheduler = new SchedulerById(options);
      const walked = new Walk(scheduler);
      let budget = Number.POSITIVE_INFINITY;
      for (const step of steps) {
        walked.take(step);
        if (step.kind === 'hold back') budget = step.seats ?? Number.POSITIVE_INFINITY;
        assert.ok(scheduler.seats <= budget);
        const before = scheduler.inUse;
        walked.pump();
        if (scheduler.inUse > before) assert.ok(scheduler.inUse <= Math.min(budget, scheduler.seats));
      }
      scheduler.holdBack(0);
      const held = scheduler.seats;
      scheduler.holdBack(null);
      assert.equal(held, 0);
      assert.ok(scheduler.seats > 0);
    }),
    { numRuns: 300 },
  );
});

test('seats that were held back are given in full order when they are there again', () => {
  const { scheduler, come, seated } = arrangeScheduler({ seats: 3 });
  scheduler.takeover.holdBack(1);
  for (const [name, level] of [
    ['P5', 5],
    ['P3', 3],
    ['P0', 0],
  ] as const)
    come(name, level);
  assert.deepEqual([scheduler.seats, seated()], [1, ['P0']]);
  scheduler.takeover.holdBack(0);
  assert.deepEqual(seated(), []);
  scheduler.takeover.holdBack(null);
  assert.deepEqual([scheduler.seats, seated().toSorted()], [3, ['P3', 'P5']]);
});

test('a restored request waits until its old deadline, an adopted one too where it is put back; who is too late is told so', () => {
  const { scheduler, pass, at } = arrangeScheduler({ seats: 1 });
  pass(1e6);
  const demand = { ...anyTarget, flowId: 'a', level: 3 as const, cost: 1, tokens: 1, bodyBytes: 0 };
  const [late, waiting, running] = ['late', 'waiting', 'running'].map(name => new Place(name, demand, 1000));
  assert.ok(late && waiting && running);
  scheduler.takeover.adopt(running, running, 300, at());
  scheduler.takeover.restore(late, 1001, at());
  scheduler.takeover.restore(waiting, 600, at());
  assert.deepEqual(scheduler.expire(at()), [late]);
  assert.equal(scheduler.nextWake(at()), at() + 400);
  scheduler.putBack(running, at());
  scheduler.takeover.holdBack(0);
  pass(399);
  assert.deepEqual(scheduler.expire(at()), []);
  pass(1);
  assert.deepEqual(scheduler.expire(at()), [waiting]);
  assert.equal(scheduler.nextWake(at()), at() + 300);
});

test('what an adopted request uses counts from the present time, whatever its tenant has waiting or running', () => {
  for (const present of ['a waiting request that may not start', 'a running request', 'nothing'] as const) {
    const { scheduler, come, seated, end, pass, at } = arrangeScheduler({ seats: 4 });
    const shut = { model: 'shut' };
    const refused = come('refused', 4, { flowId: 'c', ...shut });
    assert.deepEqual(seated(), ['refused']);
    const demand = { ...anyTarget, flowId: 'b', level: 4 as const, cost: 100, tokens: 0, bodyBytes: 0 };
    const nothing = { cost: 0, tokens: 0 };
    if (present === 'a running request') scheduler.takeover.adopt(new Place('runs', demand, 1e6), nothing, 0, at());
    scheduler.upstreamBusy(refused, 'model', at() + 1000, at());
    if (present === 'a waiting request that may not start') come('waits', 4, { flowId: 'b', ...shut });
    for (let nth = 0; nth < 3; nth++) {
      const served = come('a', 4, { flowId: 'a' });
      assert.deepEqual(seated(), ['a']);
      end(served);
    }
    const adopted = new Place('adopted', demand, 1e6);
    scheduler.takeover.adopt(adopted, nothing, 0, at());
    scheduler.finish(adopted, { cost: 250, tokens: 0 }, at());
    // The time is 200, where the third of a began: a has 300 now, and b 450.
    pass(1000);
    if (present !== 'a waiting request that may not start') come('waits', 4, { flowId: 'b' });
    come('next', 4, { flowId: 'a' });
    assert.deepEqual(seated(), ['next', 'waits'], present);
  }
});
