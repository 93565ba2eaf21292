/**
 * Which endpoint is warm for a request, as its cache has what the request begins with.
 *
 *   session   the home of its hash, by rendezvous hashing: each endpoint has a score for the hash, and the highest wins. If an
 *             endpoint goes, only its own requests move, each to the next in its ranking; they return when it does. An
 *             endpoint with twice the seats is the home of twice as many (weighted scores: Schindelhauer, Schomaker 2005).
 *   prefix    the endpoint that served its longest known beginning last; if none is known, the home of the shortest one.
 *
 * The load is bounded (Mirrokni, Thorup, Zadimoghaddam 2018): an endpoint takes at most 1.25 times its share of the requests
 * in progress, rounded up. A request whose endpoint has that many goes to the next. The freest endpoint is always below the
 * bound, so no request waits for a warm one.
 */
import type { Warmth } from '../../domain/warmth.ts';
import type { Endpoint } from './endpoint.ts';
import { scoreOf } from './rendezvous.ts';
import type { ServedPrefixes } from './served-prefixes.ts';

type Allows = (endpoint: Endpoint) => boolean;

/** Says whether an endpoint may take one more request within the bound and its seats. */
export function withinBound(endpoints: readonly Endpoint[]): Allows {
  let inUse = 0;
  let seats = 0;
  for (const endpoint of endpoints) {
    if (!endpoint.isUp) continue;
    inUse += endpoint.inUse;
    seats += endpoint.seats;
  }
  // Whole numbers up to the one division, so that a bound that is whole is not rounded up.
  const mostOf = (own: number) => Math.ceil((5 * (inUse + 1) * own) / (4 * seats));
  return endpoint => endpoint.hasRoom && endpoint.inUse < mostOf(endpoint.seats);
}

/** Returns the allowed endpoint that has served the longest known beginning; null: there is none. */
export function lastServed(
  endpoints: readonly Endpoint[],
  { by, hashes }: Warmth,
  served: ServedPrefixes | null,
  allows: Allows,
): Endpoint | null {
  if (by !== 'prefix' || served === null) return null;
  for (let nth = hashes.length - 1; nth >= 0; nth--) {
    const endpoint = served.find(hashes[nth] ?? 0);
    if (endpoint !== null && allows(endpoint) && endpoints.includes(endpoint)) return endpoint;
  }
  return null;
}

/** Returns the highest ranked of the allowed endpoints; null: none is allowed, or the request has no hash. */
export function highestRanked(endpoints: readonly Endpoint[], { hashes }: Warmth, allows: Allows): Endpoint | null {
  const [hash] = hashes;
  let best: Endpoint | null = null;
  let highest = 0;
  if (hash === undefined) return best;
  for (const endpoint of endpoints) {
    if (!allows(endpoint)) continue;
    const score = scoreOf(hash, endpoint);
    if (score <= highest) continue;
    best = endpoint;
    highest = score;
  }
  return best;
}
