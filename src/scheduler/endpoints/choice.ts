/** Chooses where a request goes whose turn it is: fairness has decided who is next, this decides only where to. */
import type { Endpoint } from './endpoint.ts';

/** Where a request may go. */
export interface Chooser {
  /** IDs of endpoints that have failed for it. */
  readonly avoid: readonly string[];
  /** IDs of endpoints that take nothing of its model. */
  readonly shut: readonly string[];
}

/** `closed`: all that it may go to have closed its model; `full`: none of the others has a free seat. */
export type Room = 'open' | 'full' | 'closed';

/**
 * Returns the endpoint with the freest share of its seats; of equal ones, the one that was given a request least recently.
 * Those to be avoided are chosen only if no others are up; those that are shut never. Null: none that it may go to has
 * a free seat.
 */
export function chooseEndpoint(endpoints: readonly Endpoint[], { avoid, shut }: Chooser): Endpoint | null {
  const only = endpoints[0];
  // The usual case.
  if (only !== undefined && endpoints.length === 1 && shut.length === 0) return only.hasRoom ? only : null;
  let best: Endpoint | null = null;
  for (const endpoint of without(possible(endpoints, avoid), shut))
    if (endpoint.hasRoom && (best === null || isBefore(endpoint, best))) best = endpoint;
  return best;
}

export function roomAt(endpoints: readonly Endpoint[], chooser: Chooser): Room {
  if (chooseEndpoint(endpoints, chooser) !== null) return 'open';
  const { avoid, shut } = chooser;
  return shut.length > 0 && isShut(possible(endpoints, avoid), shut) ? 'closed' : 'full';
}

/** Whether all that are up have closed the model. */
const isShut = (endpoints: readonly Endpoint[], shut: readonly string[]): boolean =>
  isAnyUp(endpoints) && !isAnyUp(without(endpoints, shut));

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
