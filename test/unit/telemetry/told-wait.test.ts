import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toldWait } from '../../../src/telemetry/told-wait.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('a wait is logged after two seconds, and at its end with its length; a short one is not', async () => {
  const clock = new ManualClock();
  const said: string[] = [];
  const parts = { clock, log: { info: (line: string) => void said.push(line) } };
  const slow = Promise.withResolvers<string>();
  const waiting = toldWait('the tide', slow.promise, parts);
  clock.advance(1_999);
  assert.deepEqual(said, []);
  clock.advance(1);
  assert.deepEqual(said, ['Waiting for the tide']);
  clock.advance(3_000);
  slow.resolve('in');
  assert.equal(await waiting, 'in');
  assert.deepEqual(said, ['Waiting for the tide', 'Waited 5.0 s for the tide']);
  await toldWait('nothing', Promise.resolve(), parts);
  await assert.rejects(toldWait('a fault', Promise.reject(new Error('no')), parts), /no/);
  assert.deepEqual([said.length, clock.pending], [2, 0]);
});
