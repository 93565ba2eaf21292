import type { Config } from '../config/config.ts';
import type { Clock } from '../domain/clock.ts';
import type { Peers } from '../domain/peers.ts';
import type { Listed } from '../fleet/reign/list.ts';
import type { RefusedKeys } from '../observed/refused-keys.ts';
import type { Configure } from '../pool-settings/pool-settings.ts';
import type { Served } from '../providers/providers.ts';
import type { Events } from '../telemetry/events.ts';
import type { OpenEmbedded } from './team-database.ts';
import type { SeatsOfFleet } from './team-fleet.ts';

/** What an edition is opened with. */
export interface EditionParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly events: Events;
  /** Shows a new admin key, once. */
  readonly print: (text: string) => void;
  /** Puts a pool's settings into effect. */
  readonly configure: Configure;
  /** Puts providers, their pools and routes into effect, in the place of all others. */
  readonly serve: (served: Served) => void;
  /** The keys of upstreams that were answered 401. */
  readonly refusedKeys: RefusedKeys;
  /** The identity of this process in its fleet, and its duties there; null: it joins none. */
  readonly membership: { readonly self: Omit<Listed, 'url'>; readonly seats: SeatsOfFleet } | null;
  /** Null: this gateway is one process. */
  readonly peers: Pick<Peers, 'tell'> | null;
  /** Starts the embedded PostgreSQL, or finds the one that the parent of this process has started. */
  readonly openEmbedded: OpenEmbedded;
}
