/** How long a reign holds (rule 7), and what its conductor may grant (rules 2, 3 and 8). */
import type { Listed, MemberId } from './list.ts';
import type { Attendee, Conducted, Process } from './process.ts';
import { since } from './times.ts';

export const isFresh = (p: Process, c: Conducted, now: number): boolean => since(c.renewedAt, now) <= p.times.reignMs;

/** Whether this process conducts, and nobody else can have been elected where its seats are not counted. */
export function reigns(p: Process, now: number): boolean {
  const c = p.state.conducted;
  if (c === null) return false;
  return isFresh(p, c, now) || (!c.isOver && isUnanimous(p, c, now));
}

function isUnanimous(p: Process, c: Conducted, now: number): boolean {
  const { rules, times } = p;
  if (rules.isTooOld(since(c.renewedAt, now), times)) return false;
  return c.attendees.every(a => {
    if (a.isSilent) return false;
    if (a.isLeftOut || !rules.mustAnswer(a.isListed, a.mayBeInRow)) return true;
    return rules.isAnswered(since(a.answeredAt, now), times);
  });
}

export const attendeeOf = (c: Conducted, id: MemberId): Attendee | undefined =>
  c.attendees.find(a => a.listed.id === id);

export const listOf = (p: Process, c: Conducted): readonly Listed[] => [
  p.self,
  ...c.attendees.filter(a => a.isListed).map(a => a.listed),
];

const isGathering = (c: Conducted): boolean => c.attendees.some(a => a.isSilent);

/** Whether a request of that member may have a seat now. */
export function mayGrant(p: Process, id: MemberId, now: number): boolean {
  const c = p.state.conducted;
  if (c === null || !reigns(p, now)) return false;
  if (p.rules.mustPause(c.isStranger, c.wasWhole, now - c.beganAt, p.times)) return false;
  if (id === p.self.id) return true;
  const attendee = attendeeOf(c, id);
  return attendee?.isListed === true && attendee.isLinked && p.rules.maySeat(attendee.isInRow);
}

export function budgetOf(p: Process, pool: string): number | null {
  const c = p.state.conducted;
  if (c === null) return 0;
  return p.rules.budget(isGathering(c), c.brought.find(b => b.pool === pool)?.seats ?? 0);
}
