/** The engine's own queue, as it is without a gateway. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstCome } from '../../../bench/engine/first-come.ts';

const stays = () => new AbortController().signal;

test('who comes first is served first, and no more at a time than there are', async () => {
  const queue = new FirstCome(['one', 'other']);
  const first = await queue.take(stays());
  const second = await queue.take(stays());
  assert.deepEqual([first, second].toSorted(), ['one', 'other']);
  const served: string[] = [];
  const waits = ['a', 'b', 'c'].map(name => queue.take(stays()).then(() => served.push(name)));
  assert.equal(queue.waiting, 3);
  queue.giveBack(first);
  await waits[0];
  assert.deepEqual(served, ['a']);
  queue.giveBack(second);
  queue.giveBack(first);
  await Promise.all(waits);
  assert.deepEqual(served, ['a', 'b', 'c']);
  assert.equal(queue.waiting, 0);
});

test('who leaves the queue takes nothing with it', async () => {
  const queue = new FirstCome(['only']);
  const only = await queue.take(stays());
  const leaving = new AbortController();
  const left = queue.take(leaving.signal);
  const next = queue.take(stays());
  leaving.abort(new Error('left'));
  await assert.rejects(left, /left/);
  queue.giveBack(only);
  assert.equal(await next, 'only');
  await assert.rejects(queue.take(leaving.signal), /left/, 'nor is it served who has left before');
  // An abort after the grant changes nothing: the thing is given back by whoever has it.
  const late = new AbortController();
  queue.giveBack(only);
  await queue.take(late.signal);
  late.abort();
  assert.equal(queue.waiting, 0);
});
