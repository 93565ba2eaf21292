import { type Clock, momentOf } from '../domain/clock.ts';
import { isProviderStatus, type Outcome } from '../domain/outcome.ts';
import type { ProviderHealth } from '../domain/shown/live.ts';
import { isYounger, noTally, type ProviderTally } from '../domain/shown/provider-tally.ts';

const sliceMs = 30_000;
const slices = 10;

interface Slice {
  number: number;
  requests: number;
  failures: number;
}

interface Seen {
  readonly ring: Slice[];
  lastSuccessAt: number | null;
  lastFailureAt: number | null;
  lastFailure: string | null;
}

/**
 * The health of providers, from the outcomes of requests; there are no health checks. A failure is an upstream that
 * could not be reached, broke off or was too slow, that refused the gateway's own key, had no room, or failed itself. A
 * fault of the request (any other 4xx) shows that it works; an error inside a 200 that is not its own shows neither.
 */
export class ProviderHealths {
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** On the request path. */
  add({ provider, isGranted, outcome, status, upstreamFault }: Outcome): void {
    if (provider === null || !isGranted) return;
    const isAnswered = outcome === 'served' || outcome === 'upstream_error';
    if (!isAnswered && outcome !== 'upstream_failed') return;
    const isOwn = upstreamFault !== null || (outcome === 'upstream_error' && isProviderStatus(status ?? 0));
    const isFailure = outcome === 'upstream_failed' || isOwn;
    if (outcome === 'upstream_error' && !isFailure && (status ?? 0) < 400) return;
    const seen = this.#seen.get(provider) ?? this.#begin(provider);
    const now = this.#clock.now();
    const slice = sliceAt(seen.ring, Math.floor(now / sliceMs));
    slice.requests++;
    if (!isFailure) {
      seen.lastSuccessAt = now;
      return;
    }
    slice.failures++;
    seen.lastFailureAt = now;
    seen.lastFailure = upstreamFault ?? `The upstream answered ${status}.`;
  }

  tally(provider: string): ProviderTally {
    const seen = this.#seen.get(provider);
    if (seen === undefined) return noTally;
    const { ring, lastSuccessAt, lastFailureAt, lastFailure } = seen;
    const now = this.#clock.now();
    const oldest = Math.floor(now / sliceMs) - slices + 1;
    const recent = ring.filter(({ number }) => number >= oldest);
    return {
      requests: recent.reduce((sum, { requests }) => sum + requests, 0),
      failures: recent.reduce((sum, { failures }) => sum + failures, 0),
      successAgeMs: lastSuccessAt === null ? null : now - lastSuccessAt,
      failureAgeMs: lastFailureAt === null ? null : now - lastFailureAt,
      failure: lastFailure,
    };
  }

  #begin(provider: string): Seen {
    const ring = Array.from({ length: slices }, () => ({ number: -1, requests: 0, failures: 0 }));
    const seen = { ring, lastSuccessAt: null, lastFailureAt: null, lastFailure: null };
    this.#seen.set(provider, seen);
    return seen;
  }
}

export function healthOf(tally: ProviderTally, clock: Clock): ProviderHealth {
  const { requests, failures, successAgeMs, failureAgeMs, failure } = tally;
  const dateOf = (ageMs: number | null) => (ageMs === null ? null : momentOf(clock, clock.now() - ageMs));
  const isFailing = isYounger(failureAgeMs, successAgeMs) || failures * 2 >= requests;
  return {
    state: requests === 0 ? 'unknown' : isFailing ? 'failing' : 'ok',
    last_success_at: dateOf(successAgeMs),
    last_failure_at: dateOf(failureAgeMs),
    last_failure: failure,
    requests,
    failures,
  };
}

function sliceAt(ring: Slice[], number: number): Slice {
  const slice = ring[number % slices];
  if (slice === undefined) throw new Error('the ring has all its slices');
  if (slice.number === number) return slice;
  slice.number = number;
  slice.requests = 0;
  slice.failures = 0;
  return slice;
}
