/** Opens the features of an edition: those that both have, and those of Team. */
import type { Kysely } from 'kysely';
import type { Database } from '../db/schema.ts';
import { History } from '../history/history.ts';
import { Identities } from '../identity/identity.ts';
import { KeyUses } from '../observed/key-uses.ts';
import { MappingRates } from '../observed/mapping-rates.ts';
import { RaisedRequests } from '../observed/raised-requests.ts';
import { RecentOutcomes } from '../observed/recent-outcomes.ts';
import {
  createLivePools,
  createPoolRestorers,
  createScheduledPools,
  type LivePools,
} from '../pool-settings/pool-settings.ts';
import {
  createInspector,
  createMappingList,
  createPriorityRestorers,
  createTimings,
  createTransfer,
  type Mapper,
} from '../priority/priority.ts';
import { createStoredProviders, type Served, type StoredProviders } from '../providers/providers.ts';
import type { EditionParts } from './parts.ts';

type IdentityParts = ConstructorParameters<typeof Identities>[0];
type FeatureParts = Pick<EditionParts, 'config' | 'configure' | 'events'> & Omit<IdentityParts, 'auth' | 'console'>;

/** Opens what both editions have. */
export function openFeatures({ config, configure, ...parts }: FeatureParts) {
  const { auth, console } = config;
  const { db, clock, events } = parts;
  const sessions = { idleMs: console.sessionIdleMs, maxMs: console.sessionMaxMs };
  const onPools = parts.onWrite && (() => parts.onWrite?.({ of: 'pools' }));
  const pools = createLivePools({ db, ...config, configure, clock, events, onWrite: onPools });
  return {
    identities: new Identities({ ...parts, auth, console: sessions }),
    keyUses: new KeyUses(clock),
    raised: new RaisedRequests(),
    pools,
    scheduledPools: createScheduledPools({ db, pools, clock }),
  };
}

/** Opens what the database has of providers and routes. */
export const openProviders = (
  { config, clock, events, serve, refusedKeys: refused }: EditionParts,
  { db, pools, onWrite }: { db: Kysely<Database>; pools: LivePools; onWrite: (() => void) | undefined },
): StoredProviders => {
  const apply = (served: Served) => {
    serve(served);
    pools.setPools(served.pools);
  };
  return createStoredProviders({ db, config, apply, clock, events, refused, onWrite });
};

export type MappingParts = Pick<EditionParts, 'clock' | 'events'> &
  Pick<ReturnType<typeof openFeatures>, 'identities' | 'pools' | 'raised'> & {
    readonly mapper: Mapper;
    readonly providers: StoredProviders;
    readonly db: Kysely<Database>;
  };

/** Opens what operators see of the mappings and do with them. */
export function openMappings({ mapper, identities, pools, providers, raised, db, clock, events }: MappingParts) {
  const inspector = createInspector({ mapper, db, clock, events, keys: identities });
  const rates = new MappingRates(clock);
  const recent = new RecentOutcomes(clock);
  const ofPools = createPoolRestorers({ pools, clock });
  const restorers = { ...createPriorityRestorers({ mapper, clock }), ...ofPools, ...providers.restorers };
  return {
    memories: [rates, recent],
    mapper,
    history: new History({ db, clock, events, restorers }),
    inspector,
    list: createMappingList({ db, mapper, inspector, rates, raised, clock }),
    timings: createTimings({ db, mapper, clock, events }),
    ...createTransfer({
      mapper,
      inspector,
      db,
      clock,
      events,
      census: () => identities.census(),
      recent,
      sharing: () => pools.sharing(),
    }),
  };
}
