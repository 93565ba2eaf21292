import type { TFunction } from 'i18next';
import { fullText } from '../../parts/moment.tsx';

const isMoment = (text: string): boolean => /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/.test(text);

/** Formats a field's value for reading: moments in local time, yes and no, `P3`. */
export function valueText(field: string, value: unknown, t: TFunction, language: string): string {
  if (value === undefined || value === null || value === '') return '–';
  if (field === 'priority') return `P${String(value)}`;
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no');
  if (typeof value !== 'string') return JSON.stringify(value);
  return isMoment(value) ? fullText(new Date(value), language) : value;
}
