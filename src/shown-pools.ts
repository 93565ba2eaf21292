/** Wires what operators see of pools and providers: those of this gateway or, in a fleet, those of all gateways. */
import type { ProviderConfig } from './config/config.ts';
import { type Clock, momentOf } from './domain/clock.ts';
import type { ShownEndpoint } from './domain/shown/live.ts';
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
import type { EndpointSeen, Upstreams } from './upstreams/upstreams.ts';

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

/** Returns how many requests run at an endpoint; null: that is not known. */
type InUse = (provider: string, endpoint: string) => number | null;

export interface ShownPools {
  readonly pools: WatchedPools;
  /** Asks who grants the seats: in a fleet, for the requests of all its gateways. */
  readonly inUse: () => Promise<InUse>;
  readonly providers: ProviderService['list'];
}

export function showPools(parts: ShownPoolsParts): ShownPools {
  const { providers, stored, clock, self, desks, view, seats, healths, seatsOf, upstreams } = parts;
  const poolOf = (provider: string) => providers().find(({ name }) => name === provider)?.pool ?? '';
  const tallyOf = (provider: string) => healths.tally(provider);
  const closuresOf = (provider: string) => deskOf(desks, poolOf(provider)).view.closedOf(provider);
  const list = ({ tallyOf, closuresOf }: Omit<ProvidersSeen, 'fleet'>, inUse: InUse) => ({
    providers: shownProviders({
      providers: providers(),
      sourceOf: name => (stored?.live.effective.stored.has(name) ? 'database' : 'file'),
      faultOf: name => stored?.live.effective.faults.get(name)?.join('; ') ?? null,
      healthOf: provider => healthOf(tallyOf(provider), clock),
      seatsOf,
      closuresOf: ({ name }) => closuresOf(name),
      endpointsOf: provider =>
        upstreams
          .endpoints(provider)
          .map(endpoint => shownEndpoint(endpoint, { clock, inUse: inUse(provider, endpoint.id) })),
    }),
  });
  if (seats === null) {
    const pools = ownPools(view);
    const inUse = inUseIn(pools);
    return { pools, inUse, providers: async () => list({ tallyOf, closuresOf }, await inUse()) };
  }
  const tallies = () => providers().map(({ name }) => ({ provider: name, tally: tallyOf(name) }));
  const pools = new FleetPools({ self, clock, view, tallies, closuresOf, fleet: seats.seenFleet });
  seats.shownBy(pools);
  const inUse = inUseIn(pools);
  const ofFleet = async () => {
    const [{ fleet, ...seen }, used] = await Promise.all([pools.providers(), inUse()]);
    return { ...list(seen, used), fleet };
  };
  return { pools, inUse, providers: ofFleet };
}

const inUseIn =
  (pools: WatchedPools): ShownPools['inUse'] =>
  async () => {
    await pools.refresh();
    const seen = pools.live(() => null).pools.flatMap(({ endpoints = [] }) => endpoints);
    const byName = new Map(seen.map(({ provider, id, in_use }) => [JSON.stringify([provider, id]), in_use]));
    return (provider, endpoint) => byName.get(JSON.stringify([provider, endpoint])) ?? null;
  };

export const shownEndpoint = (
  { firstByteMs, since, ...seen }: EndpointSeen,
  { clock, inUse }: { readonly clock: Clock; readonly inUse: number | null },
): ShownEndpoint => ({ ...seen, since: momentOf(clock, since), in_use: inUse, first_byte_ms: firstByteMs });
