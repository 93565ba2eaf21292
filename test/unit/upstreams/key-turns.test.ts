/** Several keys of one provider: which is next, and what a limit of one of them closes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FailedCall } from '../../../src/upstreams/failed-call.ts';
import type { UpstreamCall } from '../../../src/upstreams/provider.ts';
import { KeyTurns } from '../../../src/upstreams/providers/key-turns.ts';
import { provider } from '../../support/front.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const named = (...names: string[]) => names.map(name => ({ secret: name, fingerprint: name }));

function arrange(names: readonly string[], more: Parameters<typeof provider>[1] = {}) {
  const clock = new ManualClock();
  const turns = new KeyTurns(provider('http://127.0.0.1', { keys: named(...names), ...more }), clock, () => {});
  const take = (model = 'm', endpoint = 'e1') => turns.take(endpoint, model).fingerprint;
  /** The next key finds its limit; returns what the request's walk is told. */
  const limited = (seconds: number | null, status = 429, model = 'm', endpoint = 'e1') => {
    const told: FailedCall[] = [];
    const key = turns.take(endpoint, model);
    const onFailing = (failure: FailedCall) => told.push(failure) > 0;
    // Only what is read of it.
    const call = { upstreamModel: model, onFailing } as unknown as UpstreamCall;
    const retryAfterMs = seconds === null ? null : seconds * 1000;
    turns.heeding(call, endpoint, key).onFailing({ kind: 'status', status, retryAfterMs });
    return told[0]?.retryAfterMs;
  };
  return { clock, take, limited };
}

test('a key at its limit is passed by for that model at that endpoint, and nothing else is', () => {
  const { take, limited, clock } = arrange(['a', 'b']);
  assert.equal(limited(60), 0, 'the other key has room at once');
  assert.deepEqual([take(), take(), take()], ['b', 'b', 'b']);
  assert.deepEqual([take('n'), take('n')].toSorted(), ['a', 'b']);
  assert.deepEqual([take('m', 'e2'), take('m', 'e2')].toSorted(), ['a', 'b']);
  clock.advance(60_000);
  assert.deepEqual([take(), take()].toSorted(), ['a', 'b']);
});

test('when all keys are at their limits the endpoint has room as soon as the first of them has', () => {
  const { limited, clock, take } = arrange(['a', 'b']);
  limited(60);
  clock.advance(10_000);
  assert.equal(limited(20), 20_000);
  assert.equal(take(), 'b', 'a probe goes out with the first that has room');
  clock.advance(20_000);
  assert.equal(limited(45), 30_000, 'a is next');
});

test('what is no limit of a key, or names no time, is told as it is', () => {
  const { limited, take } = arrange(['a', 'b']);
  assert.deepEqual([limited(60, 503), limited(60, 529), limited(null)], [60_000, 60_000, null]);
  assert.deepEqual([take(), take()].toSorted(), ['a', 'b']);
});

test('a lone key is told as it is, and so is one of several where clients bring their own', () => {
  assert.equal(arrange(['a']).limited(60), 60_000);
  assert.equal(arrange(['a', 'b'], { passHeaders: ['authorization'] }).limited(60), 60_000);
});

test('a key is passed by for five minutes at most, and the names of models cannot fill the memory', () => {
  const { limited, take, clock } = arrange(['a', 'b']);
  limited(86_400);
  clock.advance(299_999);
  assert.deepEqual([take(), take()], ['b', 'b']);
  clock.advance(1);
  assert.deepEqual([take(), take()].toSorted(), ['a', 'b']);
  limited(60, 429, 'first');
  for (let nth = 0; nth < 999; nth++) limited(60, 429, `m${nth}`);
  const usedOf = (model: string) => new Set([take(model), take(model)]).size;
  assert.deepEqual([usedOf('first'), usedOf('m0')], [1, 1]);
  limited(60, 429, 'one more');
  assert.deepEqual([usedOf('first'), usedOf('m0')], [2, 1], 'the earliest is forgotten');
});
