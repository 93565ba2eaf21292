/** The conductor's side: whom it waits for, who is on its list and leaves it, how the row is renewed (rules 3, 4 and 8). */
import type { FromMember, Hello, Seats } from './actions.ts';
import { release } from './following.ts';
import { attendeeOf, isFresh, listOf, reigns } from './holding.ts';
import { has, heirs, type Listed, type MemberId } from './list.ts';
import { type Attendee, type Conducted, isGone, later, learn, type Process, returned } from './process.ts';
import { type FleetRow, isOf } from './row.ts';
import { since } from './times.ts';

// ---- the beginning and the end

export interface Elected {
  /** The row as it is now. */
  readonly row: FleetRow;
  readonly isStranger: boolean;
  readonly sentAt: number;
}

export function begin(p: Process, { row, isStranger, sentAt }: Elected, now: number): void {
  const { state, self } = p;
  const old = p.rules.keptList(row.members).filter(({ id }) => id !== self.id);
  state.epoch = row.epoch;
  Object.assign(state.contact, { to: self, link: 'none', heardBeat: null, answeredAt: now });
  state.conducted = {
    epoch: row.epoch,
    beganAt: now,
    renewedAt: p.rules.renewedSince(sentAt, now),
    stamp: row.stamp,
    isStranger,
    wasWhole: row.isWhole,
    foundAt: row.isWhole ? null : now,
    isOver: false,
    attendees: old.map(listed => ({ ...newcomer(listed), isInRow: true, mayBeInRow: true, isSilent: true })),
    brought: [],
    askedAt: now,
    renewal: null,
  };
  p.actions.push({ do: 'conduct', epoch: row.epoch });
  freeTheGone(p, state.conducted, now);
}

/** Adds the seats that run here, or were freed here since the last reign. A stranger adds none. */
export function bringOwn(p: Process, brings: readonly Seats[]): void {
  const c = p.state.conducted;
  if (c !== null && !c.isStranger) bring(c, brings);
}

function bring(c: Conducted, brings: readonly Seats[]): void {
  for (const { pool, seats } of brings) {
    const known = c.brought.find(b => b.pool === pool);
    c.brought = [...c.brought.filter(b => b !== known), { pool, seats: (known?.seats ?? 0) + seats }];
  }
}

export function abdicate(p: Process, why: string): void {
  const { state } = p;
  const c = state.conducted;
  if (c === null) return;
  if (state.told.epoch <= c.epoch) state.told = { epoch: c.epoch, members: listOf(p, c) };
  state.contact.to = null;
  state.conducted = null;
  // The row was read before this reign, so it does not show later changes.
  state.row = null;
  p.actions.push({ do: 'abdicate', why });
  for (const a of c.attendees) if (a.isLinked) turnAway(p, a.listed.id, a.generation, c.epoch, null);
  p.actions.push({ do: 'read' });
}

export function turnAway(p: Process, to: MemberId, generation: number, epoch: number, conductor: Listed | null): void {
  p.actions.push({ do: 'tellMember', to, generation, message: { t: 'elsewhere', epoch, conductor } });
  p.actions.push({ do: 'dismiss', member: to, generation });
}

const newcomer = (listed: Listed): Attendee => ({
  listed,
  isListed: true,
  isInRow: false,
  mayBeInRow: false,
  isSilent: false,
  isLeftOut: false,
  isLeaving: false,
  isLinked: false,
  generation: 0,
  heardAt: null,
  answeredAt: null,
});

// ---- what members say

/** A member's hello on a new connection. */
export function greeted(p: Process, c: Conducted, hello: Hello, generation: number, now: number): void {
  const { member } = hello;
  const known = attendeeOf(c, member.id);
  if (known !== undefined && p.rules.isStale(generation, known.generation)) return;
  // Somebody new would have to answer like all, and cannot be written into the row.
  if (known?.isListed !== true && !isFresh(p, c, now)) {
    turnAway(p, member.id, generation, c.epoch, null);
    return;
  }
  const attendee = known ?? newcomer(member);
  if (known === undefined) c.attendees.push(attendee);
  if (attendee.isSilent) bring(c, hello.brings);
  const isNew = known?.isListed !== true;
  Object.assign(attendee, { listed: member, isListed: true, isSilent: false, isLeftOut: false, isLinked: true });
  Object.assign(attendee, { isLeaving: hello.isLeaving, generation, heardAt: now });
  p.state.gone = p.state.gone.filter(id => id !== member.id);
  const answers = reigns(p, now) ? hello.beat : null;
  const members = listOf(p, c);
  p.actions.push({
    do: 'tellMember',
    to: member.id,
    generation,
    message: { t: 'welcome', epoch: c.epoch, beat: now, answers, members },
  });
  if (isNew) listChanged(p, c, now, member.id);
}

/** Whether what came on that connection counts; whoever is heard is not silent. */
export function isHeard(p: Process, c: Conducted, id: MemberId, generation: number, now: number): boolean {
  const a = attendeeOf(c, id);
  if (a === undefined || !a.isLinked || p.rules.isStale(generation, a.generation)) return false;
  a.heardAt = now;
  return true;
}

export function heard(p: Process, c: Conducted, id: MemberId, message: FromMember, now: number): void {
  const a = attendeeOf(c, id);
  if (a === undefined) return;
  if (message.t === 'goodbye') {
    a.isLeftOut = true;
    free(p, c, a, 'has left', now);
    return;
  }
  a.isLeaving = message.isLeaving;
  if (message.answers !== null) {
    a.answeredAt = later(a.answeredAt, p.rules.answerSince(returned(message.answers, now), now));
  }
  if (!reigns(p, now)) return;
  p.actions.push({
    do: 'tellMember',
    to: id,
    generation: a.generation,
    message: { t: 'beat', beat: now, answers: message.beat },
  });
}

export function linkLost(p: Process, c: Conducted, id: MemberId, generation: number): void {
  const a = attendeeOf(c, id);
  if (a === undefined || a.generation !== generation) return;
  a.isLinked = false;
  p.actions.push({ do: 'knock', at: a.listed });
}

// ---- who leaves the list

function free(p: Process, c: Conducted, a: Attendee, why: string, now: number): void {
  if (a.isLinked) p.actions.push({ do: 'dismiss', member: a.listed.id, generation: a.generation });
  // Where the row may still list it, it may be elected: without its answer the reign needs the database.
  Object.assign(a, { isListed: false, isSilent: false, isLinked: false, answeredAt: null });
  c.attendees = c.attendees.filter(other => other.isListed || other.mayBeInRow);
  p.actions.push({ do: 'free', member: a.listed.id, why });
  listChanged(p, c, now, null);
}

/** Members that are proved gone. One that answered lately cannot have stood before, and need not answer any more. */
export function freeTheGone(p: Process, c: Conducted, now: number): void {
  if (!reigns(p, now)) return;
  for (const a of c.attendees) {
    if (!a.isListed || !isGone(p, a.listed.id)) continue;
    if (p.rules.isLeftOut(since(a.answeredAt, now), p.times)) a.isLeftOut = true;
    free(p, c, a, 'its process is gone', now);
  }
}

function freeTheSilent(p: Process, c: Conducted, now: number): void {
  if (!isFresh(p, c, now)) return;
  const hasGathered = now - c.beganAt > p.rules.gatherMs(p.times);
  for (const a of c.attendees) {
    if (!a.isListed) continue;
    if (a.isSilent && hasGathered) free(p, c, a, 'silent since the election', now);
    else if (!a.isSilent && since(a.heardAt, now) > p.times.deadAfterMs) free(p, c, a, 'silent for dead_after', now);
  }
}

function listChanged(p: Process, c: Conducted, now: number, newcomerId: MemberId | null): void {
  const message = { t: 'list', members: listOf(p, c) } as const;
  for (const a of c.attendees) {
    if (!a.isLinked || a.listed.id === newcomerId) continue;
    p.actions.push({ do: 'tellMember', to: a.listed.id, generation: a.generation, message });
  }
  if (c.renewal === null) renew(p, c, now);
}

// ---- the row

function renew(p: Process, c: Conducted, now: number): void {
  const members = listOf(p, c);
  const ask = ++p.state.asks;
  for (const a of c.attendees) {
    a.mayBeInRow ||= a.isListed;
    a.isInRow = p.rules.staysInRow(a.isListed) && a.isInRow;
  }
  c.askedAt = now;
  c.renewal = { ask, sentAt: now, members };
  const mends = c.foundAt !== null && p.rules.mayMend(since(c.foundAt, now), p.times);
  p.actions.push({ do: 'renew', ask, renewal: { epoch: c.epoch, holder: p.self.id, stamp: c.stamp, members, mends } });
}

/** Null: no answer, or an error. */
export type Renewed = { readonly isRenewed: boolean; readonly row: FleetRow } | null;

export function renewed(p: Process, c: Conducted, ask: number, outcome: Renewed, now: number): void {
  if (c.renewal?.ask !== ask) return;
  const { sentAt } = c.renewal;
  c.renewal = null;
  if (outcome === null) return;
  const { isRenewed, row } = outcome;
  if (!isRenewed && !isOf(row, { epoch: c.epoch, holder: p.self.id })) {
    abdicate(p, `the row is at epoch ${row.epoch}`);
    learn(p, row);
    return;
  }
  c.stamp = row.stamp;
  c.foundAt = row.isWhole ? null : (c.foundAt ?? now);
  for (const a of c.attendees) {
    a.mayBeInRow = has(row.members, a.listed.id);
    a.isInRow = a.mayBeInRow;
  }
  c.attendees = c.attendees.filter(a => a.isListed || a.mayBeInRow);
  // An earlier renewal came through whose answer did not: what it wrote is written over.
  if (!isRenewed) {
    renew(p, c, now);
    return;
  }
  c.renewedAt = p.rules.renewedSince(sentAt, now);
  c.isOver = false;
  const list = listOf(p, c);
  if (list.length !== row.members.length || list.some(({ id }) => !has(row.members, id))) renew(p, c, now);
  else if (p.state.leaving !== 'no') handOver(p, c, now);
}

// ---- its turn of the timer

export function conductTurn(p: Process, c: Conducted, now: number): void {
  // A renewal that nobody answers is asked for again; a late one changes nothing.
  const isUnderWay = c.renewal !== null && since(c.renewal.sentAt, now) <= p.times.ttlMs;
  if (!isUnderWay && since(c.askedAt, now) >= p.times.renewEveryMs) renew(p, c, now);
  freeTheSilent(p, c, now);
  freeTheGone(p, c, now);
  for (const a of c.attendees) {
    const isQuiet = !a.isLinked || since(a.heardAt, now) > p.times.lostMs;
    if (a.isListed && isQuiet) p.actions.push({ do: 'knock', at: a.listed });
  }
  if (p.state.leaving !== 'no') handOver(p, c, now);
}

/** Releases the row to those who can take over at once; the last to leave conducts until it is idle. */
function handOver(p: Process, c: Conducted, now: number): void {
  if (!isFresh(p, c, now)) return;
  const able = c.attendees.filter(a => a.isListed && a.isLinked && a.isInRow && !a.isLeaving).map(a => a.listed);
  const list = listOf(p, c);
  const isLast = list.length === 1 && p.state.leaving === 'idle';
  if (able.length === 0 && !isLast) return;
  const rest = list.filter(({ id }) => !has(able, id));
  release(p, c, isLast ? [] : [...heirs(able), ...rest]);
  abdicate(p, 'hands over');
}
