/** Changes that must make no difference, and invariants at the end; numbers as in the scheduler's design, 4.1. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { allLevels } from '../../../src/domain/vocabulary.ts';
import type { SchedulerOptions } from '../../../src/scheduler/scheduler.ts';
import { recount } from '../../support/ledger.ts';
import { anyTarget, poolSettings } from '../../support/pool-settings.ts';
import type { Request } from '../../support/reference-queue.ts';
import { anyCalmSteps, anyOptions, anyRequest, anySteps, plainOptions } from '../../support/scheduler-arbitraries.ts';
import { SchedulerById } from '../../support/scheduler-by-id.ts';
import { type Step, Walk, type WalkEvent, walk } from '../../support/scheduler-walk.ts';

const checkWalks = (check: (options: SchedulerOptions, steps: Step[]) => void) =>
  fc.assert(fc.property(anyOptions, anySteps, check), { numRuns: 300 });

const outcomes = (events: readonly WalkEvent[]) =>
  events.flatMap(event => (event.kind === 'step' ? [] : [[event.kind, event.request.id, event.at]]));

test('property 14: the scheduler’s counts equal a recount of its walk', () => {
  checkWalks((options, steps) => {
    const real = new SchedulerById(options);
    const walked = new Walk(real);
    const ledger = recount([], () => {});
    const sum = (of: (request: Request) => number, entries: Iterable<{ request: Request }>) =>
      [...entries].reduce((total, { request }) => total + of(request), 0);
    for (const step of steps) {
      walked.take(step);
      walked.pump();
      for (const event of walked.events.splice(0)) ledger.apply(event);
      for (const level of allLevels) {
        const waiting = ledger.waitingIn(level);
        assert.deepEqual([real.waiting(level), real.running(level)], [waiting.length, ledger.used(level)]);
        assert.equal(
          real.scheduler.level(level).waitingCost,
          waiting.reduce((total, { cost }) => total + cost, 0),
        );
        assert.equal(
          real.scheduler.level(level).waitingBytes,
          waiting.reduce((total, { bodyBytes }) => total + bodyBytes, 0),
        );
      }
      const ahead = allLevels.slice(0, 5).reduce<number>((total, level) => total + ledger.waitingIn(level).length, 0);
      assert.equal(real.scheduler.inspection.waitingAhead(4), ahead);
      assert.equal(
        real.scheduler.tokensInFlight,
        sum(({ tokens }) => tokens, ledger.running.values()),
      );
    }
  });
});

test('property 14: a request that is said to start at once gets the next seat, and no other does', () => {
  const probes = fc.array(anyRequest, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(anyOptions, anySteps, probes, (options, steps, requests) => {
      const real = new SchedulerById(options);
      const walked = new Walk(real);
      for (const step of steps) walked.take(step);
      walked.pump();
      const last = steps.findLast(({ kind }) => kind === 'configure');
      const { maxTokensInFlight } = last?.kind === 'configure' ? last.options.settings : options.settings;
      for (const [index, fields] of requests.entries()) {
        const request = { ...fields, id: 1e6 + index };
        const isSaid = real.startsAtOnce(request, walked.now);
        const admission = real.enqueue(request, walked.now);
        if (admission === 'impossible') continue;
        const isNext = real.next(walked.now) === request.id;
        if (isSaid) assert.deepEqual([admission, isNext], ['queued', true]);
        // A better level may pass a request that waits for tokens in flight: the queue decides that.
        else if (maxTokensInFlight === null) assert.equal(isNext, false);
      }
    }),
    { numRuns: 300 },
  );
});

test('property 15: the same walk leaves the same trace', () => {
  checkWalks((options, steps) => {
    const hash = () =>
      createHash('sha256')
        .update(JSON.stringify(walk(new SchedulerById(options), steps)))
        .digest('hex');
    assert.equal(hash(), hash());
  });
});

/** Changes all options of a walk, including those of its configuration steps, to other tenants or weights. */
const changed = (steps: Step[], change: (options: SchedulerOptions) => SchedulerOptions): Step[] =>
  steps.map(step => (step.kind === 'configure' ? { ...step, options: change(step.options) } : step));

test('property 16: four times the weights, of levels and of tenants alike, change no decision', () => {
  const everybody = ['a', 'b', 'c', 'd', 'e'];
  const rules = { weight: 1, maxConcurrent: null, requestsPerSec: null, tokensPerSec: null, maxQueueDepth: null };
  const heavier = ({ settings, tenants }: SchedulerOptions): SchedulerOptions => ({
    settings: { ...settings, weights: settings.weights.map(weight => weight * 4) },
    tenants: new Map(
      everybody.map(id => [id, { ...rules, ...tenants.get(id), weight: (tenants.get(id)?.weight ?? 1) * 4 }]),
    ),
  });
  checkWalks((options, steps) => {
    const heavy = walk(new SchedulerById(heavier(options)), changed(steps, heavier));
    assert.deepEqual(outcomes(heavy), outcomes(walk(new SchedulerById(options), steps)));
  });
});

test('property 16: tenants by other names change no decision', () => {
  const names: Record<string, string> = { a: 'zeta', b: 'b', c: 'a', d: '', e: '__proto__' };
  const named = (id: string) => names[id] ?? '?';
  const rename = ({ settings, tenants }: SchedulerOptions): SchedulerOptions => ({
    settings,
    tenants: new Map([...tenants].map(([id, rules]) => [named(id), rules])),
  });
  checkWalks((options, steps) => {
    const renamed = changed(steps, rename).map(step =>
      step.kind === 'enqueue' ? { ...step, request: { ...step.request, flowId: named(step.request.flowId) } } : step,
    );
    const other = walk(new SchedulerById(rename(options)), renamed);
    assert.deepEqual(outcomes(other), outcomes(walk(new SchedulerById(options), steps)));
  });
});

test('property 16: an idle tenant that has used nothing changes no decision', () => {
  const idle = { ...anyTarget, flowId: 'idle', cost: 500, tokens: 100, bodyBytes: 1, timeoutMs: 1000 };
  fc.assert(
    fc.property(anyOptions, anySteps, fc.constantFrom(...allLevels), (options, steps, level) => {
      const visited = new SchedulerById(options);
      assert.equal(visited.enqueue({ ...idle, level, id: 1e6 }, 0), 'queued');
      if (visited.next(0) !== undefined) visited.releaseUnused(1e6, 0);
      else visited.cancel(1e6);
      assert.deepEqual(walk(visited, steps), walk(new SchedulerById(options), steps));
    }),
    { numRuns: 300 },
  );
});

test('property 16: two tenants get the same whether one sends all its requests first or half of them after the other', () => {
  const run = (split: number, costs: readonly number[]) => {
    const scheduler = new SchedulerById({ settings: poolSettings(), tenants: new Map() });
    let id = 0;
    const bring = (flowId: string, cost: number) =>
      scheduler.enqueue({ ...anyTarget, id: id++, flowId, level: 4, cost, tokens: 0, bodyBytes: 0, timeoutMs: 1e9 }, 0);
    for (const cost of costs.slice(0, split)) bring('a', cost);
    for (const cost of costs) bring('b', cost);
    for (const cost of costs.slice(split)) bring('a', cost);
    const served = { a: 0, b: 0 };
    for (let turn = 0; turn < costs.length; turn++) {
      const granted = scheduler.next(0) ?? never();
      const isOfB = granted >= split && granted < split + costs.length;
      const cost = costs[isOfB ? granted - split : granted < split ? granted : granted - costs.length] ?? never();
      served[isOfB ? 'b' : 'a'] += cost;
      scheduler.finish(granted, { cost, tokens: 0 }, 0);
    }
    return served;
  };
  const anyCosts = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 4, maxLength: 60 });
  fc.assert(
    fc.property(anyCosts, fc.nat(), (costs, nth) => {
      const [whole, halves] = [run(costs.length, costs), run(1 + (nth % (costs.length - 1)), costs)];
      for (const flow of ['a', 'b'] as const) assert.ok(Math.abs(whole[flow] - halves[flow]) <= 2 * Math.max(...costs));
    }),
  );
});

const never = (): never => assert.fail('cannot be');

test('property 17: a request does not start on arrival while its level has a queue that may be served', () => {
  fc.assert(
    fc.property(plainOptions, anyCalmSteps, (options, steps) => {
      const walked = new Walk(new SchedulerById(options));
      const ledger = recount([], () => {});
      for (const step of steps) {
        const level = step.kind === 'enqueue' ? step.request.level : null;
        const hadQueue = level !== null && ledger.waitingIn(level).length > 0;
        walked.take(step);
        walked.pump();
        const newcomer = walked.events.find(({ kind }) => kind === 'queued');
        const granted = walked.events.filter(({ kind }) => kind === 'granted');
        if (hadQueue && newcomer?.kind === 'queued')
          assert.ok(!granted.some(event => event.kind === 'granted' && event.request === newcomer.request));
        for (const event of walked.events.splice(0)) ledger.apply(event);
      }
    }),
    { numRuns: 300 },
  );
});

test('property 20: when the faults have passed, every waiting request without a deadline gets a seat', () => {
  checkWalks((options, steps) => {
    const patient = steps
      .filter(({ kind }) => kind !== 'drain')
      .map(
        (step): Step =>
          step.kind === 'enqueue'
            ? { ...step, request: { ...step.request, timeoutMs: Number.POSITIVE_INFINITY } }
            : step,
      );
    const real = new SchedulerById(options);
    const walked = new Walk(real);
    const ledger = recount([], () => {});
    const settle = () => {
      walked.pump();
      for (const event of walked.events.splice(0)) ledger.apply(event);
    };
    for (const step of patient) walked.take(step);
    settle();
    // All running requests end every second: no bucket of the walk has a debt for which this is not enough.
    for (let second = 0; second < 2000 && ledger.waiting.size > 0; second++) {
      walked.advance(1000);
      for (const id of [...ledger.running.keys()]) {
        real.finish(id, { cost: 1, tokens: 1 }, walked.now);
        ledger.running.delete(id);
      }
      settle();
    }
    assert.equal(ledger.waiting.size, 0);
    const ends = [...ledger.ended.values()].flat();
    assert.ok(!ends.includes('expired'));
  });
});
