/** The rules for a boost in a request; throws `invalid_request` with the field. */
import { errors } from '../../domain/errors.ts';
import { isLevel } from '../../domain/vocabulary.ts';
import { isPrintable } from '../matching/pattern.ts';
import type { Boost } from '../matching/timing.ts';

export interface NewBoost {
  readonly priority: number;
  /** Exactly one of both: a moment (RFC 3339), or whole seconds from now on. */
  readonly until?: string | undefined;
  readonly for?: number | undefined;
  readonly reason: string;
}

/** A boost is for a while; what is to last longer belongs into the mapping. */
const maxBoostSec = 31 * 86_400;
export const maxReasonLength = 500;

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;
const untilAllowed = `until must be a moment with its zone, such as 2030-01-31T18:00:00+08:00`;

/** The moment at which it ends, in ms since 1970. */
function endOf({ until, for: seconds }: NewBoost, now: number): number {
  if (until !== undefined && seconds !== undefined)
    throw errors.invalidRequest('Send until or for, not both.', 'until');
  if (seconds !== undefined) {
    if (Number.isInteger(seconds) && seconds >= 1 && seconds <= maxBoostSec) return now + seconds * 1_000;
    throw errors.invalidRequest(`for must be a whole number of seconds from 1 to ${maxBoostSec}.`, 'for');
  }
  if (until === undefined) throw errors.invalidRequest('Send until (a moment) or for (seconds).', 'until');
  const moment = momentOf(until);
  if (moment === null) throw errors.invalidRequest(`${untilAllowed}.`, 'until');
  if (moment <= now) throw errors.invalidRequest(`until must lie in the future; now is ${iso(now)}.`, 'until');
  if (moment - now > maxBoostSec * 1_000)
    throw errors.invalidRequest(
      `until must be at most ${maxBoostSec / 86_400} days ahead: ${iso(now + maxBoostSec * 1_000)}.`,
      'until',
    );
  return moment;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** Null: not RFC 3339, or a day or an hour that does not exist. */
function momentOf(text: string): number | null {
  const [, year, month, day, hour] = rfc3339.exec(text)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined || hour === undefined || hour > 23) return null;
  const isDay = new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
  const moment = Date.parse(text.toUpperCase().replace(' ', 'T'));
  return isDay && !Number.isNaN(moment) ? moment : null;
}

/** Returns the requested boost as it would be stored; throws its faults. */
export function boostOf(asked: NewBoost, { now, actor }: { now: number; actor: string }): Boost {
  const { priority, reason } = asked;
  if (!isLevel(priority)) throw errors.invalidRequest('priority must be a whole number from 0 (best) to 9', 'priority');
  checkReason(reason);
  return { priority, until: endOf(asked, now), reason, createdBy: actor };
}

function checkReason(reason: string): void {
  const length = [...reason].length;
  if (reason.trim() === '' || length > maxReasonLength || !isPrintable(reason))
    throw errors.invalidRequest(
      `reason must be 1 to ${maxReasonLength} characters that say why, without control characters.`,
      'reason',
    );
}
