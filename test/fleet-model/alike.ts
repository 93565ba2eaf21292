/** Makes states equal that no rule can tell apart, so that a search meets each of them once. */
import type { Times } from '../../src/fleet/reign/times.ts';
import type { Connection, Proc, World } from './world.ts';

/** In ticks of 1 ms: as few as keep the order of all thresholds. */
export const smallTimes: Times = {
  ttlMs: 2,
  reignMs: 1,
  lostMs: 1,
  heardMs: 0.9,
  deadAfterMs: 4,
  isolatedAfterMs: 3,
  abandonedAfterMs: 9,
  outageMaxMs: 7,
  renewEveryMs: 1,
  heirMs: 1,
};
const times = smallTimes;

export function makeAlike(w: World): void {
  w.row = { ...w.row, ageMs: Math.min(w.row.ageMs, times.abandonedAfterMs + 1) };
  const stamp = w.row.stamp;
  const stampOf = (one: string) => (one === stamp ? 'now' : 'before');
  for (const p of w.procs) {
    if (!p.isUp) Object.assign(p, { tickets: {}, asked: [], freed: 0, isStopped: false, hasDatabase: true });
    shift(w, p);
    forgetPast(p);
    if (p.state.row !== null) p.state.row = { ...p.state.row, stamp: stampOf(p.state.row.stamp) };
    if (p.state.conducted !== null) p.state.conducted.stamp = stampOf(p.state.conducted.stamp);
  }
  w.row = { ...w.row, stamp: 'now' };
  if (w.backup !== null) w.backup = { ...w.backup, stamp: 'backup' };
  w.writes = 0;
  renumber(w);
  w.connections.sort((a, b) => order(a) - order(b));
}

const order = (c: Connection): number =>
  Number(c.member.slice(1)) * 1e6 + c.generation * 100 + Number(c.conductor.slice(1));

/** Sets the clock of a process to 0, with all that was noted by it; what is older than any rule asks for is equally old. */
function shift(w: World, p: Proc): void {
  const { now, state } = p;
  const at = (moment: number | null, most: number): number | null =>
    moment === null || now - moment > most ? null : moment - now;
  const floor = (moment: number, most: number): number => Math.max(moment - now, -most - 1);
  p.now = 0;
  const { contact, conducted } = state;
  contact.openedAt = at(contact.openedAt, times.lostMs);
  contact.sentAt = at(contact.sentAt, times.lostMs);
  contact.answeredAt = at(contact.answeredAt, times.isolatedAfterMs);
  state.releasedAt = at(state.releasedAt, times.heirMs * 3);
  state.rowReadAt = at(state.rowReadAt, times.lostMs);
  if (conducted !== null) {
    conducted.beganAt = floor(conducted.beganAt, times.ttlMs + times.deadAfterMs);
    conducted.renewedAt = floor(conducted.renewedAt, times.outageMaxMs ?? 0);
    conducted.askedAt = at(conducted.askedAt, times.renewEveryMs);
    if (conducted.foundAt !== null) conducted.foundAt = floor(conducted.foundAt, times.ttlMs);
    for (const a of conducted.attendees) {
      a.heardAt = at(a.heardAt, times.deadAfterMs);
      a.answeredAt = at(a.answeredAt, times.ttlMs);
    }
  }
  for (const other of w.procs) {
    const { contact: theirs } = other.state;
    if (theirs.to?.id === p.id && theirs.heardBeat !== null) theirs.heardBeat = floor(theirs.heardBeat, times.ttlMs);
  }
  for (const c of w.connections) shiftMessages(c, p, floor);
}

function shiftMessages(c: Connection, p: Proc, floor: (moment: number, most: number) => number): void {
  const most = times.isolatedAfterMs;
  const stamp = <M extends object>(message: M, isMine: boolean): M => {
    const name = isMine ? 'beat' : 'answers';
    const moment: unknown = Reflect.get(message, name);
    return typeof moment === 'number' ? { ...message, [name]: floor(moment, most) } : message;
  };
  if (p.id !== c.member && p.id !== c.conductor) return;
  const isMember = p.id === c.member;
  c.up = c.up.map(m => {
    if (m.k === 'hello') return isMember ? { ...m, hello: stamp(m.hello, true) } : m;
    return m.k === 'reign' ? { ...m, message: stamp(m.message, isMember) } : m;
  });
  c.down = c.down.map(m => (m.k === 'reign' ? { ...m, message: stamp(m.message, !isMember) } : m));
}

/** Clears the values that a process keeps but never reads again. */
function forgetPast(p: Proc): void {
  const { state } = p;
  state.asks = 0;
  if (state.rowReadAt === null) state.row = null;
  if (state.conducted !== null || !p.isUp) Object.assign(state, { row: null, rowReadAt: null, releasedAt: null });
  if (p.isUp) return;
  const { generation } = state.contact;
  const contact = {
    to: null,
    generation,
    link: 'none',
    openedAt: null,
    isWelcomed: false,
    sentAt: null,
    answeredAt: null,
    heardBeat: null,
  };
  Object.assign(state, {
    contact,
    told: { epoch: 0, members: [] },
    gone: [],
    conducted: null,
    epoch: 0,
    isIsolated: true,
  });
}

/** Of the numbers of a member's connections only the order counts. */
function renumber(w: World): void {
  for (const p of w.procs) {
    const views = w.procs.flatMap(
      other => other.state.conducted?.attendees.filter(a => a.listed.id === p.id && a.generation > 0) ?? [],
    );
    const mine = w.connections.filter(c => c.member === p.id);
    const used = [p.state.contact.generation, ...views.map(a => a.generation), ...mine.map(c => c.generation)];
    const ranks = [...new Set(used)].sort((a, b) => a - b);
    const rank = (generation: number) => ranks.indexOf(generation) + 1;
    p.state.contact.generation = rank(p.state.contact.generation);
    for (const a of views) a.generation = rank(a.generation);
    for (const c of mine) c.generation = rank(c.generation);
  }
}
