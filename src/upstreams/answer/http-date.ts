/**
 * Dates of HTTP headers (RFC 9110, 5.6.7). All of them are UTC, also the form that names no zone; Date.parse would take
 * that one for the time of this machine.
 *
 *   Sun, 06 Nov 1994 08:49:37 GMT      what is to be sent
 *   Sunday, 06-Nov-94 08:49:37 GMT     RFC 850
 *   Sun Nov  6 08:49:37 1994           asctime()
 *
 * Zones count as RFC 5322 (4.3) has them: offsets and the names of North America as they say, any other name as UTC.
 */
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const zoneHours: Readonly<Record<string, number>> = {
  edt: -4,
  est: -5,
  cdt: -5,
  cst: -6,
  mdt: -6,
  mst: -7,
  pdt: -7,
  pst: -8,
};

const day = '(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}';
const month = `(?<month>${months.join('|')})[a-z]{0,6}`;
const time = '(?<hours>\\d{1,2}):(?<minutes>\\d{2})(?::(?<seconds>\\d{2}))?';
const zone = '(?<zone>[a-z]{1,5}|[+-]\\d{4})';
const forms = [
  new RegExp(`^${day}, ?(?<date>\\d{1,2})[ -]${month}[ -](?<year>\\d{4}|\\d{2}) ${time}(?: ${zone})?$`, 'i'),
  new RegExp(`^${day} ${month} {1,2}(?<date>\\d{1,2}) ${time}(?: ${zone})? (?<year>\\d{4})$`, 'i'),
];
const longest = 64;

/** Returns milliseconds since 1970; null if the text is no date. `now` decides the century of two-digit years. */
export function httpDateMs(text: string, now: Date): number | null {
  if (text.length > longest) return null;
  for (const form of forms) {
    const parts = form.exec(text)?.groups;
    if (parts !== undefined) return momentOf(parts, now);
  }
  return null;
}

function momentOf(parts: Readonly<Record<string, string | undefined>>, now: Date): number | null {
  const { year = '', month = '', date, hours, minutes, seconds = 0, zone = '' } = parts;
  const given = [fullYear(year, now), months.indexOf(month.toLowerCase()), Number(date)] as const;
  const clock = [Number(hours), Number(minutes), Number(seconds)] as const;
  const midnight = new Date(Date.UTC(...given));
  const isDay =
    midnight.getUTCFullYear() === given[0] && midnight.getUTCMonth() === given[1] && midnight.getUTCDate() === given[2];
  // A leap second counts as the one after it.
  if (!isDay || clock[0] > 23 || clock[1] > 59 || clock[2] > 60) return null;
  const offset = offsetMinutes(zone.toLowerCase());
  return midnight.getTime() + ((clock[0] * 60 + clock[1] - offset) * 60 + clock[2]) * 1000;
}

/** A year more than 50 years ahead means the past. */
function fullYear(year: string, now: Date): number {
  if (year.length === 4) return Number(year);
  const thisYear = now.getUTCFullYear();
  const ofThisCentury = thisYear - (thisYear % 100) + Number(year);
  return ofThisCentury > thisYear + 50 ? ofThisCentury - 100 : ofThisCentury;
}

function offsetMinutes(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d)$/.exec(zone) ?? [];
  if (sign === undefined) return (zoneHours[zone] ?? 0) * 60;
  return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
}
