/** The desk of a pool without its dispatcher: late and repeated calls, and what one desk takes over from another. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PoolSettings } from '../../../src/config/config.ts';
import { allLevels, type Level } from '../../../src/domain/vocabulary.ts';
import type { Adopted, SeatEnd } from '../../../src/gateway/pool/desk.ts';
import type { Asked, Guest, Stay, Wait } from '../../../src/gateway/pool/guest.ts';
import { PoolDesk, type PoolDeskOptions } from '../../../src/gateway/pool/pool-desk.ts';
import type { Refusal } from '../../../src/gateway/pool/refusal.ts';
import { WaitWindow } from '../../../src/observed/wait-window.ts';
import { anyFields } from '../../support/arrange-dispatcher.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { perLevel, poolSettings, tenantRules } from '../../support/pool-settings.ts';

/** Writes down what it is told, and begins as soon as it has a seat, as one from elsewhere does. */
class ToldGuest implements Guest {
  readonly asked: Asked;
  readonly timeoutMs: number;
  attempt = 1;
  stay: Stay | null = null;
  elsewhere: number | null = null;
  readonly told: string[];
  readonly #desk: PoolDesk;

  constructor(asked: Asked, timeoutMs: number, desk: PoolDesk, told: string[]) {
    this.asked = asked;
    this.timeoutMs = timeoutMs;
    this.told = told;
    this.#desk = desk;
  }

  queued(wait: Wait): void {
    this.#note('queued', wait);
  }

  seated(wait: Wait): void {
    this.#note('seated', wait);
    this.#desk.begin(this);
  }

  refused({ code }: Refusal, wait: Wait): void {
    this.#note(code, wait);
  }

  #note(what: string, { wasQueued, waitMs, position }: Wait): void {
    this.told.push(`${this.asked.requestId} ${what} ${wasQueued} ${Math.round(waitMs)} ${position}`);
  }
}

function arrangeDesk(
  fields: Partial<PoolSettings> = {},
  { startsAt = 0, ...more }: Partial<PoolDeskOptions> & { startsAt?: number } = {},
) {
  const clock = new ManualClock();
  clock.advance(startsAt);
  const desk = new PoolDesk({
    name: 'gpu',
    settings: poolSettings(fields),
    tenants: new Map(),
    clock,
    waits: new WaitWindow(clock),
    random: () => 0.5,
    ...more,
  });
  const told: string[] = [];
  const guest = (name: string, level: Level = 3, more: Partial<Asked & { timeoutMs: number }> = {}) => {
    const { timeoutMs = 1000, ...asked } = more;
    return new ToldGuest({ ...anyFields, requestId: name, level, ...asked }, timeoutMs, desk, told);
  };
  const come = (...given: Parameters<typeof guest>) => {
    const made = guest(...given);
    desk.enter(made);
    return made;
  };
  return { clock, desk, told, guest, come };
}

const spent = { cost: 50, tokens: 30 };
const ends: readonly SeatEnd[] = [
  { how: 'served', spent },
  { how: 'failed', spent },
  { how: 'unused' },
  { how: 'put_back' },
];
const clientLeft: Refusal = { code: 'client_left' };

const anyCall = fc.oneof(
  { weight: 5, arbitrary: fc.record({ call: fc.constant('enter' as const), level: fc.constantFrom(...allLevels) }) },
  {
    weight: 4,
    arbitrary: fc.record({ call: fc.constant('finish' as const), nth: fc.nat(), end: fc.constantFrom(...ends) }),
  },
  { weight: 2, arbitrary: fc.record({ call: fc.constantFrom('leave' as const, 'begin' as const), nth: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ call: fc.constant('progress' as const), nth: fc.nat(), cost: fc.nat(900) }) },
  { weight: 2, arbitrary: fc.record({ call: fc.constant('pass' as const), ms: fc.nat(400) }) },
);

test('a call that is repeated, or comes when all is over, changes nothing', () => {
  fc.assert(
    fc.property(fc.array(anyCall, { maxLength: 100, size: 'max' }), calls => {
      const settings = { seats: 2, maxQueueDepth: perLevel(3), aimd: true };
      const told = [1, 3].map(times => {
        const { desk, clock, guest, told: all } = arrangeDesk(settings);
        const guests: ToldGuest[] = [];
        for (const call of calls) {
          if (call.call === 'enter') guests.push(guest(String(guests.length), call.level));
          const one = 'nth' in call ? guests[call.nth % Math.max(guests.length, 1)] : guests.at(-1);
          for (let time = 0; time < times && one !== undefined; time++) {
            if (call.call === 'enter') desk.enter(one);
            if (call.call === 'finish') desk.finish(one, call.end);
            if (call.call === 'leave') desk.leave([one], clientLeft);
            if (call.call === 'begin') desk.begin(one);
            if (call.call === 'progress') desk.progress(one, { cost: call.cost, tokens: call.cost });
            // A request that is put back may be seated and begin at once: the next call would be of its next attempt.
            if (call.call === 'finish' && call.end.how === 'put_back') break;
          }
          if (call.call === 'pass') clock.advance(call.ms);
        }
        desk.leave(guests, clientLeft);
        for (const one of guests) desk.finish(one, { how: 'served', spent });
        const stats = desk.view.stats();
        for (const one of guests) {
          desk.enter(one);
          desk.leave([one], clientLeft);
          desk.begin(one);
          desk.progress(one, { cost: 1e6, tokens: 1e6 });
          for (const end of ends) desk.finish(one, end);
        }
        desk.forget(guests);
        assert.deepEqual(desk.view.stats(), stats);
        assert.equal(clock.pending, 0);
        assert.deepEqual(desk.guests(), []);
        return { all, stats };
      });
      assert.deepEqual(told[1], told[0]);
    }),
    { numRuns: 200 },
  );
});

test('a seat that comes back unused charges nothing, and counts as one who left', () => {
  const { desk, told, come } = arrangeDesk();
  const running = come('running', 3, { flowId: 'c' });
  const gone = come('gone', 3, { flowId: 'a', cost: 5000 });
  for (const name of ['a', 'b']) come(name, 3, { flowId: name });
  desk.finish(running, { how: 'served', spent });
  told.length = 0;
  desk.finish(gone, { how: 'unused' });
  assert.deepEqual(told, ['a seated true 0 2']);
  const { dispatched, cancelled, running: inWork } = desk.view.stats().levels[3] ?? assert.fail();
  assert.deepEqual([dispatched, cancelled, inWork], [2, 1, 1]);
});

test('what is put back to a desk that does not know it is refused', () => {
  const { desk, told, guest, clock } = arrangeDesk();
  const stranger = guest('stranger');
  desk.finish(stranger, { how: 'served', spent });
  assert.deepEqual(told, []);
  for (let time = 0; time < 2; time++) desk.finish(stranger, { how: 'put_back' });
  assert.deepEqual(told, ['stranger not_put_back false 0 1']);
  assert.deepEqual([desk.view.stats().in_use, clock.pending], [0, 0]);
});

/** As another process learns of it. */
const sent = ({ guest, ...rest }: Adopted): Omit<Adopted, 'guest'> & Pick<Guest, 'asked' | 'timeoutMs' | 'attempt'> => {
  const { asked, timeoutMs, attempt } = guest;
  return JSON.parse(JSON.stringify({ ...rest, asked, timeoutMs, attempt }));
};

/** All that is at this desk goes on at another, on another clock. */
function takeOver(from: PoolDesk, settings: Partial<PoolSettings>, parts = 1) {
  const next = arrangeDesk(settings, { startsAt: 5_000_000 });
  const all = from.guests().map(one => {
    const { asked, timeoutMs, ...rest } = sent(one);
    return { ...rest, guest: next.guest(asked.requestId, asked.level, { ...asked, timeoutMs }) };
  });
  for (let part = 0; part < parts; part++) next.desk.adopt(all.filter((_, index) => index % parts === part));
  const named = (name: string) => all.find(({ guest }) => guest.asked.requestId === name)?.guest ?? assert.fail(name);
  return { ...next, named };
}

test('a desk takes over who waits and who runs: in the same order, at the same ages, with the waits that they have had', () => {
  const settings = { seats: 1, maxQueueDepth: perLevel(5) };
  const old = arrangeDesk(settings, { startsAt: 300 });
  const running = old.come('running', 3);
  for (const name of ['1', '2', '3', '4']) {
    old.clock.advance(100);
    old.come(name, 3, { timeoutMs: 700 });
  }
  old.clock.advance(50);
  // By halves, as two processes tell of them: each has every other one.
  const { desk, told, clock, named } = takeOver(old.desk, { ...settings, maxQueueDepth: perLevel(0) }, 2);
  assert.deepEqual(
    desk.guests().map(({ guest, ageMs, wait, charged }) => [guest.asked.requestId, ageMs, wait.waitMs, charged?.cost]),
    [
      ['running', 450, 0, 100],
      ['1', 350, 350, undefined],
      ['2', 250, 250, undefined],
      ['3', 150, 150, undefined],
      ['4', 50, 50, undefined],
    ],
  );
  assert.deepEqual([told, desk.view.stats().in_use], [[], 1]);
  clock.advance(100);
  desk.finish(named('running'), { how: 'served', spent });
  desk.finish(named('1'), { how: 'served', spent });
  assert.deepEqual(told, ['1 seated true 450 1', '2 seated true 350 2']);
  clock.advance(449);
  assert.equal(told.length, 2);
  clock.advance(1);
  assert.deepEqual(told.slice(2), ['3 timed_out true 700 3']);
  assert.equal(running.stay?.state, 'running', 'the old desk has not been asked');
});

test('seats are taken once by who is adopted, however often that is told, and put back with their deadline', () => {
  const old = arrangeDesk({ seats: 2 });
  for (const name of ['a', 'b', 'c']) old.come(name, 3, { timeoutMs: 700 });
  old.clock.advance(200);
  const { desk, told, clock, named } = takeOver(old.desk, { seats: 2 });
  desk.adopt(desk.guests());
  assert.deepEqual([desk.view.stats().in_use, desk.guests().length], [2, 3]);
  desk.upstreamBusy(named('a'), 429, 300);
  desk.finish(named('a'), { how: 'put_back' });
  assert.deepEqual(told, [], 'its model is closed for the other one too');
  clock.advance(300);
  assert.deepEqual(told, ['a seated true 300 1']);
  desk.upstreamBusy(named('b'), 429, 150);
  named('b').attempt++;
  desk.finish(named('b'), { how: 'put_back' });
  clock.advance(200);
  assert.deepEqual(told.slice(1), ['b seated true 150 1', 'c timed_out true 700 1']);
});

test('a member that is gone leaves no seat and no place behind, and what it was charged stands', () => {
  const { desk, told, come, clock } = arrangeDesk({ seats: 2 });
  const [one, other] = [come('one', 3, { flowId: 'a' }), come('other', 3, { flowId: 'a' })];
  const waiting = come('waiting', 3, { flowId: 'a' });
  for (const name of ['a', 'b']) come(name, 3, { flowId: name });
  desk.progress(one, { cost: 4000, tokens: 10 });
  told.length = 0;
  desk.forget([one, waiting]);
  assert.deepEqual(told, ['b seated true 0 3'], 'a has had more, and nobody tells the one that is gone');
  desk.forget([other]);
  assert.deepEqual(told.slice(1), ['a seated true 0 2']);
  const { dispatched, cancelled, waiting: left, running } = desk.view.stats().levels[3] ?? assert.fail();
  assert.deepEqual([dispatched, cancelled, left, running, clock.pending], [4, 1, 0, 2, 0]);
});

test('seats that are held back are not given, and are given in order when they are not', () => {
  const { desk, told, come, guest } = arrangeDesk({ seats: 3 });
  desk.holdBack(0);
  for (const [name, level] of [
    ['P9', 9],
    ['P5', 5],
    ['P0', 0],
  ] as const)
    come(name, level);
  desk.adopt([
    { guest: guest('adopted', 9), ageMs: 10, wait: { wasQueued: false, waitMs: 0, position: 1 }, charged: spent },
  ]);
  desk.holdBack(1);
  assert.deepEqual([desk.view.stats().seats, desk.view.stats().in_use], [1, 1]);
  assert.equal(told.filter(line => line.includes('seated')).length, 0);
  desk.holdBack(2);
  assert.equal(told.at(-1), 'P0 seated true 0 1');
  desk.holdBack(null);
  assert.deepEqual([told.at(-1), desk.view.stats().in_use], ['P5 seated true 0 1', 3]);
});

test('over a takeover no rate lets more through than its due: the burst is not there twice', () => {
  const tenants = tenantRules({ b: { requestsPerSec: 5 }, c: { tokensPerSec: 100 } });
  const settings = { seats: 99, requestsPerSec: 10, requestBurst: 4 };
  const { desk, told, come, clock } = arrangeDesk(settings, { tenants, startsAt: 50 });
  desk.takeOver();
  for (const flowId of ['a', 'b', 'c', 'a', 'a', 'a']) come(flowId, 3, { flowId, tokens: 1000 });
  assert.equal(told.filter(line => line.includes('seated')).length, 0);
  const seatedAfter = (ms: number) => {
    told.length = 0;
    clock.advance(ms);
    return told.map(line => line[0]);
  };
  assert.deepEqual(seatedAfter(99), []);
  assert.deepEqual(seatedAfter(1), ['a'], 'the pool had one request per 100 ms');
  assert.deepEqual(seatedAfter(100), ['b'], 'and tenant b one per 200 ms');
  const before = arrangeDesk(settings, { tenants });
  for (const flowId of ['a', 'b', 'c', 'a', 'a']) before.come(flowId, 3, { flowId, tokens: 1000 });
  assert.equal(before.told.filter(line => line.includes('seated')).length, 4);
});
