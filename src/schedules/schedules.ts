/** The front door of this room: rules of recurring windows, as rows and the admin API have them. Does no I/O. */
import { errors } from '../domain/errors.ts';
import { overlaps } from './overlap.ts';
import { parseRule, type Rule, type RuleTexts, ruleAllowed, spelledWeekdays, weekdaysOf } from './rule.ts';
import { stateAt, windowsBetween } from './windows.ts';

export { type RuleTexts, ruleAllowed, weekdayNames } from './rule.ts';
export { wakeAt } from './wake-at.ts';

/**
 * The most schedules of one mapping, or of one setting of one pool; more are refused, and ignored if SQL wrote them.
 */
const maxSchedules = 20;

/** A rule as the admin API takes and shows it. */
export interface ShownRule {
  readonly weekdays: string[];
  readonly start: string;
  readonly end: string;
  readonly zone: string;
}

export type RulePatch = { readonly [Field in keyof ShownRule]?: ShownRule[Field] | undefined };

export const shownRule = ({ weekdays, start_time, end_time, zone }: RuleTexts): ShownRule => ({
  weekdays: weekdaysOf(weekdays),
  start: start_time.trim(),
  end: end_time.trim(),
  zone,
});

/** Returns the row's texts after the patch; throws `invalid_request` with the field. */
export function textsOf(patch: RulePatch, before?: RuleTexts): RuleTexts {
  const known = before && shownRule(before);
  const texts = {
    weekdays: spelledWeekdays(patch.weekdays ?? known?.weekdays ?? []),
    start_time: patch.start ?? known?.start ?? '',
    end_time: patch.end ?? known?.end ?? '',
    zone: patch.zone ?? known?.zone ?? '',
  };
  const rule = parseRule(texts);
  if ('field' in rule) throw errors.invalidRequest(`${rule.field} must be ${rule.allowed}.`, rule.field);
  return texts;
}

/** A row of a schedule; `what` holds in its windows, undefined if the row's value is unusable. */
export interface ScheduleSource<T> extends RuleTexts {
  readonly id: number;
  readonly what: T | { readonly fault: string };
}

export interface Schedule<T> {
  readonly id: number;
  readonly rule: Rule;
  readonly what: T;
}

export interface Compiled<T> {
  /** Schedules of which no two ever hold at once. */
  readonly usable: readonly Schedule<T>[];
  /** The reasons why others are left out, by ID. */
  readonly faults: ReadonlyMap<number, string>;
}

const isFault = (what: unknown): what is { readonly fault: string } =>
  typeof what === 'object' && what !== null && 'fault' in what;

/** Compiles rows that exclude each other, in order of ID; of two that overlap the later one is left out. */
export function compileSchedules<T>(rows: readonly ScheduleSource<T>[], now: number): Compiled<T> {
  const usable: Schedule<T>[] = [];
  const faults = new Map<number, string>();
  for (const { id, what, ...texts } of rows) {
    const rule = parseRule(texts);
    const other = 'field' in rule ? null : overlapping(rule, usable, now);
    if ('field' in rule) faults.set(id, `${rule.field} must be ${ruleAllowed[rule.field]}`);
    else if (isFault(what)) faults.set(id, what.fault);
    else if (usable.length >= maxSchedules) faults.set(id, `there are at most ${maxSchedules} of them`);
    else if (other !== null) faults.set(id, `overlaps schedule ${other.id}`);
    else usable.push({ id, rule, what });
  }
  return { usable, faults };
}

const overlapping = <T>(rule: Rule, others: readonly Schedule<T>[], now: number): Schedule<T> | null =>
  others.find(other => overlaps(rule, other.rule, now)) ?? null;

/** `others`: the rows that this one may not overlap; throws a `conflict` that names the overlapping one. */
export function refuseOverlap(texts: RuleTexts, others: readonly (RuleTexts & { id: number })[], now: number): void {
  if (others.length >= maxSchedules)
    throw errors.conflict(`There are ${others.length} schedules already; there may be ${maxSchedules}.`);
  const rule = parseRule(texts);
  if ('field' in rule) return;
  const { usable } = compileSchedules(
    others.map(({ id, weekdays, start_time, end_time, zone }) => ({
      ...{ id, weekdays, start_time, end_time, zone },
      what: null,
    })),
    now,
  );
  const other = overlapping(rule, usable, now);
  if (other === null) return;
  const shown = others.find(({ id }) => id === other.id) ?? texts;
  throw errors.conflict(
    `It would overlap schedule ${other.id} (${shown.weekdays} ${shown.start_time}-${shown.end_time} ${shown.zone}); ` +
      'of two that hold at once none could be said to win.',
    'weekdays',
  );
}

export interface Holding<T> {
  /** The schedule that holds now; null if none does. */
  readonly schedule: Schedule<T> | null;
  /** The time at which the result may change. */
  readonly until: number;
}

/** Returns the schedule that holds at a moment, of schedules that exclude each other. */
export function holdingAt<T>(schedules: readonly Schedule<T>[], now: number): Holding<T> {
  let until = Number.POSITIVE_INFINITY;
  for (const schedule of schedules) {
    const state = stateAt(schedule.rule, now);
    if (state.isOpen) return { schedule, until: state.until };
    until = Math.min(until, state.until);
  }
  return { schedule: null, until };
}

export const previewMs = 7 * 86_400_000;

export interface PreviewedWindow<T> {
  readonly schedule: Schedule<T>;
  /** Moments in UTC; the start of an open window is before `from`. */
  readonly start: string;
  readonly end: string;
  /** The local time of the schedule's zone at that moment. */
  readonly local_start: string;
  readonly local_end: string;
}

/** Returns the windows of the next seven days, in order of time. */
export function preview<T>(schedules: readonly Schedule<T>[], from: number): PreviewedWindow<T>[] {
  const windows = schedules.flatMap(schedule =>
    windowsBetween(schedule.rule, from, from + previewMs).map(({ start, end }) => ({
      schedule,
      start: new Date(start).toISOString(),
      end: new Date(end).toISOString(),
      local_start: localTime(schedule.rule, start),
      local_end: localTime(schedule.rule, end),
    })),
  );
  return windows.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.schedule.id - b.schedule.id));
}

/** Returns a text such as `2026-11-27T18:00:00+08:00`. */
function localTime({ zone }: Rule, moment: number): string {
  const offset = zone.offsetAt(moment);
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  const sign = offset < 0 ? '-' : '+';
  const clock = new Date(moment + offset).toISOString().slice(0, 19);
  return `${clock}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
