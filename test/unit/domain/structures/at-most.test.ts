import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atMost } from '../../../../src/domain/structures/at-most.ts';

test('at most the given number run at once, the others begin in order, and one that fails frees its place', async () => {
  const run = atMost(2);
  const begun: number[] = [];
  const works = Array.from({ length: 5 }, () => Promise.withResolvers<string>());
  const results = works.map(({ promise }, number) =>
    run(() => {
      begun.push(number);
      return promise;
    }),
  );
  const turn = () => new Promise(resolve => setImmediate(resolve));
  await turn();
  assert.deepEqual(begun, [0, 1]);
  works[1]?.reject(new Error('broken'));
  await assert.rejects(results[1] ?? assert.fail(), /broken/);
  await turn();
  assert.deepEqual(begun, [0, 1, 2]);
  for (const work of works) work.resolve('done');
  assert.deepEqual(await Promise.all(results.filter((_, number) => number !== 1)), ['done', 'done', 'done', 'done']);
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
  assert.equal(await run(async () => 'again'), 'again');
});
