/** Wires what a scrape of the metrics reads of a gateway. */
import type { FleetShown } from './domain/shown/fleet.ts';
import type { OpenEdition } from './edition/edition.ts';
import type { PoolView } from './gateway/pool/view/pool-view.ts';
import type { PoolsView } from './gateway/pool/view/pools-view.ts';
import type { FrontDoor } from './http/door/front-door.ts';
import { type Self, watchedFleet } from './self.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Tracing } from './telemetry/tracing/tracing.ts';
import type { Watched } from './telemetry/watched.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

interface WatchedParts {
  readonly view: PoolsView;
  readonly edition: OpenEdition;
  readonly door: FrontDoor;
  readonly logger: Logger;
  readonly self: Self;
  readonly fleet: () => FleetShown;
  readonly tracing: Tracing | null;
  /** Between a member of a fleet and its conductor. */
  readonly rttMs: () => number | null;
  readonly upstreams: Pick<Upstreams, 'endpoints' | 'names'>;
}

export function watched({
  view,
  edition,
  door,
  logger,
  self,
  fleet,
  tracing,
  rttMs,
  upstreams,
}: WatchedParts): Watched {
  const ofFleet = () => watchedFleet(fleet(), self, rttMs());
  // The seats of a fleet are its conductor's, so that sums over all gateways are right.
  const pools = (): readonly PoolView[] => (ofFleet()?.isConductor === false ? [] : view.pools);
  return {
    pools: () => pools().map(pool => pool.stats()),
    seatsWanted: () => pools().map(pool => ({ pool: pool.name, levels: pool.seatsWanted() })),
    shares: () => pools().map(pool => ({ pool: pool.name, shares: pool.shares() })),
    snapshot: () => snapshotOf(edition),
    isDatabaseUp: () => edition.condition().isUp,
    droppedLogLines: () => logger.dropped,
    connections: () => door.connections.stats(),
    endpoints: () => endpointsOf(upstreams),
    fleet: ofFleet,
    spans: () => tracing?.spans() ?? null,
  };
}

const endpointsOf = (upstreams: WatchedParts['upstreams']) =>
  upstreams
    .names()
    .flatMap(provider =>
      upstreams.endpoints(provider).map(endpoint => ({ ...endpoint, provider, isUp: endpoint.state === 'up' })),
    );

export const seatsInUse = (view: PoolsView): number => view.stats().reduce((seats, pool) => seats + pool.in_use, 0);

function snapshotOf({ mappings }: OpenEdition): ReturnType<Watched['snapshot']> {
  const status = mappings?.mapper.status();
  return status?.ageMs == null ? null : { mappings: status.usable, ageMs: status.ageMs };
}
