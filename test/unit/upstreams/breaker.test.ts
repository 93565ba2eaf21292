import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Breaker } from '../../../src/upstreams/endpoints/breaker.ts';

const nobody = null;
const longest = () => 0.999_999;
const breaker = () => new Breaker(longest);
const times = (count: number, act: (at: number) => unknown) => Array.from({ length: count }, (_, at) => act(at));

test('three failures in a row open it, two do not, and a success between them starts anew', () => {
  const one = breaker();
  assert.deepEqual([one.failed(nobody), one.failed(nobody)], [null, null]);
  one.succeeded();
  assert.deepEqual([one.failed(nobody), one.failed(nobody), one.failed(nobody)], [null, null, 'open']);
});

test('half of the last twenty open it, and older ones are forgotten', () => {
  const one = breaker();
  const words = times(10, () => {
    one.succeeded();
    return one.failed(nobody);
  });
  assert.deepEqual(words, [...Array(9).fill(null), 'open']);
  const other = breaker();
  for (let round = 0; round < 200; round++) {
    other.succeeded();
    other.succeeded();
    assert.equal(other.failed(nobody), null, 'a third of them is not half');
  }
});

test('failures of one flow ask for a probe first, those of several open it', () => {
  const poisoned = breaker();
  assert.deepEqual(
    times(4, () => poisoned.failed('a')),
    [null, null, 'probe', 'probe'],
  );
  const mixed = breaker();
  assert.deepEqual(
    ['a', 'b', 'c'].map(flow => mixed.failed(flow)),
    [null, null, 'open'],
  );
  const mostlyOne = breaker();
  assert.deepEqual(
    ['a', 'b', 'a'].map(flow => mostlyOne.failed(flow)),
    [null, null, 'probe'],
  );
});

test('it stays open for 1, 2, 4 and then 5 s, the jitter takes at most a quarter off', () => {
  for (const [random, share] of [
    [longest, 1],
    [() => 0, 0.75],
  ] as const) {
    const one = new Breaker(random);
    const waits = times(6, () => {
      one.open(0);
      return Math.round(one.openUntil ?? 0);
    });
    assert.deepEqual(
      waits,
      [1_000, 2_000, 4_000, 5_000, 5_000, 5_000].map(ms => Math.round(ms * share)),
    );
  }
});

test('the time begins at 1 s again only for an endpoint that was up for 5 s', () => {
  const one = breaker();
  one.open(0);
  one.close(1_000);
  one.open(5_999);
  assert.equal(Math.round((one.openUntil ?? 0) - 5_999), 2_000);
  one.close(8_000);
  one.open(13_000);
  assert.equal(Math.round((one.openUntil ?? 0) - 13_000), 1_000);
});

test('whatever comes in whichever order, one flow alone never opens it, and it agrees with a plain count', () => {
  const end = fc.constantFrom('ok', 'a', 'b', 'nobody');
  fc.assert(
    fc.property(fc.array(end, { maxLength: 80 }), ends => {
      const one = breaker();
      const seen: string[] = [];
      for (const each of ends) {
        seen.push(each);
        if (each === 'ok') {
          one.succeeded();
          continue;
        }
        const word = one.failed(each === 'nobody' ? null : each);
        const last = seen.slice(-20);
        const streak = seen.length - 1 - seen.lastIndexOf('ok');
        const failures = last.filter(other => other !== 'ok');
        assert.equal(word !== null, streak >= 3 || failures.length >= 10);
        if (new Set(failures).size === 1 && each !== 'nobody') assert.notEqual(word, 'open');
      }
    }),
  );
});
