/** Wires what operators see of pools and providers: those of this gateway or, in a fleet, those of all gateways. */
import type { ProviderConfig } from './config/config.ts';
import type { Clock } from './domain/clock.ts';
import { shownEndpoint } from './drained-endpoints.ts';
import { FleetPools, type ProvidersSeen } from './gateway/fleet/fleet-pools.ts';
import type { FleetSeats } from './gateway/fleet/fleet-seats.ts';
import type { PoolDesk } from './gateway/pool/pool-desk.ts';
import type { PoolsView } from './gateway/pool/view/pools-view.ts';
import type { ProviderService } from './http/admin/pools/providers.ts';
import { shownProviders } from './http/admin/pools/shown-providers.ts';
import { ownPools, type WatchedPools } from './http/admin/pools/watched-pools.ts';
import { healthOf, type ProviderHealths } from './observed/provider-health.ts';
import { deskOf } from './pools.ts';
import type { StoredProviders } from './providers/providers.ts';
import type { Self } from './self.ts';
import type { Upstreams } from './upstreams/upstreams.ts';

export interface ShownPoolsParts {
  /** Those in service. */
  readonly providers: () => readonly ProviderConfig[];
  /** Null: all are those of the file. */
  readonly stored: StoredProviders | null;
  readonly clock: Clock;
  readonly self: Self;
  readonly desks: ReadonlyMap<string, PoolDesk>;
  readonly view: PoolsView;
  readonly seats: FleetSeats | null;
  readonly healths: ProviderHealths;
  readonly seatsOf: (pool: string) => number;
  readonly upstreams: Pick<Upstreams, 'endpoints'>;
}

export interface ShownPools {
  readonly pools: WatchedPools;
  readonly providers: ProviderService['list'];
}

export function showPools(parts: ShownPoolsParts): ShownPools {
  const { providers, stored, clock, self, desks, view, seats, healths, seatsOf, upstreams } = parts;
  const poolOf = (provider: string) => providers().find(({ name }) => name === provider)?.pool ?? '';
  const tallyOf = (provider: string) => healths.tally(provider);
  const closuresOf = (provider: string) => deskOf(desks, poolOf(provider)).view.closedOf(provider);
  const list = ({ tallyOf, closuresOf }: Omit<ProvidersSeen, 'fleet'>, inUse: InUse) => ({
    stores_keys: stored?.storesKeys === true,
    providers: shownProviders({
      providers: providers(),
      sourceOf: name => (stored?.live.effective.stored.has(name) ? 'database' : 'file'),
      faultOf: name => stored?.live.effective.faults.get(name)?.join('; ') ?? null,
      healthOf: provider => healthOf(tallyOf(provider), clock),
      seatsOf,
      closuresOf: ({ name }) => closuresOf(name),
      endpointsOf: provider =>
        upstreams.endpoints(provider).map(endpoint => ({
          ...shownEndpoint(endpoint, clock),
          in_use: inUse.get(`${provider} ${endpoint.id}`) ?? null,
        })),
    }),
  });
  if (seats === null) {
    const own = ownPools(view);
    return { pools: own, providers: async () => list({ tallyOf, closuresOf }, await inUseIn(own)) };
  }
  const tallies = () => providers().map(({ name }) => ({ provider: name, tally: tallyOf(name) }));
  const pools = new FleetPools({ self, clock, view, tallies, closuresOf, fleet: seats.seenFleet });
  seats.shownBy(pools);
  const ofFleet = async () => {
    const { fleet, ...seen } = await pools.providers();
    return { ...list(seen, await inUseIn(pools)), fleet };
  };
  return { pools, providers: ofFleet };
}

/** The seats in use by provider and endpoint. */
type InUse = ReadonlyMap<string, number>;

/** Nothing where the gateway that knows does not answer. */
async function inUseIn(pools: WatchedPools): Promise<InUse> {
  const isKnown = await Promise.resolve(pools.refresh()).then(
    () => true,
    () => false,
  );
  if (!isKnown) return new Map();
  const endpoints = pools.live(() => null).pools.flatMap(pool => pool.endpoints ?? []);
  return new Map(endpoints.map(({ provider, id, in_use }) => [`${provider} ${id}`, in_use]));
}
