/** Whatever happens in whatever order: the invariants of the scheduler, each over random walks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allLevels, type Level } from '../../src/domain/vocabulary.ts';
import type { SchedulerOptions } from '../../src/scheduler/scheduler.ts';
import { poolSettings } from '../support/pool-settings.ts';
import { ReferenceScheduler, type Request } from '../support/reference-scheduler.ts';
import { anyOptions, anySteps, SchedulerById, type Step, type WalkEvent, walk } from '../support/scheduler-walk.ts';

const checkWalks = (check: (options: SchedulerOptions, steps: Step[]) => void) =>
  fc.assert(fc.property(anyOptions, anySteps, check), { numRuns: 300 });

const keyOf = (request: Request) => `${request.level}/${request.flowId}`;
const idsOf = (events: WalkEvent[], kind: WalkEvent['kind']) =>
  events.flatMap(event => (event.kind === kind && event.kind !== 'step' ? [event.request.id] : []));

/** Calls `check` at each grant with the requests that were waiting then, the granted one included. */
function atEachGrant(events: WalkEvent[], check: (granted: Request, waiting: Request[], at: number) => void): void {
  const waiting = new Map<number, { request: Request; deadline: number }>();
  for (const event of events) {
    if (event.kind === 'queued')
      waiting.set(event.request.id, { request: event.request, deadline: event.at + event.request.timeoutMs });
    if (event.kind === 'expired' || event.kind === 'cancelled') waiting.delete(event.request.id);
    if (event.kind !== 'granted') continue;
    const inTime = [...waiting.values()].filter(({ deadline }) => deadline >= event.at);
    check(
      event.request,
      inTime.map(({ request }) => request),
      event.at,
    );
    waiting.delete(event.request.id);
  }
}

test('invariant 1: every request ends exactly once, and waits, runs or has ended in between', () => {
  checkWalks((options, steps) => {
    const scheduler = new SchedulerById(options);
    const events = walk(scheduler, steps);
    const queued = idsOf(events, 'queued');
    const granted = idsOf(events, 'granted');
    const left = [...idsOf(events, 'expired'), ...idsOf(events, 'cancelled')];
    const finished = idsOf(events, 'finished');
    for (const ids of [[...granted, ...left], finished]) assert.equal(new Set(ids).size, ids.length, 'once');
    assert.equal(queued.length, granted.length + left.length + scheduler.scheduler.waiting);
    assert.equal(granted.length, finished.length + scheduler.inUse);
  });
});

test('invariant 2: the seats in use never exceed the seats', () => {
  checkWalks((options, steps) => {
    const events = walk(new SchedulerById(options), steps);
    let inUse = 0;
    for (const event of events) {
      if (event.kind === 'finished') inUse--;
      if (event.kind === 'granted') assert.ok(++inUse <= options.settings.seats);
    }
  });
});

test('invariant 3: under strict nobody starts while a better level waits, under hybrid nobody while P0 does', () => {
  checkWalks((options, steps) => {
    atEachGrant(walk(new SchedulerById(options), steps), (granted, waiting) => {
      const best = Math.min(...waiting.map(request => request.level));
      if (options.settings.policy === 'strict') assert.equal(granted.level, best);
      if (options.settings.policy === 'hybrid' && best === 0) assert.equal(granted.level, 0);
    });
  });
});

test('invariants 4, 9 and 18: a plain scan for the least counters that forgets nobody grants in the identical order', () => {
  checkWalks((options, steps) => {
    const [real, reference] = [new SchedulerById(options), new ReferenceScheduler(options)];
    assert.deepEqual(walk(real, steps), walk(reference, steps));
  });
});

test('invariant 6: when all that could start has started, either no seat is free or nobody waits', () => {
  checkWalks((options, steps) => {
    const scheduler = new SchedulerById(options);
    const afterStep = () => assert.ok(scheduler.inUse === options.settings.seats || scheduler.scheduler.waiting === 0);
    walk(scheduler, steps, { afterStep, pumpAlways: true });
  });
});

test('invariant 7: within a tenant and level requests start in the order in which they came', () => {
  checkWalks((options, steps) => {
    const last = new Map<string, number>();
    atEachGrant(walk(new SchedulerById(options), steps), granted => {
      assert.ok(granted.id > (last.get(keyOf(granted)) ?? -1));
      last.set(keyOf(granted), granted.id);
    });
  });
});

test('invariant 10: nobody starts after the deadline or after leaving, and time runs out at the exact millisecond', () => {
  checkWalks((options, steps) => {
    const scheduler = new SchedulerById(options);
    const events = walk(scheduler, steps, {
      afterStep: now => {
        const next = scheduler.scheduler.nextWake(now);
        if (next !== undefined) assert.ok(next >= now, 'what is overdue was answered');
      },
    });
    atEachGrant(events, (granted, waiting) => assert.ok(waiting.includes(granted), 'waiting and in time'));
  });
});

test('a request is due at its deadline, not a moment before', () => {
  const options = { settings: poolSettings(), tenants: new Map() };
  const scheduler = new SchedulerById(options);
  const request = { flowId: 'a', level: 3 as Level, cost: 1, tokens: 1, bodyBytes: 0, timeoutMs: 60_000 };
  scheduler.enqueue({ ...request, id: 0 }, 0);
  scheduler.next(0);
  scheduler.enqueue({ ...request, id: 1, timeoutMs: 30_000 }, 0.5);
  scheduler.enqueue({ ...request, id: 2, timeoutMs: 10_000 }, 0.5);
  assert.equal(scheduler.scheduler.nextWake(0), 10_000.5);
  assert.deepEqual(scheduler.expire(10_000.4999), []);
  assert.deepEqual(scheduler.expire(10_000.5), [2]);
  assert.equal(scheduler.scheduler.nextWake(0), 30_000.5);
  scheduler.finish(0, 1, 20_000);
  assert.equal(scheduler.next(30_000.5001), undefined, 'too late by a hair');
  assert.deepEqual(scheduler.expire(30_000.5001), [1]);
});

test('invariant 12: finishing twice, or finishing what never started, changes nothing and is counted', () => {
  checkWalks((options, steps) => {
    const [once, twice] = [new SchedulerById(options), new SchedulerById(options)];
    const doubled = {
      ...bound(twice),
      get inUse() {
        return twice.inUse;
      },
      finish: (id: number, cost: number, now: number) => {
        const first = twice.finish(id, cost, now);
        assert.equal(twice.finish(id, cost, now), false);
        return first;
      },
    };
    const events = walk(once, steps);
    assert.deepEqual(walk(doubled, steps), events);
    const finishes = idsOf(events, 'finished').length + idsOf(events, 'not finished').length;
    assert.equal(twice.scheduler.ignoredFinishes, once.scheduler.ignoredFinishes + finishes);
  });
});

const bound = (scheduler: SchedulerById) => ({
  waiting: (level: Level) => scheduler.waiting(level),
  running: (level: Level) => scheduler.running(level),
  enqueue: scheduler.enqueue.bind(scheduler),
  next: scheduler.next.bind(scheduler),
  finish: scheduler.finish.bind(scheduler),
  cancel: scheduler.cancel.bind(scheduler),
  expire: scheduler.expire.bind(scheduler),
});

test('invariant 14: the counts of each level agree with a recount after every step', () => {
  checkWalks((options, steps) => {
    const [real, reference] = [new SchedulerById(options), new ReferenceScheduler(options)];
    const counts = (scheduler: SchedulerById | ReferenceScheduler, seen: number[][]) => () => {
      seen.push(allLevels.flatMap(level => [scheduler.waiting(level), scheduler.running(level)]));
    };
    const [ours, theirs]: [number[][], number[][]] = [[], []];
    walk(real, steps, { afterStep: counts(real, ours) });
    walk(reference, steps, { afterStep: counts(reference, theirs) });
    assert.deepEqual(ours, theirs);
    assert.equal(
      real.scheduler.waitingAhead(4),
      [0, 1, 2, 3, 4].reduce<number>((sum, level) => sum + reference.waiting(level as Level), 0),
    );
  });
});

test('invariant 16: weights times four, or tenants by other names, change no decision', () => {
  const renamed: Record<string, string> = { a: 'zeta', b: 'b', c: 'a', d: '' };
  const rename = (step: Step): Step =>
    step.kind === 'enqueue'
      ? { ...step, request: { ...step.request, flowId: renamed[step.request.flowId] ?? '?' } }
      : step;
  checkWalks((options, steps) => {
    const plain = walk(new SchedulerById(options), steps);
    const scaled = new SchedulerById({
      ...options,
      settings: { ...options.settings, weights: options.settings.weights.map(weight => weight * 4) },
    });
    assert.deepEqual(walk(scaled, steps), plain);
    const granted = idsOf(walk(new SchedulerById(options), steps.map(rename)), 'granted');
    assert.deepEqual(granted, idsOf(plain, 'granted'));
  });
});

test('invariant 17: who comes while the own level has a queue does not start on arrival', () => {
  checkWalks((options, steps) => {
    const waiting = new Map<number, Request>();
    let newcomer: { id: number; hadQueue: boolean } | null = null;
    for (const event of walk(new SchedulerById(options), steps, { pumpAlways: true })) {
      if (event.kind === 'step') newcomer = null;
      if (event.kind === 'queued') {
        const hadQueue = [...waiting.values()].some(({ level }) => level === event.request.level);
        newcomer = { id: event.request.id, hadQueue };
        waiting.set(event.request.id, event.request);
      }
      if (event.kind === 'granted' && event.request.id === newcomer?.id) assert.equal(newcomer.hadQueue, false);
      if (event.kind === 'granted' || event.kind === 'expired' || event.kind === 'cancelled')
        waiting.delete(event.request.id);
    }
  });
});

test('the limits hold: no level deeper than its depth, no more bytes than the pool may hold, and no refusal without cause', () => {
  checkWalks((options, steps) => {
    const scheduler = new SchedulerById(options);
    const waiting = new Map<number, Request>();
    let inUse = 0;
    for (const event of walk(scheduler, steps)) {
      if (event.kind === 'step') continue;
      const { request } = event;
      const inLevel = [...waiting.values()].filter(({ level }) => level === request.level).length;
      const bytes = [...waiting.values()].reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
      const mustWait = waiting.size > 0 || inUse >= options.settings.seats;
      const tooMany = mustWait && inLevel >= (options.settings.maxQueueDepth[0] ?? 0);
      const tooMuch = mustWait && bytes + request.bodyBytes > options.settings.maxQueuedBytes;
      if (event.kind === 'queued') assert.ok(!tooMany && !tooMuch);
      if (event.kind === 'level_full') assert.ok(tooMany);
      if (event.kind === 'pool_full') assert.ok(tooMuch && !tooMany);
      if (event.kind === 'queued') waiting.set(request.id, request);
      if (event.kind === 'granted' || event.kind === 'expired' || event.kind === 'cancelled')
        waiting.delete(request.id);
      if (event.kind === 'granted') inUse++;
      if (event.kind === 'finished') inUse--;
    }
  });
});
