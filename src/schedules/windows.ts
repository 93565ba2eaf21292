/**
 * The windows of a rule, as moments (ms since 1970). A window belongs to the day on which it begins: with 18:00–08:00
 * on Fridays, the window of a Friday ends on Saturday. Each end of it is the first moment at which the zone's clocks
 * show that time or a later one (zone.ts), so windows whose time is skipped by a change of the clocks are shorter, or
 * do not exist.
 */
import type { Rule } from './rule.ts';

const dayMs = 86_400_000;
const minuteMs = 60_000;

export interface Window {
  readonly start: number;
  /** The first moment after the window. */
  readonly end: number;
}

/** Returns the windows that touch the span from `from` to `until`, whole, in order of time. */
export function windowsBetween({ days, start, end, zone }: Rule, from: number, until: number): Window[] {
  const found: Window[] = [];
  // A window may have begun two calendar days ago: yesterday locally, where our day may be one ahead of UTC's.
  const firstDay = Math.floor(from / dayMs) - 3;
  const lastDay = Math.floor(until / dayMs) + 2;
  for (let day = firstDay; day <= lastDay; day++) {
    if (!days.has(weekdayOf(day))) continue;
    const window = {
      start: zone.firstMoment(day * dayMs + start * minuteMs),
      end: zone.firstMoment(day * dayMs + end * minuteMs),
    };
    if (window.start < window.end && window.end > from && window.start < until) found.push(window);
  }
  return found;
}

/** Day 0, 1970-01-01, was a Thursday. */
const weekdayOf = (day: number): number => (((day + 3) % 7) + 7) % 7;

export interface WindowState {
  readonly isOpen: boolean;
  /** The time at which that changes, or an earlier one if nothing changes for a fortnight. */
  readonly until: number;
}

const lookAheadMs = 14 * dayMs;

export function stateAt(rule: Rule, now: number): WindowState {
  const next = windowsBetween(rule, now, now + lookAheadMs)[0];
  if (next === undefined) return { isOpen: false, until: now + lookAheadMs };
  return next.start <= now ? { isOpen: true, until: next.end } : { isOpen: false, until: next.start };
}
