import { errors } from '../errors.ts';

/**
 * Returns an RFC 3339 moment as the UTC text that rows hold. Throws for days that do not exist, such as February 30.
 */
export function parseInstant(text: string, param: string): string {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  const ms = Date.parse(text);
  const isDay = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
  if (Number.isNaN(ms) || !isDay) throw errors.invalidRequest(`${param}: there is no such moment.`, param);
  const iso = new Date(ms).toISOString();
  if (!/^(?!0000)\d{4}-/.test(iso)) throw errors.invalidRequest(`${param} must lie in the years 0001 to 9999.`, param);
  return iso;
}
