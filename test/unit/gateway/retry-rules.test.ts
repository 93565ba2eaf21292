import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayRepeat, neverConnected, pauseMs, reasonOf } from '../../../src/gateway/route/retry-rules.ts';
import { goesAtOnce, goesNow } from '../../../src/gateway/route/spilling.ts';
import type { FailedCall } from '../../../src/upstreams/upstreams.ts';

const broke = (kind: FailedCall['kind']): FailedCall => ({ kind, status: null, retryAfterMs: null });
const answered = (status: number): FailedCall => ({ kind: 'status', status, retryAfterMs: null });

test('what is surely not done is always repeated; what may be done only where that is allowed and leaves nothing', () => {
  const safe = [broke('connect'), broke('tls'), broke('reused'), answered(429), answered(503), answered(529)];
  const unsafe = [broke('reset'), broke('first_byte'), answered(502), answered(504)];
  for (const retriesUnsafe of [true, false]) {
    for (const leavesTraces of [true, false]) {
      for (const failure of safe) assert.equal(mayRepeat(failure, { retriesUnsafe, leavesTraces }), true);
      for (const failure of unsafe)
        assert.equal(mayRepeat(failure, { retriesUnsafe, leavesTraces }), retriesUnsafe && !leavesTraces);
    }
  }
  assert.deepEqual(safe.map(neverConnected), [true, true, false, false, false, false]);
  assert.deepEqual([broke('reset'), answered(503)].map(reasonOf), ['reset', '503']);
});

test('only an upstream without room is given time, any up to a limit that doubles', () => {
  for (const failure of [broke('connect'), broke('reset'), answered(502)]) assert.equal(pauseMs(failure, 1, 0.9), 0);
  assert.deepEqual(
    [1, 2, 3, 4, 5, 50].map(attempts => pauseMs(answered(503), attempts, 0.5)),
    [50, 100, 200, 400, 500, 500],
  );
  assert.equal(pauseMs(answered(429), 3, 0), 0);
});

const outlook = (startsAtOnce: boolean | null, predictedMs: number | null = null, isHeldByTenant = false) => ({
  startsAtOnce,
  predictedMs,
  isClosed: false,
  isHeldByTenant,
});
const spill = { afterMs: 2_000, levels: new Set([0, 1, 2] as const) };

test('a newcomer spills if its wait would be too long and the next pool is sooner', () => {
  const long = outlook(false, 3_000);
  assert.equal(goesAtOnce(long, outlook(true, 0), spill), true);
  assert.equal(goesAtOnce(long, outlook(false, 2_999), spill), true);
  assert.equal(goesAtOnce(long, outlook(false, 3_000), spill), false);
  assert.equal(goesAtOnce(long, outlook(false, null), spill), false);
  assert.equal(goesAtOnce(outlook(false, 2_000), outlook(true, 0), spill), false, 'not longer than that');
  assert.equal(goesAtOnce(outlook(false, null), outlook(true, 0), spill), false, 'nothing is known');
  assert.equal(goesAtOnce(outlook(true, 0), outlook(true, 0), spill), false);
  assert.equal(goesAtOnce(outlook(false, 3_000, true), outlook(true, 0), spill), false, 'its tenant is at a limit');
  assert.equal(goesAtOnce(long, outlook(false, 0, true), spill), false, 'there, too');
});

test('who has waited too long goes where it starts at once, or where another process knows', () => {
  assert.equal(goesNow(outlook(false), outlook(true, 0)), true);
  assert.equal(goesNow(outlook(false), outlook(false, 1)), false);
  assert.equal(goesNow(outlook(null), outlook(null)), true);
  assert.equal(goesNow(outlook(null, null, true), outlook(null)), false);
});
