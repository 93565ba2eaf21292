/** A rule of time in the form of the rows and the admin API. */
import { type Zone, zoneNamed } from './zone.ts';

export const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdayNames)[number];

/** The texts of a row. */
export interface RuleTexts {
  readonly weekdays: string;
  readonly start_time: string;
  readonly end_time: string;
  readonly zone: string;
}

export interface Rule {
  /** 0 (Monday) to 6: the days on which a window begins. */
  readonly days: ReadonlySet<number>;
  /** Minutes after midnight, on the clocks of the zone. */
  readonly start: number;
  /** Greater than `start`; from 1,440 on it is on the next day. */
  readonly end: number;
  readonly zone: Zone;
}

export interface RuleFault {
  readonly field: 'weekdays' | 'start' | 'end' | 'zone';
  /** Completes the sentence "FIELD must be …". */
  readonly allowed: string;
}

const minutesOfDay = 1_440;
const time = 'a time from 00:00 to 23:59, as HH:MM';
export const ruleAllowed = {
  weekdays: `one or more of ${weekdayNames.join(', ')}, each once`,
  start: time,
  end: `${time}; one that is not after the start is on the next day`,
  zone: 'the name of a time zone, such as Asia/Singapore or UTC',
} as const;

export function parseRule(texts: RuleTexts): Rule | RuleFault {
  const fault = (field: RuleFault['field']) => ({ field, allowed: ruleAllowed[field] });
  const names = weekdaysOf(texts.weekdays);
  const days = new Set(names.map(name => weekdayNames.indexOf(name as Weekday)));
  if (days.has(-1) || days.size !== names.length) return fault('weekdays');
  const start = minutesOf(texts.start_time);
  if (start === null) return fault('start');
  const end = minutesOf(texts.end_time);
  if (end === null) return fault('end');
  const zone = zoneNamed(texts.zone);
  if (zone === null) return fault('zone');
  return { days, start, end: end <= start ? end + minutesOfDay : end, zone };
}

/** Returns the names as they are stored, valid or not. */
export const weekdaysOf = (text: string): string[] => text.split(',').map(name => name.trim().toLowerCase());

/** Spells the weekdays in the order of the week. */
export const spelledWeekdays = (names: readonly string[]): string =>
  names.toSorted((a, b) => weekdayNames.indexOf(a as Weekday) - weekdayNames.indexOf(b as Weekday)).join(',');

function minutesOf(text: string): number | null {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text.trim()) ?? [];
  return hours === undefined ? null : Number(hours) * 60 + Number(minutes);
}
