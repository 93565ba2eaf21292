/**
 * Tenants that share the pool (share_by = tenant): one weighted fair queue over all of them, each with the weight of
 * its level times its own. Bounds as in bounds.test.ts, by these weights.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PoolSettings } from '../../../src/config/config.ts';
import { poolShares } from '../../../src/domain/shown/pool-share.ts';
import { allLevels, type Level, policies, shareBys } from '../../../src/domain/vocabulary.ts';
import { arrangeScheduler } from '../../support/arrange-scheduler.ts';
import { Contest } from '../../support/contest.ts';
import { linear, perLevel, poolSettings, tenantRules } from '../../support/pool-settings.ts';

interface Member {
  readonly flowId: string;
  readonly level: Level;
  readonly weight: number;
  /** Limits of its own, at which it is parked. */
  readonly maxConcurrent: number | null;
}

interface Turn {
  readonly estimate: number;
  readonly error: number;
  readonly nth: number;
  readonly share: number;
}

const anyLevel = fc.constantFrom<Level>(1, 2, 3, 5, 6, 7, 9);
const anyMembers = fc
  .array(
    fc.record({
      level: anyLevel,
      weight: fc.constantFrom(0.5, 1, 1, 2, 5),
      maxConcurrent: fc.constantFrom(null, null, 1),
    }),
    { minLength: 2, maxLength: 8 },
  )
  .map(members => members.map((member, index): Member => ({ ...member, flowId: `tenant ${index}` })));
const anyTurns = fc.array(
  fc.record({
    estimate: fc.integer({ min: 1, max: 1000 }),
    error: fc.constantFrom(0.5, 1, 1, 1.5),
    nth: fc.nat(),
    share: fc.constantFrom(0.5, 1, 1, 1),
  }),
  { minLength: 60, maxLength: 300, size: 'max' },
);
const anySeats = fc.integer({ min: 2, max: 6 });
/** The weight of a better level is not lower. */
const anyLevelWeights = fc
  .array(fc.integer({ min: 1, max: 50 }), { minLength: 10, maxLength: 10 })
  .map(weights => weights.toSorted((a, b) => b - a));

const rulesOf = (members: readonly Member[]) =>
  tenantRules(Object.fromEntries(members.map(({ flowId, ...rules }) => [flowId, rules])));

/** All members always have something waiting. */
function contestOf(members: readonly Member[], fields: Partial<PoolSettings>): Contest {
  const settings = poolSettings({ policy: 'wfq', shareBy: 'tenant', ...fields });
  const contest = new Contest({ settings, tenants: rulesOf(members) });
  for (const member of members) for (let nth = 0; nth < 2; nth++) contest.bring(member, 500);
  return contest;
}

/**
 * Seats all requests that may start, each followed by another of its tenant; then one of the seated requests proceeds
 * or ends.
 */
function take(contest: Contest, { estimate, error, nth, share }: Turn): void {
  for (let job = contest.grant(); job !== undefined; job = contest.grant())
    contest.bring(job, estimate, estimate * error);
  contest.use(nth, share);
}

const chargedOf = (contest: Contest, { flowId }: Member): number => contest.charged.get(flowId) ?? 0;

/** For the members that may always start: over any interval, service by weight differs by no more than 2B. */
function checkIntervals(
  contest: Contest,
  members: readonly (Member & { w: number })[],
  turns: readonly Turn[],
  seats: number,
) {
  const free = members.filter(({ maxConcurrent }) => maxConcurrent === null);
  const pairs = free.flatMap((one, at) => free.slice(at + 1).map(other => ({ one, other, least: 0, most: 0 })));
  for (const turn of turns) {
    take(contest, turn);
    for (const pair of pairs) {
      const difference = chargedOf(contest, pair.one) / pair.one.w - chargedOf(contest, pair.other) / pair.other.w;
      pair.least = Math.min(pair.least, difference);
      pair.most = Math.max(pair.most, difference);
    }
  }
  for (const { one, other, least, most } of pairs) {
    const bound = (2 * (contest.largestEstimate + seats * contest.largestError)) / Math.min(one.w, other.w);
    assert.ok(most - least <= bound + 1e-6, `P${one.level} and P${other.level}: ${most - least} ≤ ${bound}`);
  }
}

test('over any interval tenants of all levels are served by their level’s weight times their own, within the bound', () => {
  fc.assert(
    fc.property(anyMembers, anyLevelWeights, anySeats, anyTurns, (members, weights, seats, turns) => {
      const weighted = members.map(member => ({ ...member, w: (weights[member.level] ?? 0) * member.weight }));
      checkIntervals(contestOf(members, { weights, seats }), weighted, turns, seats);
    }),
    { numRuns: 200 },
  );
});

test('the same holds while other levels start on their reserves or are at their caps', () => {
  fc.assert(
    fc.property(anyMembers, anyLevelWeights, anySeats, anyTurns, (members, weights, seats, turns) => {
      const others = [
        { flowId: 'reserved', level: 0, weight: 1, maxConcurrent: null },
        { flowId: 'capped 1', level: 4, weight: 1, maxConcurrent: null },
        { flowId: 'capped 2', level: 4, weight: 3, maxConcurrent: null },
        { flowId: 'capped 3', level: 8, weight: 1, maxConcurrent: null },
      ] as const;
      const contest = contestOf([...members, ...others], {
        weights,
        seats,
        reserved: perLevel(0, { 0: 1 }),
        cap: perLevel(Number.POSITIVE_INFINITY, { 4: 1, 8: 1 }),
      });
      const weighted = members.map(member => ({ ...member, w: (weights[member.level] ?? 0) * member.weight }));
      checkIntervals(contest, weighted, turns, seats);
    }),
    { numRuns: 200 },
  );
});

test('with equal weights of their own, the tenant of a better level is served at least as much, within that bound', () => {
  fc.assert(
    fc.property(anyMembers, anyLevelWeights, anySeats, anyTurns, fc.nat(), (all, weights, seats, turns, from) => {
      const members = all.map(member => ({ ...member, weight: 1, maxConcurrent: null }));
      const contest = contestOf(members, { weights, seats });
      const begin = from % turns.length;
      let before = new Map<string, number>();
      for (const [at, turn] of turns.entries()) {
        if (at === begin) before = new Map(contest.charged);
        take(contest, turn);
      }
      const served = (member: Member) => chargedOf(contest, member) - (before.get(member.flowId) ?? 0);
      const bound = 2 * (contest.largestEstimate + seats * contest.largestError);
      for (const better of members)
        for (const worse of members.filter(({ level }) => level > better.level)) {
          const ratio = (weights[better.level] ?? 0) / (weights[worse.level] ?? 1);
          assert.ok(served(better) >= served(worse) - bound * ratio, `P${better.level} and P${worse.level}`);
        }
    }),
    { numRuns: 200 },
  );
});

const turnsServed = 2000;

/** Requests of 100, one after the other; returns each member's share of the service. */
function sharesServed(members: readonly Member[], settings: Partial<PoolSettings>): Map<string, number> {
  const contest = contestOf(members, settings);
  for (let turn = 0; turn < turnsServed; turn++) take(contest, { estimate: 100, error: 1, nth: 0, share: 1 });
  const total = members.reduce((sum, member) => sum + chargedOf(contest, member), 0);
  return new Map(members.map(member => [member.flowId, chargedOf(contest, member) / total]));
}

/** A tolerance of one or two requests in this many turns. */
const oneRequest = 3 / turnsServed;
const unlimited = anyMembers.map(members => members.map(member => ({ ...member, maxConcurrent: null })));

test('the reported shares are the served shares, in both modes and under both weighted policies', () => {
  const anySharing = fc.record({ policy: fc.constantFrom(...policies), shareBy: fc.constantFrom(...shareBys) });
  fc.assert(
    fc.property(unlimited, anySharing, (members, sharing) => {
      const active = allLevels.map(level =>
        members.reduce((sum, member) => sum + (member.level === level ? member.weight : 0), 0),
      );
      const told = poolShares({ ...sharing, weights: linear }, active);
      const served = sharesServed(members, { ...sharing, seats: 1 });
      const best = Math.min(...members.map(({ level }) => level));
      for (const { flowId, level, weight } of members) {
        const { share, behind } = told(level, weight);
        const got = served.get(flowId) ?? Number.NaN;
        if (share !== null) assert.ok(Math.abs(got - share) <= 2 * oneRequest, `${got} instead of ${share}`);
        else assert.equal(got > oneRequest, level === best);
        if (share === null) assert.equal(behind.length === 0, level === best);
      }
    }),
    { numRuns: 60 },
  );
});

test('when one tenant gets a better level its share rises; no other share rises, or falls by more than that', () => {
  fc.assert(
    fc.property(unlimited, anyLevelWeights, fc.nat(), anyLevel, (members, weights, nth, to) => {
      const mover = members[nth % members.length] ?? assert.fail();
      const better = Math.min(mover.level, to) as Level;
      const moved = members.map(member => (member === mover ? { ...member, level: better } : member));
      const before = sharesServed(members, { weights, seats: 1 });
      const after = sharesServed(moved, { weights, seats: 1 });
      const rise = ({ flowId }: Member) => (after.get(flowId) ?? 0) - (before.get(flowId) ?? 0);
      assert.ok(rise(mover) >= -oneRequest);
      for (const other of members.filter(member => member !== mover)) {
        assert.ok(rise(other) <= oneRequest, `another gains ${rise(other)}`);
        assert.ok(-rise(other) <= rise(mover) + 2 * oneRequest, `another loses ${-rise(other)}`);
      }
    }),
    { numRuns: 60 },
  );
});

test('a tenant that begins to wait is served before its neighbours got more than e·(1 + their weight by its own) each', () => {
  fc.assert(
    fc.property(unlimited, anyLevelWeights, anyLevel, anyTurns, (members, weights, level, turns) => {
      const contest = contestOf(members, { weights, seats: 1 });
      for (const turn of turns) take(contest, { ...turn, error: 1, share: 1 });
      contest.use(0, 1);
      const served = () => [...contest.charged.values()].reduce((sum, cost) => sum + cost, 0);
      const before = served();
      contest.bring({ flowId: 'newcomer', level }, 1);
      for (let job = contest.grant(); job?.flowId !== 'newcomer'; job = contest.grant()) {
        assert.ok(job);
        contest.bring(job, 1000);
        contest.use(0, 1);
      }
      const own = weights[level] ?? 1;
      const bound = members.reduce(
        (sum, member) => sum + contest.largestEstimate * (1 + ((weights[member.level] ?? 0) * member.weight) / own),
        0,
      );
      assert.ok(served() - 1 - before <= bound, `${served() - before} ≤ ${bound}`);
    }),
    { numRuns: 100 },
  );
});

test('share_by changes while requests wait and run: none is lost, and no tenant keeps a credit', () => {
  const anyChanges = fc.array(fc.record({ after: fc.nat(60), shareBy: fc.constantFrom(...shareBys) }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      unlimited,
      anyLevelWeights,
      anySeats,
      anyTurns,
      anyChanges,
      (members, weights, seats, turns, changes) => {
        const contest = contestOf(members, { weights, seats });
        const tenants = rulesOf(members);
        const waiting = () => contest.scheduler.waiting;
        for (const { after, shareBy } of [...changes, { after: 0, shareBy: 'tenant' as const }]) {
          for (const turn of turns.slice(0, after)) take(contest, turn);
          const before = waiting();
          contest.scheduler.configure(poolSettings({ policy: 'wfq', weights, seats, shareBy }), tenants, 0);
          assert.equal(waiting(), before);
        }
        contest.charged.clear();
        const weighted = members.map(member => ({ ...member, w: (weights[member.level] ?? 0) * member.weight }));
        checkIntervals(contest, weighted, turns, seats);
      },
    ),
    { numRuns: 200 },
  );
});

test('a request that runs across a change is settled with the weight at which it was charged', () => {
  const { scheduler, come, seated, end, configure } = arrangeScheduler({ policy: 'wfq', shareBy: 'level', seats: 2 });
  const long = come('long', 1, { flowId: 'long', cost: 9000 });
  const other = come('other', 7, { flowId: 'other', cost: 240 });
  assert.deepEqual(seated(), ['long', 'other']);
  configure({ policy: 'wfq', shareBy: 'tenant', seats: 2 });
  // It uses nothing of its 9000 at weight 9, and so is before the other, which used 240 at weight 3, once.
  for (let nth = 0; nth < 3; nth++) {
    come(`long ${nth}`, 1, { flowId: 'long', cost: 900 });
    come(`other ${nth}`, 7, { flowId: 'other', cost: 300 });
  }
  end(long, { cost: 0, tokens: 0 });
  end(other);
  assert.deepEqual(seated(), ['long 0', 'other 0']);
  assert.equal(scheduler.waiting, 4);
});

test('a hundred tenants in P9 and one in P1: by tenant each gets its weight, by level the hundred share one', () => {
  for (const [shareBy, least] of [
    ['tenant', 9 / 109],
    ['level', 9 / 10],
  ] as const) {
    const crowd = Array.from({ length: 100 }, (_, nth) => `free ${nth}`);
    const members = ['one', ...crowd].map((flowId): Member => {
      return { flowId, level: flowId === 'one' ? 1 : 9, weight: 1, maxConcurrent: null };
    });
    const served = sharesServed(members, { shareBy, seats: 1 });
    assert.ok(Math.abs((served.get('one') ?? 0) - least) < 0.01, `${shareBy}: ${served.get('one')}`);
  }
});

test('under strict order it makes no difference', () => {
  const order = (shareBy: 'level' | 'tenant') => {
    const { come, seated, end } = arrangeScheduler({ policy: 'strict', shareBy });
    const places = [5, 3, 3, 9, 0].map((level, nth) => come(String(nth), level as Level, { flowId: `t${nth % 2}` }));
    return places.map(() => {
      const [name = ''] = seated();
      end(places[Number(name)] ?? assert.fail());
      return name;
    });
  };
  assert.deepEqual(order('tenant'), order('level'));
});
