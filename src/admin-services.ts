/** Wires what the admin routes and the console are answered from. */
import type { Config } from './config/config.ts';
import { answerOf } from './db/answered.ts';
import type { Clock } from './domain/clock.ts';
import type { Peers } from './domain/peers.ts';
import type { FleetShown } from './domain/shown/fleet.ts';
import type { OpenEdition } from './edition/edition.ts';
import type { PoolsView } from './gateway/pool/view/pools-view.ts';
import type { AdminServices } from './http/admin/admin.ts';
import { chosenLevels } from './http/admin/pools/chosen-levels.ts';
import type { ProviderService } from './http/admin/pools/providers.ts';
import type { FrontDoor } from './http/door/front-door.ts';
import type { Health } from './http/ops.ts';
import type { ConsoleService } from './http/server.ts';
import { stepMs } from './observed/wait-window.ts';
import type { ShownPools } from './shown-pools.ts';
import type { Events } from './telemetry/events.ts';
import type { TryUpstream } from './upstreams/upstreams.ts';

interface AdminParts {
  readonly edition: OpenEdition;
  readonly config: Config;
  readonly clock: Clock;
  readonly events: Events;
  readonly door: FrontDoor;
  readonly view: PoolsView;
  readonly shown: ShownPools;
  readonly drains: Pick<ProviderService, 'drain' | 'resume'>;
  readonly health: () => Health;
  readonly fleet: () => FleetShown;
  readonly routes: AdminServices['routes'];
  readonly peers: Peers | null;
  readonly trying: TryUpstream;
}

/** The services of the admin routes: the edition's features, and read-only views of the pools and providers. */
export function adminServices(parts: AdminParts): AdminServices {
  const { edition, config, events, door, peers } = parts;
  const { identities, keyUses, mappings, pools, scheduledPools } = edition;
  return {
    identities,
    keys: door.keys,
    keyUses,
    mappings,
    pools,
    scheduledPools,
    console: consoleOf(config, { ...door, events }),
    lanes: lanesOf(parts),
    answerOf,
    heard: peers && (() => peers.heard()),
    routes: parts.routes,
    fleet: parts.fleet,
    providers: { list: parts.shown.providers, ...parts.drains },
    storedProviders: storedProvidersOf(parts),
  };
}

function storedProvidersOf({ edition, trying }: AdminParts): AdminServices['storedProviders'] {
  const { providers: stored } = edition;
  if (stored === null) return null;
  const { providers, routes, files } = stored;
  return { providers, routes, files, tryOut: (name, input, model) => trying(providers.rehearse(name, input), model) };
}

function lanesOf({ edition, config, clock, shown, health }: AdminParts): AdminServices['lanes'] {
  const { mappings, raised, pools } = edition;
  const tenantName = (flowId: string) => mappings?.mapper.tenantName(flowId) ?? null;
  return {
    clock,
    stepMs,
    pools: shown.pools,
    get poolNames() {
      return pools.list().map(({ name }) => name);
    },
    tenantName,
    database: health,
    boosts: () => mappings?.timings.heldBoosts() ?? [],
    chosenLevels: () =>
      chosenLevels({
        policy: (mappings?.mapper.settings() ?? config.apiKeyPriority).x_priority.value,
        externalMayRaise: mappings?.mapper.externalMayRaise() ?? null,
        raised,
        tenantName,
      }),
  };
}

const consoleOf = (
  { console, gateway: { edition } }: Config,
  { keys, addresses, events }: Omit<ConsoleService, 'edition'>,
): ConsoleService | null => (console.enabled ? { edition, keys, addresses, events } : null);
