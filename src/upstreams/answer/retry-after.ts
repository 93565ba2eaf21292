/**
 * The time after which an upstream without room asks for a retry: `retry-after-ms`, or `Retry-After` as seconds or as
 * an HTTP date. A date is compared with the upstream's own clock, if it sends its time, so that a difference of clocks
 * does not matter.
 */
import type { Clock } from '../../domain/clock.ts';
import { type FailedCall, isBusy, isFailed } from '../failed-call.ts';
import { httpDateMs } from './http-date.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const decimal = /^\d+(?:\.\d+)?$/;

/** The failure that an answer's head reports, and when to come back; null: none. */
export function failureIn(status: number, headers: Headers, clock: Pick<Clock, 'date'>): FailedCall | null {
  if (!isFailed(status)) return null;
  return { kind: 'status', status, retryAfterMs: isBusy(status) ? retryAfterMs(headers, clock.date()) : null };
}

/** Milliseconds from now, 0 where the time is over already; null where nothing readable is said. */
export function retryAfterMs(headers: Headers, now: Date): number | null {
  const inMs = text(headers['retry-after-ms']);
  if (decimal.test(inMs)) return Number(inMs);
  const given = text(headers['retry-after']);
  if (decimal.test(given)) return Number(given) * 1000;
  const until = httpDateMs(given, now);
  if (until === null) return null;
  return Math.max(until - (httpDateMs(text(headers.date), now) ?? now.getTime()), 0);
}

const text = (value: string | string[] | undefined): string => (typeof value === 'string' ? value.trim() : '');
