/** Known answers of queueing theory and of other schedulers' tests, on the scheduler itself and in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocationChecks, borrowingChecks, scriptedChecks, slotChecks } from '../../../bench/sim/apf-checks.ts';
import { allocationCase, maxMinAllocation, runClosedLoop } from '../../../bench/sim/closed-loop.ts';
import { gcraChecks } from '../../../bench/sim/gcra-checks.ts';
import { haproxyChecks } from '../../../bench/sim/haproxy-checks.ts';
import { partitionChecks, wakingChecks, weightingChecks } from '../../../bench/sim/mistake-checks.ts';
import { simulateStrict } from '../../../bench/sim/queueing.ts';
import { cobhamChecks, erlangChecks, lossChecks } from '../../../bench/sim/queueing-checks.ts';
import { Random } from '../../../bench/sim/random.ts';
import { boostChecks, flatChecks } from '../../../bench/sim/share-by-checks.ts';
import { assertMet } from '../../support/checks.ts';

test('strict order waits as long as Cobham says: the formula as published, 200,000 arrivals within 10 %', () => {
  assertMet(cobhamChecks({ arrivals: 200_000, seed: 2, share: 0.1 }));
});

test('a pool in which nobody may wait refuses as many as Erlang says', () => {
  assertMet(erlangChecks());
  assertMet(lossChecks({ arrivals: 100_000, seed: 1, share: 0.1 }));
});

test('clients are given the max-min fair number of seats', () => {
  assertMet(allocationChecks());
  assertMet(scriptedChecks());
});

test('a reserve limits what is lent, a cap what is borrowed', () => {
  assertMet(borrowingChecks());
});

test('tenants share the weight of their level, or each of them has it: the shares of one weighted fair queue', () => {
  assertMet(flatChecks());
});

test('a boost on the quickstart’s pool: by level as measured there, by tenant better for the boosted tenant only', () => {
  assertMet(boostChecks());
});

test('the bottom level takes all slots except those reserved for the top, and the top level still gets them', () => {
  assertMet(slotChecks());
});

test('request rates answer the sequence of redis-cell', () => {
  assertMet(gcraChecks());
});

test('strict order with one tenant is the order of the keys of HAProxy', () => {
  assertMet(haproxyChecks(1));
});

test('weights are kept where credits per turn give P0 everything, and the seat limit where partitions exceed it', () => {
  assertMet(weightingChecks());
  assertMet(partitionChecks());
});

test('a level that wakes waits no longer than its weight says', () => {
  assertMet(wakingChecks());
});

const problems = 10_000;

function randomProblem(random: Random): { demands: number[]; seats: number } {
  const demands = Array.from({ length: 1 + random.integer(6) }, () => random.integer(10));
  return { demands, seats: 1 + random.integer(15) };
}

/** Asserts the definition of a max-min fair allocation, within `slack`. */
function assertMaxMin(demands: readonly number[], seats: number, given: readonly number[], slack: number): void {
  const shown = `${seats} seats for [${demands}]: [${given}]`;
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const most = Math.max(...given);
  for (const [client, demand] of demands.entries()) {
    const own = given[client] ?? Number.NaN;
    assert.ok(own <= demand + slack, `more than asked for: ${shown}`);
    assert.ok(own >= Math.min(demand, most) - slack, `less than asked for, and less than another: ${shown}`);
  }
  assert.ok(Math.abs(sum(given) - Math.min(seats, sum(demands))) <= slack, `seats left over: ${shown}`);
}

test('10,000 random allocations by the formula have the three properties of a fair one', () => {
  const random = new Random(1);
  for (let i = 0; i < problems; i++) {
    const { demands, seats } = randomProblem(random);
    assertMaxMin(demands, seats, maxMinAllocation(demands, seats), 1e-9);
  }
});

test('10,000 random allocations by the scheduler have these properties too, up to one request over the whole run', () => {
  const random = new Random(2);
  const rounds = 10;
  for (let i = 0; i < problems; i++) {
    const { demands, seats } = randomProblem(random);
    const { concurrency } = runClosedLoop(allocationCase(demands, seats, rounds));
    assertMaxMin(demands, seats, concurrency, 1 / rounds + 1e-9);
  }
});

test('the same seed is the same run to the last event', () => {
  const strict = { seats: 20, meanSec: 60, loads: [0.1, 0.3, 0.5] };
  const hashOf = (seed: number) => simulateStrict(strict, 20_000, seed).traceHash;
  assert.equal(hashOf(1), hashOf(1));
  assert.notEqual(hashOf(1), hashOf(2));
});
