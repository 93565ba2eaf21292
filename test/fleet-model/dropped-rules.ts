/** Shows what each rule prevents: drops it, and runs a course of events that goes wrong without it. */
import { has } from '../../src/fleet/reign/list.ts';
import { rules as allRules, type Rules } from '../../src/fleet/reign/rules.ts';
import { Story } from './story.ts';
import { walk } from './walk.ts';
import type { DeskRules, Proc } from './world.ts';

export interface DroppedRule {
  readonly rule: string;
  readonly without: Partial<Rules>;
  /** A second rule that would hide the effect. It is dropped in both runs, with the rule and without it. */
  readonly beside?: Partial<Rules>;
  /** A rule of the desk: 9. */
  readonly desk?: Partial<DeskRules>;
  /** Returns the law that breaks, or null. */
  readonly happens: (rules: Partial<Rules>, desk: Partial<DeskRules>) => string | null;
}

const told =
  (seats: number, processes: number, course: (story: Story) => void) =>
  (rules: Partial<Rules>): string | null => {
    const story = new Story(rules, seats, processes);
    course(story);
    return story.w.broken;
  };

/** Random walks until one breaks. */
const walked =
  (mix: string, walks: number, faultEvery: number) =>
  (dropped: Partial<Rules>): string | null => {
    const rules = { ...allRules, ...dropped };
    for (let seed = 1; seed <= walks; seed++) {
      const { broken } = walk(seed, mix, 10_000, { rules, faultEvery });
      if (broken !== null) return broken;
    }
    return null;
  };

/** 1 is elected where the database is, takes in a stranger and dies; 0 has no database, and hears that it died. */
const electedTookInAndDied = (silentTicks: number, isBeatLate: boolean) => (s: Story) => {
  const [m0, m1, m2] = [s.p(0), s.p(1), s.p(2)];
  s.asks(m1);
  m0.hasDatabase = false;
  m2.hasDatabase = false;
  s.pass(12);
  const m3 = s.comes();
  s.cut(m3, m0);
  if (isBeatLate) leavesABeatBehind(s, m1);
  else s.breaks(m1);
  s.cutOneWay(m1, m0);
  s.flow();
  s.pass(silentTicks);
  s.asks(m3);
  s.finishes(m1);
  s.pass(1);
  s.kill(m1);
  s.heal();
  s.cut(m3, m0);
  s.holds = () => false;
  s.flow();
  s.pass(1);
  s.asks(m0, m0, m2, m2);
};

/** Its connection breaks when a beat is on its way, which arrives much later. */
function leavesABeatBehind(s: Story, member: Proc): void {
  const { generation } = member.state.contact;
  s.holds = (c, way) => c.member === member.id && c.generation === generation && way === 'up';
  s.turn(member);
  s.breaks(member, 1);
}

/** The conductor dies while a member is stopped with a call; a third one is elected. */
function diesBesideAStopped(s: Story): void {
  s.asks(s.p(1));
  s.stop(s.p(1));
  s.kill(s.p(0));
  s.pass(2);
  s.asks(s.p(2));
}

export const droppedRules: readonly DroppedRule[] = [
  { rule: '1 epochs', without: { nextEpoch: highest => highest + 1 }, happens: walked('restore', 60, 80) },
  {
    rule: '1 connections',
    without: { isStale: () => false },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      const late = m1.state.contact.generation + 1;
      s.holds = (c, way) => c.generation === late && way === 'up';
      s.breaks(m1);
      s.flow();
      s.pass(7);
      s.asks(m1);
      s.holds = () => false;
      s.flow();
      s.asks(m0);
    }),
  },
  {
    rule: '2 strangers wait',
    without: { mayStrangerStand: () => true },
    happens: told(1, 2, s => {
      const m0 = s.p(0);
      s.asks(m0);
      m0.hasDatabase = false;
      const m2 = s.comes();
      s.cut(m0, m2);
      s.cut(s.p(1), m2);
      s.pass(60);
      s.asks(m2);
    }),
  },
  {
    rule: '2 strangers grant nothing at first',
    without: { mustPause: () => false },
    happens: told(1, 1, s => {
      s.asks(s.p(0));
      s.restoresOld();
      const m1 = s.comes();
      s.turn(m1);
      s.asks(m1);
      s.pass(20);
    }),
  },
  {
    rule: '2 a write does not make a row whole',
    without: { isWholeAfter: () => true },
    happens: told(1, 1, s => {
      s.asks(s.p(0));
      s.restoresOld();
      const m1 = s.comes();
      s.turn(m1);
      s.kill(m1);
      const m2 = s.comes();
      s.turn(m2);
      s.asks(m2);
      s.pass(20);
    }),
  },
  {
    rule: '2 only a reign that has lasted mends a row',
    without: { mayMend: () => true },
    happens: told(1, 1, s => {
      s.asks(s.p(0));
      s.restoresOld();
      s.p(0).hasDatabase = false;
      const m1 = s.comes();
      s.pass(4);
      s.kill(m1);
      const m2 = s.comes();
      s.turn(m2);
      s.asks(m2);
      s.p(0).hasDatabase = true;
      s.pass(20);
    }),
  },
  {
    rule: '3 the list first',
    without: { maySeat: () => true },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      m0.hasDatabase = false;
      s.cutOneWay(m0, m1);
      const m2 = s.comes();
      s.turn(m2);
      s.asks(m2);
      s.kill(m0);
      s.breaks(m1);
      s.stop(m2);
      s.heal();
      s.pass(2);
      s.asks(m1);
    }),
  },
  {
    rule: '3 the old list is kept',
    without: { keptList: () => [] },
    happens: told(1, 3, diesBesideAStopped),
  },
  {
    rule: '3 a list that the row has forgotten',
    without: { isListNewer: () => false, mayKnowMore: () => false },
    happens: told(1, 3, s => {
      s.asks(s.p(2));
      s.stop(s.p(2));
      s.restoresOld();
      s.kill(s.p(0));
      s.pass(18);
      s.asks(s.p(1));
    }),
  },
  {
    rule: '3 a member that the row has forgotten',
    without: { mayKnowMore: (toldEpoch, rowEpoch) => toldEpoch > rowEpoch },
    happens: told(1, 2, s => {
      const before = s.w.row;
      const m2 = s.comes();
      s.pass(2);
      s.asks(m2);
      s.stop(m2);
      s.kill(s.p(0));
      s.w.row = before;
      s.pass(2);
      s.asks(s.p(1));
    }),
  },
  {
    rule: '3 a process that has only heard of a reign',
    without: { knowsList: () => true },
    happens: told(1, 2, s => {
      const m1 = s.p(1);
      s.asks(m1);
      s.restoresOld();
      s.stop(m1);
      s.kill(s.p(0));
      s.chance = 1;
      const m2 = s.comes();
      s.turn(m2);
      s.resume(m1);
      s.turn(m1);
      s.turn(m1);
      s.stop(m1);
      s.pass(3);
      s.asks(m2);
    }),
  },
  {
    rule: '3 late renewals',
    without: { isUntouched: () => true },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      const { epoch, stamp, members } = s.w.row;
      s.w.late.push({ do: 'renew', ask: 0, renewal: { epoch, holder: m0.id, stamp, members, mends: false } });
      s.cutOneWay(m0, m1);
      const m2 = s.comes();
      s.turn(m2);
      s.asks(m2);
      s.stop(m2);
      for (const late of s.w.late) s.laws.executeLate(s.w, late);
      s.kill(m0);
      s.breaks(m1);
      s.heal();
      s.pass(2);
      s.asks(m1);
    }),
  },
  {
    rule: '3 renewals without an answer',
    without: { staysInRow: () => true },
    happens: told(1, 3, s => {
      const [m0, m1, m2] = [s.p(0), s.p(1), s.p(2)];
      s.stop(m2);
      s.isUnanswered = ({ statement }) => statement.do === 'renew' && !has(statement.renewal.members, m2.id);
      s.pass(31);
      m0.hasDatabase = false;
      s.holds = (c, way) => c.member === m1.id && way === 'down';
      s.resume(m2);
      s.turn(m2);
      s.turn(m2);
      s.asks(m2);
      s.stop(m2);
      s.kill(m0);
      s.breaks(m1);
      s.holds = () => false;
      s.pass(2);
      s.asks(m1);
    }),
  },
  {
    rule: '4 proof of death',
    without: { isProof: () => true },
    happens: told(1, 2, s => {
      s.asks(s.p(0), s.p(1));
      s.breaks(s.p(1));
      s.flow();
    }),
  },
  {
    rule: '5 contact',
    without: { contactSince: (_sentAt, now) => now },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      s.asks(m1);
      s.holds = (_c, way) => way === 'down';
      s.turn(m1);
      s.stop(m1);
      s.cutOneWay(m1, m0);
      s.pass(24);
      s.resume(m1);
      s.holds = () => false;
      s.flow();
      s.pass(7);
      s.asks(m0);
    }),
  },
  {
    rule: '5 renewals',
    without: { renewedSince: (_sentAt, now) => now },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      s.asks(m1);
      s.cut(m0, m1);
      s.pass(15);
      s.waiting = m0;
      s.pass(1);
      const asked = m0.asked.find(one => one.statement.do === 'renew');
      if (asked !== undefined) s.laws.execute(s.w, asked);
      s.pass(9);
      if (asked !== undefined) s.laws.answer(s.w, m0, asked);
      m0.hasDatabase = false;
      s.waiting = null;
      s.pass(7);
      s.asks(m0);
    }),
  },
  { rule: '5 welcomes', without: { welcomeAnswers: () => null }, happens: walked('kills', 40, 80) },
  {
    rule: '5 answers, 2 s of silence and left out',
    without: { answerSince: (_sentAt, now) => now },
    happens: told(2, 3, electedTookInAndDied(6, true)),
  },
  {
    rule: '2 silence',
    without: { isSilent: () => true },
    happens: told(2, 3, electedTookInAndDied(1, false)),
  },
  {
    rule: '7 members that are left out',
    without: { isLeftOut: () => true },
    happens: told(2, 3, electedTookInAndDied(6, false)),
  },
  {
    rule: '6 contact is not the database',
    without: { contactMs: (sinceAnswerMs, sinceReadMs) => Math.min(sinceAnswerMs, sinceReadMs) },
    happens: told(1, 2, s => {
      s.asks(s.p(1));
      s.cut(s.p(0), s.p(1));
      s.pass(34);
      s.asks(s.p(0));
    }),
  },
  {
    rule: '6 the clock before every start',
    without: { mayStart: () => true },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      s.holds = (_c, way) => way === 'down';
      s.asks(m1);
      s.stop(m1);
      s.pass(34);
      s.asks(m0);
      s.resume(m1);
      s.holds = () => false;
      s.flow();
    }),
  },
  {
    rule: '7 all answer',
    without: { isAnswered: () => true },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      s.asks(m0);
      m0.hasDatabase = false;
      s.cut(m0, m1);
      s.pass(60);
      s.asks(m1);
    }),
  },
  {
    rule: '7 members that the row may list',
    without: { mustAnswer: isListed => isListed },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      s.asks(m0);
      s.cut(m0, m1);
      s.pass(28);
      m0.hasDatabase = false;
      s.pass(60);
      s.asks(m1);
    }),
  },
  {
    rule: '7 the end of an outage',
    without: { isTooOld: () => false },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      s.asks(m0);
      m0.hasDatabase = false;
      m1.hasDatabase = false;
      const m2 = s.comes();
      s.cut(m0, m2);
      s.cut(m1, m2);
      s.pass(175);
      s.asks(m2);
    }),
  },
  {
    rule: '8 the time of gathering',
    without: { gatherMs: times => times.deadAfterMs },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      s.asks(m0);
      s.cut(m0, m1);
      s.pass(8);
      m0.hasDatabase = false;
      s.w.row = { ...s.w.row, ageMs: s.w.row.ageMs + 10_000 };
      s.pass(33);
      s.asks(m1);
    }),
  },
  {
    rule: '8 the budget',
    without: { budget: () => null },
    happens: told(1, 3, diesBesideAStopped),
  },
  {
    rule: '7 what is over stays over',
    // Seen only where late answers count as new.
    beside: { answerSince: (_sentAt, now) => now },
    without: { staysOver: () => false },
    happens: told(1, 2, s => {
      const [m0, m1] = [s.p(0), s.p(1)];
      s.asks(m0);
      m0.hasDatabase = false;
      s.pass(12);
      leavesABeatBehind(s, m1);
      s.cutOneWay(m1, m0);
      s.pass(20);
      s.holds = () => false;
      s.heal();
      s.flow();
      s.cut(m0, m1);
      s.pass(27);
      s.asks(m1);
    }),
  },
  {
    rule: '9 unused seats',
    without: {},
    desk: { returnsUnused: false },
    happens: (rules, desk) => {
      const s = new Story(rules, 1, 2, desk);
      const [m0, m1] = [s.p(0), s.p(1)];
      s.holds = (_c, way) => way === 'down';
      s.asks(m1);
      s.laws.giveUp(s.w, m1, 'm1.0');
      s.holds = () => false;
      s.flow();
      s.asks(m0);
      s.pass(10);
      return s.w.granted === 0 ? 'stuck: the only seat is held by nobody' : null;
    },
  },
];
