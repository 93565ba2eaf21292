/** The member's side: whom it follows, when it has lost its conductor, and when it may stand (rules 2, 5 and 6). */
import type { Elsewhere, FromConductor, MemberBeat } from './actions.ts';
import { has, joined, type Listed } from './list.ts';
import { hasRow, isGone, later, type Process, returned } from './process.ts';
import type { FleetRow } from './row.ts';
import type { Knock } from './rules.ts';
import { since } from './times.ts';

export function beat(p: Process, now: number): void {
  const { contact } = p.state;
  if (contact.link !== 'open') return;
  contact.sentAt = now;
  const message: MemberBeat = {
    t: 'beat',
    beat: now,
    answers: contact.heardBeat,
    isLeaving: p.state.leaving !== 'no',
  };
  p.actions.push({ do: 'tellConductor', generation: contact.generation, message });
}

/** Leaves a conductor that has not answered in time. */
export function leaveTheLost(p: Process, now: number): void {
  const { contact } = p.state;
  const { lostMs } = p.times;
  if (contact.link !== 'open' || since(contact.answeredAt, now) <= lostMs || since(contact.openedAt, now) <= lostMs)
    return;
  hangUp(p);
  if (contact.to !== null) p.actions.push({ do: 'knock', at: contact.to });
}

/** Looks for a conductor, or stands. */
export function seek(p: Process, now: number): void {
  const { state } = p;
  if (state.conducted !== null || state.contact.link === 'open' || state.leaving === 'left') return;
  if (state.row === null || !hasRow(p, now)) {
    askAround(p, now);
    return;
  }
  knockAtRivals(p, state.row);
  const holder = followed(p, state.row);
  if (holder !== null) {
    follow(p, Math.max(state.row.epoch, state.epoch), holder, now);
    return;
  }
  if (state.election !== null) return;
  if (mayStand(p, state.row, now)) {
    stand(p, state.row, now);
    return;
  }
  // A reign of one's own that ended without the database.
  if (state.row.holder === p.self.id && state.row.epoch <= state.epoch) release(p, state.row, state.row.members);
}

export function release(p: Process, reign: { readonly epoch: number }, members: readonly Listed[]): void {
  p.actions.push({ do: 'release', released: { epoch: reign.epoch, holder: p.self.id, members } });
}

/**
 * Whom the row says to follow, if anybody. The holder of a lower epoch than the highest known, elected on a row that has
 * forgotten that one, is shown it, abdicates, and the next epoch is above both: else who knows it could follow nobody.
 */
function followed(p: Process, row: FleetRow): Listed | null {
  if (row.holder === null || row.holder === p.self.id) return null;
  if (row.ageMs > p.times.ttlMs || isGone(p, row.holder)) return null;
  return row.members.find(listed => listed.id === row.holder) ?? null;
}

/**
 * Asks for a proof of death, so that nobody waits for a dead process: at the holder's address, and if this process is a
 * stranger, at the addresses of all on the list.
 */
function knockAtRivals(p: Process, row: FleetRow): void {
  const isStranger = !has(row.members, p.self.id);
  for (const listed of row.members) {
    if (listed.id === p.self.id || isGone(p, listed.id)) continue;
    if (isStranger || listed.id === row.holder) p.actions.push({ do: 'knock', at: listed });
  }
}

function follow(p: Process, epoch: number, to: Listed, now: number): void {
  const { contact } = p.state;
  const isUnderWay = contact.link === 'opening' && contact.to?.id === to.id && p.state.epoch === epoch;
  if (isUnderWay && since(contact.openedAt, now) <= p.times.lostMs) return;
  hangUp(p);
  // An election that was asked for may still succeed; its answer is not waited for, and the row is released again.
  p.state.election = null;
  p.state.epoch = epoch;
  const generation = contact.generation + 1;
  Object.assign(contact, { to, generation, link: 'opening', openedAt: now, isWelcomed: false, heardBeat: null });
  p.actions.push({ do: 'connect', to, generation });
}

/** Without the database, the others may know who conducts: asks the last conductor, then one after the other. */
function askAround(p: Process, now: number): void {
  const { contact, told, epoch } = p.state;
  if (contact.link === 'opening' && since(contact.openedAt, now) <= p.times.lostMs) return;
  const last = contact.to === null ? [] : [contact.to];
  const others = joined(told.members, last).filter(({ id }) => id !== p.self.id && !isGone(p, id));
  const at = others.findIndex(({ id }) => id === contact.to?.id);
  const next = others[contact.isWelcomed && at >= 0 ? at : (at + 1) % others.length];
  if (next !== undefined) follow(p, epoch, next, now);
}

export function hangUp(p: Process): void {
  const { contact } = p.state;
  if (contact.link === 'none') return;
  contact.link = 'none';
  p.actions.push({ do: 'hangUp', generation: contact.generation });
}

// ---- standing

function mayStand(p: Process, row: FleetRow, now: number): boolean {
  const { contact, told, leaving, releasedAt } = p.state;
  const { times, rules } = p;
  if (leaving !== 'no' && since(contact.answeredAt, now) <= 3 * times.ttlMs) return false;
  const isHolderGone = row.holder !== null && row.holder !== p.self.id && isGone(p, row.holder);
  if (row.holder !== null && row.ageMs <= times.ttlMs && !isHolderGone) return false;
  const isOver = row.epoch === p.state.epoch && (row.holder === null || isHolderGone);
  const isSilent = rules.isSilent(since(contact.answeredAt, now), since(contact.sentAt, now), times);
  if (contact.to !== null && !isOver && !isSilent) return false;
  const known = rules.mayKnowMore(told.epoch, row.epoch) ? joined(row.members, told.members) : row.members;
  const isKnown = rules.knowsList(Math.max(row.epoch, told.epoch), p.state.epoch);
  const isAlone = isKnown && known.every(({ id }) => id === p.self.id || isGone(p, id));
  if (!isKnown || !isListed(p, row.members, row.epoch)) return rules.mayStrangerStand(isAlone, row.ageMs, times);
  const rank = row.holder === null ? row.members.findIndex(({ id }) => id === p.self.id) : 0;
  return isAlone || since(releasedAt, now) >= rank * times.heirMs;
}

/** The row says who may stand, or a newer list that it has forgotten. Within a reign only the row knows who has left the list. */
export const isListed = (p: Process, inRow: readonly Listed[], rowEpoch: number): boolean =>
  has(inRow, p.self.id) || (p.rules.isListNewer(p.state.told.epoch, rowEpoch) && has(p.state.told.members, p.self.id));

function stand(p: Process, row: FleetRow, now: number): void {
  const { state, rules } = p;
  hangUp(p);
  const epoch = rules.nextEpoch(Math.max(row.epoch, state.epoch, state.told.epoch), p.chance());
  const ask = ++state.asks;
  state.election = { ask, sentAt: now, epoch, seen: row.epoch };
  const provedGone = row.holder !== null && isGone(p, row.holder) ? row.holder : null;
  const brings = rules.mayKnowMore(state.told.epoch, row.epoch) ? state.told.members : [];
  p.actions.push({ do: 'elect', ask, election: { seen: row.epoch, epoch, candidate: p.self, provedGone, brings } });
}

// ---- events

export function opened(p: Process, generation: number, now: number): void {
  const { contact, epoch, leaving } = p.state;
  if (generation !== contact.generation || contact.link !== 'opening') return;
  Object.assign(contact, { link: 'open', openedAt: now, sentAt: now });
  const hello = { epoch, beat: now, member: p.self, isLeaving: leaving !== 'no' };
  p.actions.push({ do: 'greet', generation, hello });
}

export function ended(p: Process, generation: number, how: Knock, now: number): void {
  const { contact } = p.state;
  if (generation !== contact.generation || contact.link === 'none' || contact.to === null) return;
  const wasOpen = contact.link === 'open';
  const isProof = p.rules.isProof(how);
  contact.link = 'none';
  if (isProof) proveGone(p, contact.to.id);
  else p.actions.push({ do: 'knock', at: contact.to });
  // An unreachable process is not asked again before the next turn: its connections may fail at once, without end.
  if (!wasOpen && !isProof) return;
  p.actions.push({ do: 'read' });
  seek(p, now);
}

export function proveGone(p: Process, id: string): void {
  if (id !== p.self.id && !isGone(p, id)) p.state.gone.push(id);
}

export function told(p: Process, generation: number, message: FromConductor, now: number): void {
  const { contact } = p.state;
  if (generation !== contact.generation || contact.link !== 'open') return;
  switch (message.t) {
    case 'elsewhere':
      goElsewhere(p, message, now);
      return;
    case 'list':
      p.state.told = { epoch: p.state.epoch, members: message.members };
      return;
    case 'welcome':
      p.state.told = { epoch: message.epoch, members: message.members };
      Object.assign(contact, { isWelcomed: true, heardBeat: message.beat });
      if (message.answers !== null) answered(p, p.rules.welcomeAnswers(message.answers), now);
      // So that the conductor need not wait for this member's answer until the next beat.
      beat(p, now);
      return;
    case 'beat':
      contact.heardBeat = message.beat;
      answered(p, message.answers, now);
      return;
    default:
      message satisfies never;
      return;
  }
}

function answered(p: Process, sentAt: number | null, now: number): void {
  if (sentAt === null) return;
  const { contact } = p.state;
  contact.answeredAt = later(contact.answeredAt, p.rules.contactSince(returned(sentAt, now), now));
}

/** Without news the next turn looks again: at once it would meet the same row, and the same answer. */
function goElsewhere(p: Process, { epoch, conductor }: Elsewhere, now: number): void {
  const { contact, epoch: own } = p.state;
  const from = contact.to;
  hangUp(p);
  const isNews = conductor !== null && (epoch > own || (epoch === own && conductor.id !== from?.id));
  if (isNews && conductor.id !== p.self.id && !isGone(p, conductor.id)) {
    follow(p, epoch, conductor, now);
  }
}
