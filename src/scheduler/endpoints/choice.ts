/** Chooses where a request goes whose turn it is: fairness has decided who is next, this decides only where to. */
import type { Endpoint } from './endpoint.ts';

interface Chooser {
  /** IDs of endpoints that have failed for it. */
  readonly avoid: readonly string[];
}

/**
 * Returns the endpoint with the freest share of its seats; of equal ones, the one that was given a request least recently.
 * Those to be avoided are chosen only if no others are up. Null: none that it may go to has a free seat.
 */
export function chooseEndpoint(endpoints: readonly Endpoint[], { avoid }: Chooser): Endpoint | null {
  const only = endpoints[0];
  // The usual case.
  if (only !== undefined && endpoints.length === 1) return only.hasRoom ? only : null;
  let best: Endpoint | null = null;
  for (const endpoint of possible(endpoints, avoid))
    if (endpoint.hasRoom && (best === null || isBefore(endpoint, best))) best = endpoint;
  return best;
}

/** Whether one that it may go to is up, with or without a free seat. */
const isAnyUp = (endpoints: readonly Endpoint[]): boolean => endpoints.some(({ isUp }) => isUp);

function possible(endpoints: readonly Endpoint[], avoid: readonly string[]): readonly Endpoint[] {
  if (avoid.length === 0) return endpoints;
  const others = endpoints.filter(({ id }) => !avoid.includes(id));
  return isAnyUp(others) ? others : endpoints;
}

function isBefore(a: Endpoint, b: Endpoint): boolean {
  const difference = a.inUse * b.seats - b.inUse * a.seats;
  return difference < 0 || (difference === 0 && a.givenAt < b.givenAt);
}
