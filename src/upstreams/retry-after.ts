/**
 * When an upstream that has no room asks to be asked again: `retry-after-ms`, or `Retry-After` as seconds
 * or as an HTTP date. A date is taken against the upstream's own clock, where it tells its time, so
 * that clocks which differ do no harm.
 */
type Headers = Readonly<Record<string, string | string[] | undefined>>;

const decimal = /^\d+(?:\.\d+)?$/;

/** Milliseconds from now, 0 where the time is over already; null where nothing readable is said. */
export function retryAfterMs(headers: Headers, now: Date): number | null {
  const inMs = text(headers['retry-after-ms']);
  if (decimal.test(inMs)) return Number(inMs);
  const given = text(headers['retry-after']);
  if (decimal.test(given)) return Number(given) * 1000;
  const until = httpDate(given);
  if (until === null) return null;
  return Math.max(until - (httpDate(text(headers.date)) ?? now.getTime()), 0);
}

const text = (value: string | string[] | undefined): string => (typeof value === 'string' ? value.trim() : '');

/** Dates begin with the name of a day; Date.parse alone would take nearly anything for a date. */
const dayName = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/;

function httpDate(value: string): number | null {
  const time = dayName.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
