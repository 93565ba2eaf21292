/** Decides which clients may connect, how many, and which keys are valid. */
import type { IncomingMessage } from 'node:http';
import type { Config, ProviderConfig } from '../../config/config.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Guess, Peers } from '../../domain/peers.ts';
import type { Identity } from '../../domain/vocabulary.ts';
import type { Caller } from '../../gateway/gateway.ts';
import type { Events } from '../../telemetry/events.ts';
import { identifier } from './auth.ts';
import { ClientAddresses } from './client-address.ts';
import { connectionLimit, openFileLimit } from './connection-limit.ts';
import { Connections } from './connections.ts';
import { KeyDoor } from './key-door.ts';
import { ownMachineOnly } from './own-machine.ts';
import { WrongKeys } from './wrong-keys.ts';

interface FrontDoorParts {
  readonly authenticate: (key: string) => Identity | Promise<Identity>;
  /** Returns the current seats of a pool. */
  readonly seatsOf: (pool: string) => number;
  /** Returns those in service. */
  readonly providers: () => readonly ProviderConfig[];
  readonly clock: Clock;
  readonly events: Events;
  /** Null: this process has all clients. */
  readonly peers: Pick<Peers, 'guessed'> | null;
}

export interface FrontDoor {
  readonly addresses: ClientAddresses;
  readonly connections: Connections;
  readonly keys: KeyDoor;
  /** Identifies the caller of a model route. */
  readonly identify: (req: IncomingMessage) => Caller | Promise<Caller>;
  /** Another process has refused a wrong key. */
  heardOf(guess: Guess): void;
}

export function openFrontDoor(
  config: Config,
  { authenticate, seatsOf, providers, clock, events, peers }: FrontDoorParts,
): FrontDoor {
  const { gateway, auth } = config;
  const addresses = new ClientAddresses(gateway.trustedProxies);
  const most = connectionsAtMost(config, { seatsOf, providers, events });
  const mostPerAddress = gateway.maxConnectionsPerAddress;
  const connections = new Connections({ most, mostPerAddress, addresses, clock, events });
  const wrongKeys = new WrongKeys({
    addresses,
    clock,
    events,
    onGuess: peers ? guess => peers.guessed(guess) : undefined,
  });
  const keys = new KeyDoor({ authenticate, wrongKeys, connections });
  const withoutKeys = auth.disabled ? ownMachineOnly(auth.allowedHosts) : null;
  const identify = identifier({ keys, withoutKeys });
  return { addresses, connections, keys, identify, heardOf: guess => wrongKeys.heardOf(guess) };
}

/** Returns the current limit; logs it if it is below the configured one. */
function connectionsAtMost(
  { gateway }: Config,
  { seatsOf, providers, events }: Pick<FrontDoorParts, 'seatsOf' | 'providers' | 'events'>,
) {
  const configured = gateway.maxConnections;
  const openFiles = openFileLimit();
  const upstreamCalls = () => {
    const pools = new Set(providers().flatMap(({ type, pool }) => (type === 'loopback' ? [] : [pool])));
    return [...pools].reduce((seats, pool) => seats + seatsOf(pool), 0);
  };
  const most = () => connectionLimit({ configured, openFiles, upstreamCalls: upstreamCalls() });
  if (most() < configured) {
    events.warn(
      `Connections: at most ${most()} at once instead of ${configured} ([gateway] max_connections), for this process ` +
        `may open ${openFiles} files (ulimit -n), and calls upstream and the database need some`,
    );
  }
  return most;
}
