/** The words of guests and desks fit into messages, whatever clients and operators have written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { allLevels } from '../../../src/domain/vocabulary.ts';
import { affinityResults, hashBits, mostHashes } from '../../../src/domain/warmth.ts';
import { readDownward, readUpward } from '../../../src/fleet/messages/messages.ts';
import {
  heardAsked,
  heardRefusal,
  heardWait,
  saidAsked,
  saidRefusal,
  saidSeat,
} from '../../../src/gateway/fleet/words.ts';
import type { Refusal } from '../../../src/gateway/pool/refusal.ts';

const place = { ticket: 1, attempt: 1 };
const through = <T>(value: T): T => JSON.parse(JSON.stringify(value));
const amount = fc.oneof(fc.double(), fc.constantFrom(Number.POSITIVE_INFINITY, -1, Number.NaN, 0.5));

test('a ticket goes through whatever its texts and amounts are, and two tenants never become one', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.nat(900).map(length => 'ä'.repeat(length)),
  );
  const named = text.map(name => `x${name}`);
  const asked = fc.record({
    requestId: named,
    flowId: text,
    level: fc.constantFrom(...allLevels),
    provider: named,
    model: text,
    bodyBytes: amount,
    cost: amount,
    tokens: amount,
  });
  const heard = (one: Parameters<typeof saidAsked>[0], timeoutMs: number) => {
    const message = readUpward(through({ t: 'enter', ...place, pool: 0, asked: saidAsked(one, timeoutMs) }));
    assert.ok(message?.t === 'enter');
    return heardAsked(message.asked);
  };
  fc.assert(
    fc.property(asked, text, amount, (one, flowId, timeoutMs) => {
      const [first, second] = [heard(one, timeoutMs), heard({ ...one, flowId }, timeoutMs)];
      assert.equal(first.flowId === second.flowId, one.flowId === flowId);
      assert.equal(first.level, one.level);
    }),
  );
});

const ticket = {
  requestId: 'r',
  flowId: 'a',
  level: 3,
  provider: 'p',
  model: 'm',
  bodyBytes: 1,
  cost: 1,
  tokens: 1,
} as const;

test('what a request is warm by goes through, within its bounds, and of a newer gateway is passed over', () => {
  const hashes = fc.array(fc.integer({ min: 0, max: 2 ** hashBits - 1 }), { maxLength: mostHashes });
  const enter = (asked: object) => readUpward(through({ t: 'enter', ...place, pool: 0, asked }));
  const said = saidAsked(ticket, 1000);
  fc.assert(
    fc.property(fc.constantFrom('session' as const, 'prefix' as const), hashes, (by, all) => {
      const warmth = { by, hashes: all };
      const message = enter(saidAsked({ ...ticket, warmth }, 1000));
      assert.ok(message?.t === 'enter');
      assert.deepEqual(heardAsked(message.asked).warmth, warmth);
    }),
  );
  assert.ok(!('warmth' in said), 'nothing is added for a provider without affinity');
  const newer = enter({ ...said, warmth: { by: 'of_tomorrow', hashes: [1] } });
  assert.ok(newer?.t === 'enter');
  assert.equal(heardAsked(newer.asked).warmth, undefined);
  for (const all of [[-1], [0.5], [2 ** hashBits], ['1'], Array.from({ length: mostHashes + 1 }, () => 1)])
    assert.throws(() => enter({ ...said, warmth: { by: 'prefix', hashes: all } }), JSON.stringify(all));
});

test('whether a seat is at a warm endpoint goes through, and what a newer gateway says of it is passed over', () => {
  const wait = { wasQueued: false, waitMs: 0, position: 1, endpoint: 'http://10.0.0.1:8000' };
  const heard = (seat: object) => {
    const message = readDownward(through({ t: 'seat', ...place, ...seat }));
    assert.ok(message?.t === 'seat');
    return heardWait(message).affinity;
  };
  for (const affinity of affinityResults) assert.equal(heard(saidSeat({ ...wait, affinity })), affinity);
  assert.equal(heard(saidSeat(wait)), null);
  assert.equal(heard({ ...saidSeat(wait), affinity: 'of_tomorrow' }), null);
});

test('a refusal is the same at the other end; a code that is not known there is one, too', () => {
  const later = { retryAfterSec: 2.5 };
  const closed = { ...later, timeoutMs: 10, closedForMs: 20.5, isOfModel: true };
  const refusals: Refusal[] = [
    { code: 'shutting_down', ...later },
    { code: 'impossible', tokens: 7.5, most: 3 },
    { code: 'tenant_full', ...later, depth: 4 },
    { code: 'pool_full', ...later, depth: 4, bytes: 1e9 },
    { code: 'timed_out', ...later, timeoutMs: 1_000 },
    { code: 'closed_timed_out', ...closed },
    { code: 'closed_too_long', ...closed, isOfModel: false },
  ];
  const heard = (refusal: object) => {
    const wait = { isQueued: true, waitMs: 1, position: 1 };
    const message = readDownward(through({ t: 'refuse', ...place, ...wait, refusal }));
    assert.ok(message?.t === 'refuse');
    return heardRefusal(message.refusal, 77);
  };
  for (const refusal of refusals) assert.partialDeepStrictEqual(heard(saidRefusal(refusal)), refusal);
  const newer = heard({ code: 'of_tomorrow', retryAfterSec: 3 });
  assert.deepEqual(newer, { code: 'too_late', timeoutMs: 77, retryAfterSec: 3 });
});
