/**
 * Whether two rules ever hold at once.
 *
 * In one zone this is a question about the week on its clock. The moments of local times never fall as the times rise
 * (zone.ts), so windows that are apart on the clock are apart; and windows that share minutes of the week share them in
 * every week in which the clocks are not changed.
 *
 * In two zones the clocks move against each other, so their windows are compared as moments. Between two changes of
 * either zone both repeat weekly: it is enough to compare the days around each change and the week that follows it. The
 * changes of 28 years are examined, because after 28 years every date has been on every weekday. A zone whose rules are
 * announced from year to year may still bring a new overlap (such schedules are reported, and the later one is left
 * out).
 */
import type { Rule } from './rule.ts';
import { type Window, windowsBetween } from './windows.ts';

const minutesOfDay = 1_440;
const minutesOfWeek = 7 * minutesOfDay;
const dayMs = 86_400_000;
const aheadMs = 28 * 366 * dayMs;
/** From two days before a change to a whole week after the windows that begin around it. */
const beforeChangeMs = 2 * dayMs;
const afterChangeMs = 10 * dayMs;

/** `now`: the moment from which on overlaps count. */
export const overlaps = (a: Rule, b: Rule, now: number): boolean =>
  a.zone.name === b.zone.name ? overlapOnClock(a, b) : overlapInTime(a, b, now);

function overlapOnClock(a: Rule, b: Rule): boolean {
  for (const one of a.days)
    for (const other of b.days) {
      // The distance from the begin of a's window to b's, and back, on the circle of the week.
      const apart = circled(other * minutesOfDay + b.start - one * minutesOfDay - a.start);
      if (apart < a.end - a.start || minutesOfWeek - apart < b.end - b.start) return true;
      if (apart === 0) return true;
    }
  return false;
}

const circled = (minutes: number): number => ((minutes % minutesOfWeek) + minutesOfWeek) % minutesOfWeek;

function overlapInTime(a: Rule, b: Rule, now: number): boolean {
  const changes = [now, ...a.zone.changes(now, now + aheadMs), ...b.zone.changes(now, now + aheadMs)];
  return changes.some(change => {
    const span = [change - beforeChangeMs, change + afterChangeMs] as const;
    return share(windowsBetween(a, ...span), windowsBetween(b, ...span), now);
  });
}

const share = (some: readonly Window[], others: readonly Window[], now: number): boolean =>
  some.some(one => others.some(other => Math.max(one.start, other.start, now) < Math.min(one.end, other.end)));
