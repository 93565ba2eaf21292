import type { EndpointUse } from '../../../domain/endpoint.ts';
import { type LivePool, mostEndpointsShown } from '../../../domain/shown/live.ts';

/** The endpoints of a pool, as operators are shown them. */
export function shownEndpoints(endpoints: readonly EndpointUse[]): Pick<LivePool, 'endpoints'> {
  if (endpoints.length === 0) return {};
  const shown = endpoints.slice(0, mostEndpointsShown);
  return { endpoints: shown.map(({ provider, id, seats, inUse }) => ({ provider, id, seats, in_use: inUse })) };
}
