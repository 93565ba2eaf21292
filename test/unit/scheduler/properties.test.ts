/** Events in any order: the properties of the scheduler's design (its section 4.1), over random walks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allLevels, type Level } from '../../../src/domain/vocabulary.ts';
import type { SchedulerOptions } from '../../../src/scheduler/scheduler.ts';
import { cutReserves, type Ledger, recount, remarks } from '../../support/ledger.ts';
import type { Request } from '../../support/reference-queue.ts';
import { ReferenceScheduler } from '../../support/reference-scheduler.ts';
import { anyCalmSteps, anyOptions, anySteps, plainOptions, slow } from '../../support/scheduler-arbitraries.ts';
import { type AnyScheduler, SchedulerById } from '../../support/scheduler-by-id.ts';
import { type Step, Walk, walk } from '../../support/scheduler-walk.ts';

interface Walks {
  readonly options?: fc.Arbitrary<SchedulerOptions>;
  readonly steps?: fc.Arbitrary<Step[]>;
}

const checkWalks = (
  { options = anyOptions, steps = anySteps }: Walks,
  check: (o: SchedulerOptions, s: Step[]) => void,
) => fc.assert(fc.property(options, steps, check), { numRuns: 300 });

const keyOf = (request: Request) => `${request.level}/${request.flowId}`;
/** The settings in effect, unless the walk changes them. */
const inForce = ({ settings }: SchedulerOptions) => ({
  ...settings,
  reserved: cutReserves(settings.reserved, settings.seats),
});

test('property 1: every request waits, runs or has ended, and none ends twice', () => {
  checkWalks({}, (options, steps) => {
    const scheduler = new SchedulerById(options);
    const { came, waiting, running, ended } = recount(walk(scheduler, steps), () => {});
    assert.equal(came, steps.filter(({ kind }) => kind === 'enqueue').length);
    assert.equal(came, waiting.size + running.size + ended.size);
    for (const [id, ends] of ended) assert.equal(ends.length, 1, `request ${id}: ${ends}`);
    assert.deepEqual([scheduler.scheduler.waiting, scheduler.inUse], [waiting.size, running.size]);
  });
});

test('property 2: no start exceeds the seats, takes a seat reserved for another level, or exceeds the cap', () => {
  checkWalks({}, (options, steps) => {
    const scheduler = new SchedulerById(options);
    const walked = new Walk(scheduler);
    const counted = recount([], () => {});
    let { settings } = options;
    for (const step of steps) {
      walked.take(step);
      if (step.kind === 'configure') settings = step.options.settings;
      const reserved = cutReserves(settings.reserved, scheduler.seats);
      for (const event of walked.events.splice(0)) counted.apply(event);
      walked.pump();
      for (const event of walked.events.splice(0)) {
        counted.apply(event);
        assert.ok(counted.running.size <= scheduler.seats, 'Σ used ≤ C');
        assert.ok(counted.held(reserved) <= scheduler.seats, 'Σ max(used, reserved) ≤ C');
        if (event.kind !== 'granted') continue;
        const { level } = event.request;
        assert.ok(counted.used(level) <= (settings.cap[level] ?? 0), 'used ≤ cap');
      }
    }
  });
});

test('property 3: under strict no request starts while a better level could, under hybrid none while P0 could', () => {
  checkWalks({ options: plainOptions, steps: anyCalmSteps }, (options, steps) => {
    const settings = inForce(options);
    recount(walk(new SchedulerById(options), steps), (event, ledger) => {
      if (event.kind !== 'granted' || settings.policy === 'wfq') return;
      const better = allLevels.filter(
        level => level < event.request.level && (level === 0 || settings.policy === 'strict'),
      );
      const inTime = (level: Level) =>
        ledger.waitingIn(level).some(({ id }) => (ledger.waiting.get(id)?.deadline ?? 0) >= event.at);
      assert.deepEqual(
        better.filter(level => inTime(level) && ledger.maySeat(level, settings)),
        [],
      );
    });
  });
});

test('property 6: after all possible starts, no level that may have a seat has a waiting request', () => {
  checkWalks({ options: plainOptions, steps: anyCalmSteps }, (options, steps) => {
    const settings = inForce(options);
    const check = (ledger: Ledger) => {
      for (const level of allLevels)
        assert.ok(!ledger.maySeat(level, settings) || ledger.waitingIn(level).length === 0);
    };
    const walked = new Walk(new SchedulerById(options));
    const ledger = recount([], () => {});
    for (const step of steps) {
      walked.take(step);
      walked.pump();
      for (const event of walked.events.splice(0)) ledger.apply(event);
      check(ledger);
    }
  });
});

/** The clock advances by `unitMs` at a time, and all times are multiples of it. */
function checkAlarms(options: SchedulerOptions, steps: readonly Step[], unitMs: number): void {
  const scheduler = new SchedulerById(options);
  const walked = new Walk(scheduler);
  for (const step of steps) {
    walked.take(step.kind === 'advance' ? { kind: 'advance', ms: 0 } : step);
    walked.pump();
    for (let ms = 0; step.kind === 'advance' && ms < step.ms; ms += unitMs) {
      const wake = scheduler.scheduler.nextWake(walked.now) ?? Number.POSITIVE_INFINITY;
      assert.ok(wake > walked.now, 'no alarm for what is over');
      const before = walked.events.length;
      walked.advance(unitMs);
      walked.pump();
      if (walked.events.length > before) assert.ok(wake <= walked.now, `${wake} was told, ${walked.now} it was`);
    }
  }
  recount(walked.events, (event, ledger) => {
    if (event.kind !== 'expired' && event.kind !== 'granted') return;
    const { deadline = Number.NaN } = ledger.waiting.get(event.request.id) ?? {};
    if (event.kind === 'granted') assert.ok(event.at <= deadline);
    else if (steps.every(({ kind }) => kind !== 'drain' && kind !== 'put back')) assert.equal(event.at, deadline);
  });
}

test('properties 6 and 10: timed changes happen exactly at the announced moment, and none before it', () => {
  checkWalks({}, (options, steps) => checkAlarms(options, steps, 1));
});

test('properties 6 and 10: so do probes and the ends of closures that last for minutes', () => {
  const steps = anySteps.map(fast => fast.filter(({ kind }) => kind !== 'configure').map(slow));
  checkWalks({ options: plainOptions, steps }, (options, slowSteps) => checkAlarms(options, slowSteps, 1000));
});

test('property 7: within a tenant and level, requests of one model start in order of arrival, a put-back one first', () => {
  checkWalks({}, (options, steps) => {
    const queues = new Map<string, number[]>();
    for (const event of walk(new SchedulerById(options), steps)) {
      if (event.kind === 'step') continue;
      const { provider, model } = event.request;
      const key = `${keyOf(event.request)}/${provider}/${model}`;
      const queue = queues.get(key) ?? [];
      queues.set(key, queue);
      const { id } = event.request;
      if (event.kind === 'granted') assert.equal(queue[0], id);
      if (event.kind === 'queued') queue.push(id);
      else if (event.kind === 'put back') queue.unshift(id);
      else if (!remarks.includes(event.kind) && queue.includes(id)) queue.splice(queue.indexOf(id), 1);
    }
  });
});

test('property 9: forgetting tenants without debt changes no decision', () => {
  const crowd = anyCalmSteps.map(steps =>
    steps.map((step, index) => {
      if (step.kind !== 'enqueue') return step;
      // Many tenants that come once or twice, in two levels.
      const { request } = step;
      const level: Level = request.level % 2 === 0 ? 3 : 7;
      return { ...step, request: { ...request, level, flowId: `${request.flowId}${index % 40}`, timeoutMs: 1e6 } };
    }),
  );
  let forgotten = 0;
  checkWalks({ steps: crowd }, (options, steps) => {
    const real = new SchedulerById(options);
    assert.deepEqual(walk(real, steps), walk(new ReferenceScheduler(options), steps));
    const seen = new Set(steps.flatMap(step => (step.kind === 'enqueue' ? [keyOf({ ...step.request, id: 0 })] : [])));
    forgotten += seen.size - real.scheduler.level(3).flows - real.scheduler.level(7).flows;
  });
  assert.ok(forgotten > 0, 'some were forgotten');
});

test('property 11: no queue exceeds its limit, and a dropped request comes from a longest queue', () => {
  checkWalks({ steps: anyCalmSteps }, (options, steps) => {
    const { settings, tenants } = options;
    const scheduler = new SchedulerById(options);
    let newcomer: Request | null = null;
    const events = walk(scheduler, steps, {
      pumpAlways: true,
      afterStep: () => {
        for (const level of allLevels) assert.ok(scheduler.waiting(level) <= (settings.maxQueueDepth[level] ?? 0));
        assert.ok(scheduler.scheduler.waiting <= settings.maxQueueDepthPool);
        const bytes = allLevels.reduce<number>((sum, level) => sum + scheduler.scheduler.level(level).waitingBytes, 0);
        assert.ok(bytes <= settings.maxQueuedBytes);
      },
    });
    recount(events, (event, ledger) => {
      if (event.kind === 'step') return;
      if (event.kind === 'queued') newcomer = event.request;
      const ofTenant = [...ledger.waiting.values()].filter(({ request }) => request.flowId === event.request.flowId);
      const most = tenants.get(event.request.flowId)?.maxQueueDepth ?? Number.POSITIVE_INFINITY;
      if (event.kind === 'tenant_full') assert.ok(ofTenant.length >= most);
      if (event.kind !== 'evicted') return;
      assert.ok(newcomer);
      checkVictim(event.request, newcomer, ledger);
    });
  });
});

function checkVictim(victim: Request, newcomer: Request, ledger: Ledger): void {
  const queue = ledger.waitingIn(victim.level).filter(({ id }) => id !== newcomer.id);
  const costOf = (flowId: string) => queue.reduce((sum, one) => sum + (one.flowId === flowId ? one.cost : 0), 0);
  const longest = Math.max(...queue.map(({ flowId }) => costOf(flowId)));
  assert.equal(costOf(victim.flowId), longest);
  assert.equal(
    queue.findLast(({ flowId }) => flowId === victim.flowId),
    victim,
    'its newest',
  );
  if (victim.level === newcomer.level)
    assert.ok(longest > costOf(newcomer.flowId) + newcomer.cost, 'not of the newcomer');
  else assert.ok(victim.level > newcomer.level, 'displaced by a better level only, so never from P0');
  const worse = allLevels.filter(level => level > victim.level && victim.level !== newcomer.level);
  assert.deepEqual(
    worse.flatMap(level => ledger.waitingIn(level)),
    [],
    'from the worst level',
  );
}

class EndsTwice extends SchedulerById {
  override finish(...by: Parameters<AnyScheduler['finish']>): boolean {
    return once(super.finish(...by), super.finish(...by));
  }
  override releaseUnused(...by: Parameters<AnyScheduler['releaseUnused']>): boolean {
    return once(super.releaseUnused(...by), super.releaseUnused(...by));
  }
  override putBack(...by: Parameters<AnyScheduler['putBack']>): boolean {
    return once(super.putBack(...by), super.putBack(...by));
  }
}

const once = (first: boolean, second: boolean) => {
  assert.equal(second, false);
  return first;
};

test('property 12: ending a seat twice, or one that was never held, changes nothing and is reported', () => {
  checkWalks({}, (options, steps) => {
    const [single, double] = [new SchedulerById(options), new EndsTwice(options)];
    const events = walk(single, steps);
    assert.deepEqual(walk(double, steps), events);
  });
});
