/**
 * The bounds of the scheduler's design, its section 1.5: the distance between tenants and between levels, the wait of a
 * newcomer, the throughput of a rate. e: largest charge at dispatch; u, o: largest error of an estimate; S: most of one
 * flow in flight.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allLevels, type Level, levelCount } from '../../../src/domain/vocabulary.ts';
import { Contest, type Contestant } from '../../support/contest.ts';
import { linear, poolSettings, tenantRules } from '../../support/pool-settings.ts';
import { anyCalmSteps, anyOptions } from '../../support/scheduler-arbitraries.ts';
import { SchedulerById } from '../../support/scheduler-by-id.ts';
import { type Step, walk } from '../../support/scheduler-walk.ts';

const anyCost = fc.integer({ min: 1, max: 1000 });
const anyWeights = (length: number) =>
  fc.array(fc.constantFrom(0.5, 1, 2, 5), { minLength: length, maxLength: length });

test('property 5: the charges of two waiting tenants differ by at most one request and their estimation errors', () => {
  const anyTurn = fc.record({
    estimate: anyCost,
    actual: anyCost,
    nth: fc.nat(),
    share: fc.constantFrom(0.5, 0.9, 1, 1),
  });
  const anyTurns = fc.array(anyTurn, { minLength: 30, maxLength: 300, size: 'max' });
  fc.assert(
    fc.property(anyTurns, anyWeights(3), fc.integer({ min: 1, max: 6 }), (turns, weights, seats) => {
      const names = ['a', 'b', 'c'];
      const rules = Object.fromEntries(names.map((name, index) => [name, { weight: weights[index] ?? 1 }]));
      const contest = new Contest({ settings: poolSettings({ seats }), tenants: tenantRules(rules) });
      for (const flowId of names) contest.bring({ flowId, level: 4 }, 500);
      for (const flowId of names) contest.bring({ flowId, level: 4 }, 500);
      for (const { estimate, actual, nth, share } of turns) {
        for (let job = contest.grant(); job !== undefined; job = contest.grant()) contest.bring(job, estimate, actual);
        checkGap(contest, rules, seats);
        contest.use(nth, share);
        checkGap(contest, rules, seats);
      }
    }),
    { numRuns: 200 },
  );
});

function checkGap(contest: Contest, rules: Record<string, { weight: number }>, seats: number): void {
  const counters = Object.entries(rules).map(([name, { weight }]) => ({
    weight,
    counter: (contest.charged.get(name) ?? 0) / weight,
  }));
  for (const one of counters)
    for (const other of counters) {
      const bound = (contest.largestEstimate + seats * contest.largestError) / Math.min(one.weight, other.weight);
      assert.ok(Math.abs(one.counter - other.counter) <= bound + 1e-6, `${one.counter} and ${other.counter}: ${bound}`);
    }
}

test('property 5: with true estimates the gap is one request, and comes to just that: 768 for 256 in and 256 out', () => {
  const contest = new Contest({ settings: poolSettings(), tenants: new Map() });
  for (const flowId of ['a', 'b', 'a', 'b']) contest.bring({ flowId, level: 4 }, 768);
  let widest = 0;
  for (let turn = 0; turn < 100; turn++) {
    const job = contest.grant();
    assert.ok(job);
    const [a = 0, b = 0] = ['a', 'b'].map(name => contest.charged.get(name));
    widest = Math.max(widest, Math.abs(a - b));
    contest.bring(job, 768);
    contest.use(0, 1);
  }
  assert.equal(widest, 768);
});

/**
 * Serves one after the other on one seat, each followed by another like it, until `isEnough`; returns the charges of
 * the flows.
 */
function serveUntil(contest: Contest, costs: readonly number[], isEnough: (served: Contestant) => boolean): number {
  const total = () => [...contest.charged.values()].reduce((sum, cost) => sum + cost, 0);
  const before = total();
  for (let turn = 0; turn < 100_000; turn++) {
    const sofar = total() - before;
    const job = contest.grant();
    assert.ok(job, 'somebody waits');
    if (isEnough(job)) return sofar;
    contest.bring(job, costs[turn % costs.length] ?? 1);
    contest.use(0, 1);
  }
  return assert.fail('never its turn');
}

test('a tenant that begins to wait is served before its neighbours got more than e·(1 + their weight by its own) each', () => {
  const anyCosts = fc.array(anyCost, { minLength: 5, maxLength: 60 });
  fc.assert(
    fc.property(anyCosts, anyWeights(4), fc.nat(60), (costs, weights, turns) => {
      const [own = 1, ...others] = weights;
      const names = others.map((_, index) => `neighbour ${index}`);
      const rules = Object.fromEntries(names.map((name, index) => [name, { weight: others[index] ?? 1 }]));
      const tenants = tenantRules({ ...rules, newcomer: { weight: own } });
      const contest = new Contest({ settings: poolSettings(), tenants });
      for (const flowId of names) for (let i = 0; i < 2; i++) contest.bring({ flowId, level: 4 }, costs[0] ?? 1);
      let left = turns;
      serveUntil(contest, costs, () => left-- <= 0);
      contest.use(0, 1);
      contest.bring({ flowId: 'newcomer', level: 4 }, 100);
      const served = serveUntil(contest, costs, ({ flowId }) => flowId === 'newcomer');
      const bound = others.reduce((sum, weight) => sum + contest.largestEstimate * (1 + weight / own), 0);
      assert.ok(served <= bound, `${served} ≤ ${bound}`);
    }),
  );
});

test('a level that wakes after a thousand P0 requests waits for at most e·(1 + W of the other by its own) of each', () => {
  for (const policy of ['wfq', 'hybrid'] as const) {
    for (const level of allLevels.slice(1)) {
      const contest = new Contest({ settings: poolSettings({ policy }), tenants: new Map() });
      const busy = policy === 'wfq' ? allLevels.filter(other => other !== level) : [0 as const];
      for (const other of busy) for (let i = 0; i < 2; i++) contest.bring({ flowId: 'a', level: other }, 500);
      let ofP0 = 0;
      serveUntil(contest, [500], served => served.level === 0 && ++ofP0 === 1000);
      contest.use(0, 1);
      // Under hybrid the level waits for all of P0's demand, so this contest ends here; the others go on.
      if (policy === 'hybrid') {
        contest.grant();
        contest.use(0, 1);
        for (const other of allLevels.slice(1))
          if (other !== level) for (let i = 0; i < 2; i++) contest.bring({ flowId: 'a', level: other }, 500);
      }
      contest.bring({ flowId: 'late', level }, 500);
      const served = serveUntil(contest, [500], job => job.level === level);
      const others = policy === 'wfq' ? busy : allLevels.slice(1).filter(other => other !== level);
      const weight = (of: Level) => linear[of] ?? Number.NaN;
      const bound = others.reduce<number>((sum, other) => sum + 500 * (1 + weight(other) / weight(level)), 0);
      assert.ok(served <= bound, `${policy} P${level}: ${served} ≤ ${bound}`);
    }
  }
});

test('levels of any weights and costs: one that wakes is served before the others got more than e·(1 + W by its own) each', () => {
  const anyCosts = fc.array(anyCost, { minLength: 5, maxLength: 60 });
  const weights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: levelCount, maxLength: levelCount });
  fc.assert(
    fc.property(anyCosts, weights, fc.constantFrom(...allLevels), fc.nat(200), (costs, ofLevels, level, turns) => {
      const contest = new Contest({ settings: poolSettings({ policy: 'wfq', weights: ofLevels }), tenants: new Map() });
      const others = allLevels.filter(other => other !== level);
      for (const other of others)
        for (let i = 0; i < 2; i++) contest.bring({ flowId: 'a', level: other }, costs[0] ?? 1);
      let left = turns;
      serveUntil(contest, costs, () => left-- <= 0);
      contest.use(0, 1);
      contest.bring({ flowId: 'late', level }, 100);
      const served = serveUntil(contest, costs, job => job.level === level);
      const own = ofLevels[level] ?? 1;
      const bound = others.reduce<number>(
        (sum, other) => sum + contest.largestEstimate * (1 + (ofLevels[other] ?? 0) / own),
        0,
      );
      assert.ok(served <= bound, `${served} ≤ ${bound}`);
    }),
  );
});

test('property 8: a tenant that returns gets no more than the others, up to two requests and estimation errors', () => {
  const anyCosts = fc.array(fc.tuple(anyCost, fc.constantFrom(0.9, 1, 1.1)), {
    minLength: 20,
    maxLength: 100,
    size: 'max',
  });
  fc.assert(
    fc.property(anyCosts, fc.integer({ min: 1, max: 3 }), (costs, seats) => {
      const contest = new Contest({ settings: poolSettings({ seats }), tenants: new Map() });
      for (const flowId of ['away', 'busy', 'busy', 'busy', 'busy']) contest.bring({ flowId, level: 4 }, 500);
      const turn = ([estimate, error]: readonly [number, number], flows: readonly string[]) => {
        for (let job = contest.grant(); job !== undefined; job = contest.grant())
          if (flows.includes(job.flowId)) contest.bring(job, estimate, estimate * error);
        contest.use(0, 1);
      };
      for (const cost of costs) turn(cost, ['busy']);
      const [away = 0, busy = 0] = ['away', 'busy'].map(name => contest.charged.get(name));
      for (let i = 0; i < seats + 2; i++) contest.bring({ flowId: 'away', level: 4 }, 500);
      const bound = () => 2 * (contest.largestEstimate + seats * contest.largestError);
      for (const cost of costs) {
        turn(cost, ['busy', 'away']);
        const extra = (contest.charged.get('away') ?? 0) - away - ((contest.charged.get('busy') ?? 0) - busy);
        assert.ok(extra <= bound(), `${extra} ≤ ${bound()}`);
      }
    }),
  );
});

interface Charge {
  readonly at: number;
  readonly flowId: string;
  readonly tokens: number;
  readonly isGrant: boolean;
}

/** Returns each start, and each correction of its charge in tokens. */
function chargesOf(scheduler: SchedulerById, steps: readonly Step[]): Charge[] {
  const charged = new Map<number, number>();
  let spent = 0;
  return walk(scheduler, steps, { pumpAlways: true }).flatMap((event): Charge[] => {
    if (event.kind === 'step') {
      if ('spent' in event.step) spent = event.step.spent.tokens;
      return [];
    }
    const { request, at } = event;
    const isGrant = event.kind === 'granted';
    if (!isGrant && event.kind !== 'charged' && event.kind !== 'finished') return [];
    const now = isGrant ? request.tokens : spent;
    const tokens = now - (charged.get(request.id) ?? 0);
    charged.set(request.id, now);
    return [{ at, flowId: request.flowId, tokens, isGrant }];
  });
}

interface Rate {
  readonly requestsPerSec: number | null;
  readonly requestBurst?: number | null;
  readonly tokensPerSec: number | null;
  readonly tokenBurst?: number | null;
}

/** Over any span T from one start to another: requests ≤ r·T + b, and tokens ≤ r·T + b + the last request. */
function checkSpans(charges: readonly Charge[], rate: Rate): void {
  const burst = (perSec: number | null, given: number | null | undefined) => Math.max(given ?? perSec ?? 0, 1);
  for (const [index, first] of charges.entries()) {
    if (!first.isGrant) continue;
    let requests = 0;
    let tokens = 0;
    for (const charge of charges.slice(index)) {
      const seconds = (charge.at - first.at) / 1000;
      const mostTokens = seconds * (rate.tokensPerSec ?? 0) + burst(rate.tokensPerSec, rate.tokenBurst);
      if (charge.isGrant && rate.tokensPerSec !== null)
        assert.ok(tokens < mostTokens, `${tokens} tokens in ${seconds} s`);
      tokens += charge.tokens;
      if (!charge.isGrant) continue;
      requests++;
      const most = seconds * (rate.requestsPerSec ?? 0) + burst(rate.requestsPerSec, rate.requestBurst);
      if (rate.requestsPerSec !== null) assert.ok(requests <= most + 1e-9, `${requests} requests in ${seconds} s`);
    }
  }
}

test('property 13: over any span a rate admits at most its share, its burst and one request', () => {
  const steps = anyCalmSteps.map(all => all.filter(({ kind }) => kind !== 'release unused'));
  fc.assert(
    fc.property(anyOptions, steps, (options, taken) => {
      const charges = chargesOf(new SchedulerById(options), taken);
      checkSpans(charges, options.settings);
      for (const [id, rules] of options.tenants)
        checkSpans(
          charges.filter(({ flowId }) => flowId === id),
          rules,
        );
    }),
    { numRuns: 300 },
  );
});
