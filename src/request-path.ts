/** Wires what a request passes: the door, the limits of its key, the gateway, the upstreams. */
import type { Config, ProviderConfig } from './config/config.ts';
import type { Clock } from './domain/clock.ts';
import type { Peers } from './domain/peers.ts';
import type { OpenEdition } from './edition/edition.ts';
import { Gateway } from './gateway/gateway.ts';
import { KeyStreams } from './gateway/key-streams.ts';
import { type FrontDoor, openFrontDoor } from './http/door/front-door.ts';
import { RefusedKeys } from './observed/refused-keys.ts';
import { openPools } from './pools.ts';
import type { Served } from './providers/providers.ts';
import type { Events } from './telemetry/events.ts';
import { createUpstreams, type Lookup, type Upstreams } from './upstreams/upstreams.ts';

interface UpstreamParts {
  readonly clock: Clock;
  readonly events: Events;
  readonly refusedKeys: RefusedKeys;
  readonly lookup?: Lookup | undefined;
}

const openUpstreams = (
  { providers, routes }: Config,
  { clock, events, refusedKeys, lookup }: UpstreamParts,
): Upstreams =>
  createUpstreams(providers, {
    clock,
    routes,
    ...(lookup && { lookup }),
    onKeyRefused(provider, fingerprint, forMs) {
      refusedKeys.add(provider, fingerprint, forMs);
      events.upstreamKeyRefused({ provider, fingerprint, forMs });
    },
    onEndpointFault: (name, fault) => events.warn(`Provider ${name}: ${fault}`),
    onEndpointTurn: (provider, endpoint, isUp, why) => events.endpointTurned({ provider, endpoint, isUp, why }),
    onListFault: (name, reason) => events.warn(`Provider ${name}: its list of models is left out: ${reason}`),
  });

export function createDoor(
  config: Config,
  { identities, pools }: OpenEdition,
  parts: {
    readonly clock: Clock;
    readonly events: Events;
    readonly peers: Peers | null;
    readonly providers: () => readonly ProviderConfig[];
  },
): FrontDoor {
  const authenticate = (key: string) => identities.authenticate(key);
  return openFrontDoor(config, { authenticate, seatsOf: pool => pools.find(pool).seats, ...parts });
}

type GatewayParts = ConstructorParameters<typeof Gateway>[0];

export function createStreams({ auth: { maxStreamsPerKey } }: Config, peers: Peers | null): GatewayParts['streams'] {
  return maxStreamsPerKey === null ? null : (peers?.streams ?? new KeyStreams(maxStreamsPerKey));
}

export function createGateway(
  { classify }: OpenEdition,
  { door, ...parts }: Omit<GatewayParts, 'identify' | 'classify'> & { readonly door: FrontDoor },
): Gateway {
  return new Gateway({ identify: door.identify, classify, ...parts });
}

interface WayParts extends Omit<UpstreamParts, 'refusedKeys' | 'lookup'> {
  readonly config: Config;
}

/** Opens the upstreams and the pools before them; `serve` puts others in their place. */
export function openWay(
  { config, clock, events }: WayParts,
  { draining, lookup }: { readonly draining: AbortSignal; readonly lookup: Lookup | undefined },
) {
  const refusedKeys = new RefusedKeys(clock);
  const upstreams = openUpstreams(config, { clock, events, refusedKeys, lookup });
  draining.addEventListener('abort', () => upstreams.stopChecks(), { once: true });
  let served: Served = config;
  const providers = () => served.providers;
  const poolOf = (provider: string) => providers().find(({ name }) => name === provider)?.pool;
  const pools = openPools(config, { clock, events, until: draining, poolOf, upstreams });
  upstreams.watchEndpoints(pools.setEndpoints);
  const serve = (next: Served): void => {
    served = next;
    pools.setPools(next.pools);
    upstreams.configure(next.providers);
    upstreams.configureRoutes(next.routes);
  };
  return { refusedKeys, upstreams, pools, providers, serve };
}

/** Also stores the data about past requests that operators ask for, as the requests end. */
export function alsoRemembering(memories: OpenEdition['memories'], events: Events): Events {
  return {
    ...events,
    requestEnded(outcome) {
      for (const memory of memories) memory.add(outcome);
      events.requestEnded(outcome);
    },
  };
}
