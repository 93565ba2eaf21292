/** Wires what drains an endpoint by hand, in all processes of this gateway. */
import type { Clock } from './domain/clock.ts';
import { errors } from './domain/errors.ts';
import type { EndpointChange, Peers } from './domain/peers.ts';
import type { ShownEndpoint } from './domain/shown/live.ts';
import type { ProviderService } from './http/admin/pools/providers.ts';
import { type ShownPools, shownEndpoint } from './shown-pools.ts';
import type { Events } from './telemetry/events.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

interface DrainParts {
  readonly upstreams: Pick<Upstreams, 'endpoints' | 'drain' | 'resume'>;
  readonly clock: Clock;
  readonly peers: Peers | null;
  readonly events: Pick<Events, 'endpointDrained'>;
  readonly inUse: ShownPools['inUse'];
}

export function endpointDrains(parts: DrainParts): Pick<ProviderService, 'drain' | 'resume'> {
  const { upstreams, clock, peers, events, inUse } = parts;
  const change = async (change: EndpointChange, actor: string): Promise<ShownEndpoint> => {
    const { provider, endpoint, isDrained } = change;
    applied(change, upstreams);
    peers?.tell(change);
    events.endpointDrained({ provider, endpoint, isDrained, actor });
    const used = await inUse();
    const seen = upstreams.endpoints(provider).find(({ id }) => id === endpoint);
    if (seen === undefined) throw errors.notFound('The endpoint is gone.');
    return shownEndpoint(seen, { clock, inUse: used(provider, endpoint) });
  };
  return {
    drain: (provider, endpoint, actor) => change({ of: 'endpoint', provider, endpoint, isDrained: true }, actor),
    resume: (provider, endpoint, actor) => change({ of: 'endpoint', provider, endpoint, isDrained: false }, actor),
  };
}

/** Another process of this gateway has drained or resumed it; it may not have been found here yet. */
export function hearOfDrain(change: EndpointChange, upstreams: DrainParts['upstreams']): void {
  if (upstreams.endpoints(change.provider).some(({ id }) => id === change.endpoint)) applied(change, upstreams);
}

/** Throws `not_found`. */
function applied({ provider, endpoint, isDrained }: EndpointChange, upstreams: DrainParts['upstreams']): void {
  if (isDrained) upstreams.drain(provider, endpoint);
  else upstreams.resume(provider, endpoint);
}
