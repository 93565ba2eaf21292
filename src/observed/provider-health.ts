import { type Clock, momentOf } from '../domain/clock.ts';
import type { ProviderHealth } from '../domain/live.ts';
import { isProviderStatus, type Outcome } from '../domain/outcome.ts';

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

  of(provider: string): ProviderHealth {
    const {
      ring = [],
      lastSuccessAt = null,
      lastFailureAt = null,
      lastFailure = null,
    } = this.#seen.get(provider) ?? {};
    const oldest = Math.floor(this.#clock.now() / sliceMs) - slices + 1;
    let requests = 0;
    let failures = 0;
    for (const slice of ring) {
      if (slice.number < oldest) continue;
      requests += slice.requests;
      failures += slice.failures;
    }
    const isLastFailed = (lastFailureAt ?? Number.NEGATIVE_INFINITY) > (lastSuccessAt ?? Number.NEGATIVE_INFINITY);
    const isFailing = isLastFailed || failures * 2 >= requests;
    return {
      state: requests === 0 ? 'unknown' : isFailing ? 'failing' : 'ok',
      last_success_at: this.#dateOf(lastSuccessAt),
      last_failure_at: this.#dateOf(lastFailureAt),
      last_failure: lastFailure,
      requests,
      failures,
    };
  }

  #begin(provider: string): Seen {
    const ring = Array.from({ length: slices }, () => ({ number: -1, requests: 0, failures: 0 }));
    const seen = { ring, lastSuccessAt: null, lastFailureAt: null, lastFailure: null };
    this.#seen.set(provider, seen);
    return seen;
  }

  #dateOf(time: number | null): string | null {
    return time === null ? null : momentOf(this.#clock, time);
  }
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
