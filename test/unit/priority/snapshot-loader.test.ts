import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../../src/domain/clock.ts';
import type { MappingSource } from '../../../src/priority/matching/matcher.ts';
import { loadSnapshot } from '../../../src/priority/serving/snapshot-loader.ts';

const rowsPerStep = 256;

/** A clock on which every look at it finds a slice to be over. */
const hurried = (): Clock => {
  let now = 0;
  return { now: () => ++now, date: () => new Date(0), after: () => () => {} };
};

test('a load of 10,000 rows lets others run after every few of them', async () => {
  const count = 10_000;
  const mappings = Array.from(
    { length: count },
    (_, at): MappingSource => ({
      id: at + 1,
      pattern: `tok_${at}_*`,
      match_type: 'prefix',
      priority: at % 10,
      tenant_id: `tenant-${at}`,
      tenant_name: null,
      tenant_type: 'internal',
    }),
  );
  const store = { readAll: async () => ({ mappings, settings: [], boosts: [], schedules: [] }) };
  let turns = 0;
  let isDone = false;
  const beat = () => {
    turns++;
    if (!isDone) setImmediate(beat);
  };
  setImmediate(beat);
  const { compiled } = await loadSnapshot(store, hurried(), null);
  isDone = true;
  assert.equal(compiled.snapshot.size, count);
  // Once through the rows to compile them, once to sort them into levels, once to rank them.
  assert.ok(turns >= (3 * count) / rowsPerStep, `${turns} turns`);
});
