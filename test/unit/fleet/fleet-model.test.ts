import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rules } from '../../../src/fleet/reign/rules.ts';
import { timesOf } from '../../../src/fleet/reign/times.ts';
import { droppedRules } from '../../fleet-model/dropped-rules.ts';
import { mixes } from '../../fleet-model/mixes.ts';
import { search } from '../../fleet-model/small-states.ts';
import { walk } from '../../fleet-model/walk.ts';

// 17 mixes, 3 walks each of 20,000 steps: more than a million. `npm run fleet-model` walks 48 million.
const walks = 3;
const stepsOfWalk = 20_000;
const faultsEvery = [60, 120, 250];

for (const mix of Object.keys(mixes)) {
  test(`no more calls than seats, and nobody waits for ever: ${mix}`, () => {
    for (let i = 0; i < walks; i++) {
      const seed = 1_000 + i;
      const walked = walk(seed, mix, stepsOfWalk, { faultEvery: faultsEvery[i] ?? 250 });
      assert.equal(walked.broken, null, `seed ${seed}, step ${walked.steps}`);
      assert.equal(walked.steps, stepsOfWalk);
      assert.ok(walked.granted > 20, `only ${walked.granted} calls started`);
    }
  });
}

test('with the shortest times that are allowed, too', () => {
  const shortest = timesOf({ ttlMs: 3_000, deadAfterMs: 4_000, abandonedAfterMs: 7_000, outageMaxMs: 6_000 });
  for (const mix of ['halfOpen', 'oneWay', 'twoInARow', 'databaseClock'])
    for (let seed = 1; seed <= 8; seed++) {
      const walked = walk(seed, mix, stepsOfWalk, { times: shortest, faultEvery: faultsEvery[seed % 3] ?? 250 });
      assert.equal(walked.broken, null, `${mix}, seed ${seed}, step ${walked.steps}`);
    }
});

test('if an isolated process keeps its calls, only those exceed the seats', () => {
  let excepted = 0;
  for (const mix of ['links', 'split', 'halfOpen']) {
    const walked = walk(7, mix, stepsOfWalk, { isolated: 'keep', faultEvery: 60 });
    assert.equal(walked.broken, null, mix);
    excepted += walked.excepted;
  }
  assert.ok(excepted > 0, 'no call was kept: nothing was tried');
});

test('the same seed gives the same walk', () => {
  const [once, again] = [1, 2].map(() => walk(5, 'all', 2_000, { isLogged: true }));
  assert.deepEqual(once, again);
});

test('two members, and any one fault at any moment: no state has more calls than seats', () => {
  const found = search({ members: 2, seats: 1, ticketsOfEach: 1, mostFaults: 1, mostTicks: 7 });
  assert.equal(found.broken, null, found.log.join('\n'));
  assert.ok(found.isComplete);
  assert.ok(found.states > 10_000, `only ${found.states} states`);
});

test('the search finds a shortest path to the fault that a dropped rule causes', () => {
  const without = { ...rules, budget: () => null };
  const found = search({
    members: 3,
    seats: 1,
    ticketsOfEach: 1,
    mostFaults: 1,
    mostTicks: 3,
    rules: without,
    kinds: ['kill'],
  });
  assert.match(found.broken ?? 'nothing', /2 calls in flight with 1 seats/);
  assert.match(found.log.join('\n'), /is killed/);
});

for (const { rule, without, beside = {}, desk = {}, happens } of droppedRules) {
  test(`without this rule there are more calls than seats, or somebody waits for ever: ${rule}`, () => {
    assert.equal(happens({ ...rules, ...beside }, {}), null, 'it goes wrong with the rule, too');
    assert.match(happens({ ...rules, ...beside, ...without }, desk) ?? 'nothing', /in flight|stuck|two elections/);
  });
}

test('every rule is dropped in one of these tests', () => {
  const dropped = new Set(droppedRules.flatMap(({ without }) => Object.keys(without)));
  assert.deepEqual(
    Object.keys(rules).filter(rule => !dropped.has(rule)),
    [],
  );
});
