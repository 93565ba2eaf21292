import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action } from '../../../src/fleet/reign/actions.ts';
import { heirs, type Listed } from '../../../src/fleet/reign/list.ts';
import { Reign } from '../../../src/fleet/reign/reign.ts';
import { afterElection, afterRelease, afterRenewal, type FleetRow } from '../../../src/fleet/reign/row.ts';
import { rules } from '../../../src/fleet/reign/rules.ts';
import { timesOf } from '../../../src/fleet/reign/times.ts';
import { Story } from '../../fleet-model/story.ts';

const times = timesOf({ ttlMs: 5_000, deadAfterMs: 15_000, abandonedAfterMs: 60_000, outageMaxMs: null });
const listed = (id: string, version = '1.0.0', since = '2026-01-01T00:00:00Z'): Listed => ({
  id,
  name: id,
  url: `tcp://${id}`,
  version,
  since,
});
const a = listed('a');
const b = listed('b');
const row = (over: Partial<FleetRow> = {}): FleetRow => ({
  epoch: 7,
  holder: 'a',
  ageMs: 100,
  stamp: 's1',
  isWhole: true,
  members: [a, b],
  ...over,
});
const newReign = (self: Listed): Reign => new Reign({ self, times, chance: () => 10 });
const did = (actions: readonly Action[]): string[] => actions.map(action => action.do);

test('the first gateway stands at once, conducts, and may grant to itself', () => {
  const reign = newReign(a);
  const stood = reign.rowRead(row({ epoch: 0, holder: null, members: [], ageMs: 1e9 }), 0, 1);
  const elect = stood.find(action => action.do === 'elect');
  assert.ok(elect);
  assert.equal(elect.election.epoch, 10);
  assert.equal(reign.mayGrant('a', 2), false);
  const won = { before: [], row: row({ epoch: 10, members: [a] }) };
  assert.deepEqual(did(reign.electionAnswered(elect.ask, won, 2)), ['conduct']);
  assert.equal(reign.role(2), 'conductor');
  assert.equal(reign.mayGrant('a', 2), true);
  // A lone conductor without its database serves on: there is nobody else on the list.
  assert.equal(reign.mayGrant('a', 100_000), true);
});

test('a stranger pauses only on a row that may be a copy, whose later renewals mend it once it has lasted', () => {
  for (const isWhole of [true, false]) {
    const reign = newReign(a);
    const released = row({ holder: null, members: [], isWhole });
    const elect = reign.rowRead(released, 0, 1).find(action => action.do === 'elect');
    assert.ok(elect);
    const won = { before: [], row: row({ epoch: 17, members: [a], isWhole }) };
    reign.electionAnswered(elect.ask, won, 2);
    assert.equal(reign.mayGrant('a', 3), isWhole);
    assert.equal(reign.mayGrant('a', 5_003), true);
    const mends = [1_010, 5_010].map(now => {
      const renew = reign.tick(now).find(action => action.do === 'renew');
      assert.ok(renew);
      reign.renewed(renew.ask, { isRenewed: true, row: row({ epoch: 17, members: [a], isWhole }) }, now);
      return renew.renewal.mends;
    });
    assert.deepEqual(mends, [false, !isWhole]);
  }
});

test('an answer to an election that nobody waits for any more changes nothing', () => {
  const reign = newReign(a);
  const elect = reign
    .rowRead(row({ epoch: 0, holder: null, members: [], ageMs: 1e9 }), 0, 1)
    .find(x => x.do === 'elect');
  assert.ok(elect);
  assert.deepEqual(reign.electionAnswered(elect.ask + 1, { before: [], row: row() }, 2), []);
  assert.deepEqual(did(reign.electionAnswered(elect.ask, null, 2)), ['read']);
  assert.deepEqual(reign.electionAnswered(elect.ask, { before: [], row: row() }, 2), []);
  assert.equal(reign.role(2), 'isolated');
});

test('a member follows, starts requests once it is welcomed, and stops after 13.5 s without an answer', () => {
  const reign = newReign(b);
  assert.deepEqual(did(reign.rowRead(row(), 0, 0)), ['knock', 'connect']);
  assert.deepEqual(did(reign.opened(1, 10)), ['greet']);
  assert.equal(reign.mayStart(10), false);
  const welcome = { t: 'welcome', epoch: 7, beat: 5, answers: 10, members: [a, b] } as const;
  assert.deepEqual(did(reign.told(1, welcome, 20)), ['tellConductor']);
  assert.equal(reign.role(20), 'member');
  assert.equal(reign.mayStart(13_510), true);
  assert.equal(reign.mayStart(13_511), false);
  assert.ok(did(reign.tick(13_511)).includes('isolate'));
  assert.equal(reign.role(13_512), 'isolated');
});

test('messages on an older connection are dropped', () => {
  const reign = newReign(b);
  reign.rowRead(row(), 0, 0);
  reign.opened(1, 10);
  reign.ended(1, 'lost', 20);
  assert.equal(reign.state.contact.generation, 2);
  reign.opened(2, 30);
  assert.deepEqual(reign.told(1, { t: 'elsewhere', epoch: 9, conductor: null }, 40), []);
  assert.deepEqual(reign.opened(1, 40), []);
  assert.equal(reign.state.contact.link, 'open');
});

test('a beat that claims to answer the future counts as answered now', () => {
  const reign = newReign(b);
  reign.rowRead(row(), 0, 0);
  reign.opened(1, 10);
  reign.told(1, { t: 'beat', beat: 0, answers: 1e12 }, 20);
  assert.equal(reign.state.contact.answeredAt, 20);
});

test('processes that are gone are remembered while a list names them', () => {
  const reign = newReign(b);
  const many = Array.from({ length: 50 }, (_, i) => listed(`x${i}`));
  reign.rowRead(row({ members: many }), 0, 0);
  for (const { id } of many) reign.knocked(id, 'refused', 1);
  for (let i = 0; i < 50; i++) reign.knocked(`stranger${i}`, 'refused', 1);
  assert.equal(reign.state.gone.length, 100);
  reign.rowRead(row({ epoch: 8 }), 2, 3);
  assert.deepEqual(reign.state.gone, []);
});

test('a row that was requested before the last one that was read is dropped', () => {
  const reign = newReign(b);
  reign.rowRead(row({ epoch: 9 }), 10, 11);
  reign.rowRead(row({ epoch: 8 }), 5, 12);
  assert.equal(reign.state.row?.epoch, 9);
});

test('the heirs of a conductor: the youngest of the newest version first', () => {
  const old = listed('old', '1.9.0', '2026-03-01T00:00:00Z');
  const elder = listed('elder', '1.10.0', '2026-01-01T00:00:00Z');
  const younger = listed('younger', '1.10.0', '2026-02-01T00:00:00Z');
  assert.deepEqual(
    heirs([old, elder, younger]).map(({ id }) => id),
    ['younger', 'elder', 'old'],
  );
});

test('an election, a renewal or a release writes the row only if the row still matches', () => {
  const election = { seen: 7, epoch: 20, candidate: b, provedGone: null, brings: [] };
  assert.equal(afterElection(row(), election, 5_000, rules), null, 'renewed lately');
  assert.deepEqual(afterElection(row({ ageMs: 5_001 }), election, 5_000, rules)?.members, [a, b]);
  assert.equal(afterElection(row({ epoch: 8, ageMs: 5_001 }), election, 5_000, rules), null, 'another epoch');
  assert.equal(afterElection(row(), { ...election, provedGone: 'a' }, 5_000, rules)?.holder, 'b');
  const renewal = { epoch: 7, holder: 'a', stamp: 's1', members: [a], mends: false };
  assert.deepEqual(afterRenewal(row(), renewal, rules), { epoch: 7, holder: 'a', members: [a], isWhole: true });
  assert.equal(afterRenewal(row({ stamp: 's2' }), renewal, rules), null, 'written since');
  assert.equal(afterRenewal(row({ holder: null }), renewal, rules), null, 'released');
  assert.equal(afterRenewal(row({ epoch: 8 }), renewal, rules), null, 'another reign');
  assert.equal(afterRenewal(row({ epoch: 3, holder: 'c' }), renewal, rules)?.epoch, 7, 'a row that forgot is lifted');
  assert.equal(afterRelease(row(), { epoch: 7, holder: 'b', members: [] }, rules), null);
  assert.equal(afterRelease(row(), { epoch: 7, holder: 'a', members: [b] }, rules)?.holder, null);
});

test('a conductor that leaves hands over to a member, and departs when it is idle', () => {
  const story = new Story({}, 2, 3);
  const [m0, m1, m2] = [story.p(0), story.p(1), story.p(2)];
  story.asks(m1);
  story.laws.leave(story.w, m0);
  story.pass(4);
  assert.equal(m0.isUp, false, 'it holds nothing');
  assert.ok([m1, m2].some(({ state }) => state.conducted !== null));
  story.asks(m2);
  assert.deepEqual(Object.values({ ...m1.tickets, ...m2.tickets }), ['runs', 'runs']);
  assert.equal(story.w.broken, null);
});

test('a process that knows a higher epoch than a restored row shows it, and both agree on a new one', () => {
  const story = new Story({}, 1, 2);
  const m1 = story.p(1);
  story.kill(story.p(0));
  story.restoresOld();
  story.chance = 1;
  const m2 = story.comes();
  story.turn(m2);
  story.chance = 1_000;
  story.pass(60);
  story.asks(m1, m2);
  story.finishes(m1);
  story.finishes(m2);
  assert.equal(story.w.granted, 2);
  assert.equal(story.w.broken, null);
});

test('without the database, a member whose connection broke finds its conductor again', () => {
  const story = new Story({}, 1, 3);
  for (const p of story.w.procs) p.hasDatabase = false;
  story.pass(12);
  story.breaks(story.p(1));
  story.pass(1);
  story.asks(story.p(1));
  assert.equal(story.w.granted, 1, 'the reign goes on');
});

test('without the database members are asked one after the other, an unreachable one only once per turn', () => {
  const reign = newReign(b);
  const [c, d] = [listed('c'), listed('d')];
  reign.rowRead(row({ members: [a, b, c, d] }), 0, 0);
  const asked: string[] = [];
  let generation = 1;
  for (let now = 2_500; asked.length < 4; now += 500) {
    assert.deepEqual(did(reign.ended(generation, 'lost', now)), ['knock']);
    const connect = reign.tick(now).find(action => action.do === 'connect');
    assert.ok(connect);
    asked.push(connect.to.id);
    generation = connect.generation;
  }
  assert.deepEqual(asked, ['c', 'd', 'a', 'c']);
});
