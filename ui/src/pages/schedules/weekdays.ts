import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { NewSchedule } from '../../api/schedules.ts';

/** The names of the API, Monday first. */
export const weekdayNames = [
  'mon',
  'tue',
  'wed',
  'thu',
  'fri',
  'sat',
  'sun',
] as const satisfies readonly NewSchedule['weekdays'][number][];

/** 2024 began on a Monday. */
const monday = Date.UTC(2024, 0, 1);
const dayMs = 86_400_000;

/** In the reader's language, Monday first. */
export function useWeekdays(length: 'short' | 'long'): readonly string[] {
  const { i18n } = useTranslation();
  return useMemo(() => {
    const format = new Intl.DateTimeFormat(i18n.language, { weekday: length, timeZone: 'UTC' });
    return weekdayNames.map((_name, day) => format.format(monday + day * dayMs));
  }, [i18n.language, length]);
}

/** Returns `Mon–Fri, Sun`; an unknown name stays unchanged. */
export function weekdaysText(names: readonly string[], shown: readonly string[]): string {
  const isDay = (name: string) => weekdayNames.some(known => known === name);
  const days = weekdayNames.flatMap((name, day) => (names.includes(name) ? [day] : []));
  const runs: number[][] = [];
  for (const day of days) {
    const last = runs.at(-1);
    if (last?.at(-1) === day - 1) last.push(day);
    else runs.push([day]);
  }
  const text = (day: number | undefined) => shown[day ?? 0] ?? '';
  const runText = (run: readonly number[]): string => {
    if (run.length > 2) return `${text(run[0])}–${text(run.at(-1))}`;
    return run.map(text).join(', ');
  };
  return [...runs.map(runText), ...names.filter(name => !isDay(name))].join(', ');
}
