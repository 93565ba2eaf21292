/** Chooses where a request goes whose turn it is: fairness has decided who is next, this decides only where to. */
import type { AffinityResult, Warmth } from '../../domain/warmth.ts';
import type { Endpoint } from './endpoint.ts';
import type { ServedPrefixes } from './served-prefixes.ts';
import { highestRanked, lastServed, withinBound } from './warm.ts';

/** Where a request may go. */
export interface Chooser {
  /** IDs of endpoints that have failed for it. */
  readonly avoid: readonly string[];
  /** IDs of endpoints that take nothing of its model. */
  readonly shut: readonly string[];
  /** Null or absent: all endpoints are the same to it. */
  readonly warmth?: Warmth | null;
}

/** `closed`: all that it may go to have closed its model; `full`: none of the others has a free seat. */
export type Room = 'open' | 'full' | 'closed';

/**
 * Returns the endpoint that is warm for the request (warm.ts), or else the one with the freest share of its seats; of equal
 * ones, the one that was given a request least recently. Those to be avoided are chosen only if no others are up; those that
 * are shut never. Null: none that it may go to has a free seat.
 */
export function chooseEndpoint(
  endpoints: readonly Endpoint[],
  { avoid, shut, warmth = null }: Chooser,
  served: ServedPrefixes | null,
): Endpoint | null {
  const [only] = endpoints;
  // The usual case.
  if (only !== undefined && endpoints.length === 1 && shut.length === 0) return only.hasRoom ? only : null;
  const allowed = without(possible(endpoints, avoid), shut);
  if (warmth === null) return freest(allowed);
  const mayTake = withinBound(endpoints);
  return lastServed(allowed, warmth, served, mayTake) ?? highestRanked(allowed, warmth, mayTake) ?? freest(allowed);
}

/** Whether the endpoint is the warm one, of those that are up; to be asked before it is noted as the last that served. */
export function affinityAt(
  endpoint: Endpoint,
  endpoints: readonly Endpoint[],
  warmth: Warmth,
  served: ServedPrefixes | null,
): AffinityResult {
  const isUp = (one: Endpoint) => one.isUp;
  const warm =
    warmth.by === 'session' ? highestRanked(endpoints, warmth, isUp) : lastServed(endpoints, warmth, served, isUp);
  if (warm === null) return 'none';
  return warm === endpoint ? 'warm' : 'moved';
}

export function roomAt(endpoints: readonly Endpoint[], { avoid, shut }: Chooser): Room {
  const allowed = possible(endpoints, avoid);
  if (without(allowed, shut).some(({ hasRoom }) => hasRoom)) return 'open';
  return shut.length > 0 && isShut(allowed, shut) ? 'closed' : 'full';
}

/** Whether all that are up have closed the model. */
const isShut = (endpoints: readonly Endpoint[], shut: readonly string[]): boolean =>
  isAnyUp(endpoints) && !isAnyUp(without(endpoints, shut));

function freest(endpoints: readonly Endpoint[]): Endpoint | null {
  let best: Endpoint | null = null;
  for (const endpoint of endpoints)
    if (endpoint.hasRoom && (best === null || isBefore(endpoint, best))) best = endpoint;
  return best;
}

/** Whether one that it may go to is up, with or without a free seat. */
const isAnyUp = (endpoints: readonly Endpoint[]): boolean => endpoints.some(({ isUp }) => isUp);

/** Those to be avoided are among them only if no others are up. */
export function possible(endpoints: readonly Endpoint[], avoid: readonly string[]): readonly Endpoint[] {
  if (avoid.length === 0) return endpoints;
  const others = without(endpoints, avoid);
  return isAnyUp(others) ? others : endpoints;
}

const without = (endpoints: readonly Endpoint[], ids: readonly string[]): readonly Endpoint[] =>
  ids.length === 0 ? endpoints : endpoints.filter(({ id }) => !ids.includes(id));

function isBefore(a: Endpoint, b: Endpoint): boolean {
  const difference = a.inUse * b.seats - b.inUse * a.seats;
  return difference < 0 || (difference === 0 && a.givenAt < b.givenAt);
}
