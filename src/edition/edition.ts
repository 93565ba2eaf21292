/**
 * The difference between the editions: which database, and whether there are mappings. Chosen once, at start; no later
 * code asks which edition this is.
 */
import type { Kysely } from 'kysely';
import type { Config } from '../config/config.ts';
import { hostOf } from '../config/postgres-url.ts';
import { rereadProviders } from '../config/providers/written.ts';
import { plannedRows } from '../db/postgres/planned-rows.ts';
import type { Database, TableName } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Peers, StoredChange } from '../domain/peers.ts';
import type { FleetShown } from '../domain/shown/fleet.ts';
import type { Classify } from '../domain/vocabulary.ts';
import type { Listed } from '../fleet/reign/list.ts';
import { History } from '../history/history.ts';
import { Identities } from '../identity/identity.ts';
import { KeyUses } from '../observed/key-uses.ts';
import { MappingRates } from '../observed/mapping-rates.ts';
import { RaisedRequests } from '../observed/raised-requests.ts';
import { RecentOutcomes } from '../observed/recent-outcomes.ts';
import type { RefusedKeys } from '../observed/refused-keys.ts';
import {
  type Configure,
  createLivePools,
  createPoolRestorers,
  createScheduledPools,
  type LivePools,
  type ScheduledPools,
} from '../pool-settings/pool-settings.ts';
import {
  createInspector,
  createMapper,
  createMappingList,
  createPriorityRestorers,
  createTimings,
  createTransfer,
  type DryRun,
  defaultClassify,
  type Inspector,
  type Mapper,
  type MappingList,
  type Timings,
  type Transfer,
} from '../priority/priority.ts';
import { createStoredProviders, type Served, type StoredProviders } from '../providers/providers.ts';
import { closeWith } from '../telemetry/closing.ts';
import type { Events } from '../telemetry/events.ts';
import { toldWait } from '../telemetry/told-wait.ts';
import { type Condition, starting } from './condition.ts';
import { hearChanges, hearOf } from './hearing.ts';
import { PersonalDatabase } from './personal-database.ts';
import { type OpenEmbedded, TeamDatabase } from './team-database.ts';
import { type SeatsOfFleet, TeamFleet, tellFleetsBeside } from './team-fleet.ts';

export interface OpenEdition {
  readonly identities: Identities;
  readonly keyUses: KeyUses;
  readonly raised: RaisedRequests;
  /** Receive every ended request, and keep a little of it. */
  readonly memories: readonly OutcomeMemory[];
  /** null: this edition has no mappings. */
  readonly mappings: Mappings | null;
  readonly classify: Classify;
  readonly pools: LivePools;
  readonly scheduledPools: ScheduledPools;
  /** Null: this edition has the providers of its file. */
  readonly providers: StoredProviders | null;
  /** Puts into effect what needs no restart. Throws ConfigFaults, and then has changed nothing. */
  reconfigure(config: Config): void;
  /** Resolves once requests can be authenticated; retries passing faults, rejects on a lasting one. */
  start(signal: AbortSignal): Promise<void>;
  condition(): Condition;
  /** Another process of this gateway has written: resolves when that is in effect here, or cannot be read. */
  hear(change: StoredChange): Promise<void>;
  /** The gateways on this database; null: this one belongs to no fleet, or has not joined it yet. */
  fleet(): FleetShown | null;
  close(): Promise<void>;
}

export type { Configure } from '../pool-settings/pool-settings.ts';

interface OutcomeMemory {
  /** On the request path. */
  add(outcome: Outcome): void;
}

/** The services of mappings. */
interface Mappings {
  readonly mapper: Mapper;
  /** Answers questions about mappings. */
  readonly inspector: Inspector;
  readonly list: MappingList;
  readonly history: History;
  /** Their boosts and schedules. */
  readonly timings: Timings;
  /** Performs dry runs. */
  readonly dryRun: DryRun;
  /** Exports and imports files. */
  readonly transfer: Transfer;
}

interface EditionParts {
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

export const openEdition = (parts: EditionParts): Promise<OpenEdition> =>
  parts.config.gateway.edition === 'team' ? openTeam(parts) : openPersonal(parts);

async function openPersonal({ config, clock, events, print, configure, serve }: EditionParts): Promise<OpenEdition> {
  await using opening = new AsyncDisposableStack();
  const closing = (what: string, close: () => unknown) => closeWith(opening, what, close, events);
  const database = new PersonalDatabase({ config, clock, events });
  closing('the database file', () => database.close());
  const { db } = database;
  const features = openFeatures({ db, config, clock, events, configure, matching: () => null });
  const { identities, pools, keyUses, raised } = features;
  // Together with the file: what is being read may wait for a lock, and is sent away.
  const stopReading = () => Promise.all([identities.stop(), pools.stop(), database.close()]);
  closing('what reads the database file', stopReading);
  closing('the watch over changes', () => database.stopWatching());
  const opened = opening.move();

  return {
    ...features,
    memories: [keyUses, raised],
    mappings: null,
    providers: null,
    reconfigure(next) {
      pools.reconfigure(next);
      serve({ ...config, providers: rereadProviders(config.providers, next.providers), routes: next.routes });
    },
    classify: defaultClassify(config.apiKeyPriority),
    start: signal =>
      database.start({
        signal,
        prepare: () => identities.keepAdmin(config.auth, showing(print)),
        load: () => pools.start(),
        onChange: () => {
          void identities.refresh();
          pools.changed();
        },
      }),
    condition: () => database.condition(),
    hear: async () => {},
    fleet: () => null,
    close: () => opened.disposeAsync(),
  };
}

async function openTeam(parts: EditionParts): Promise<OpenEdition> {
  const { config, clock, events, configure, peers } = parts;
  await using opening = new AsyncDisposableStack();
  const closing = (what: string, close: () => unknown) => closeWith(opening, what, close, events);
  const database = await TeamDatabase.open(parts);
  closing('the database', () => database.close());
  const { db } = database;
  const fleet = openFleet(parts, database);
  closing('the fleet', () => fleet?.close());
  const onWrite = peers ? (change: StoredChange) => peers.tell(change) : undefined;
  const mapper = createMapper({
    db,
    settings: config.apiKeyPriority,
    clock,
    events,
    onWrite: onWrite && (() => onWrite({ of: 'mappings' })),
  });
  const matching = (key: string) => mapper.match(key)?.id ?? null;
  const given = { db, config, clock, events, configure, matching, onWrite };
  const features = openFeatures({ ...given, estimateRows: plannedRows });
  const { identities, pools, keyUses, raised } = features;
  const providers = openProviders(parts, { db, pools, onWrite: onWrite && (() => onWrite({ of: 'providers' })) });
  const { memories, ...mappings } = openMappings({ mapper, ...features, providers, db, clock, events });
  closing('the providers of the database', () => providers.live.stop());
  closing('the settings of pools', () => pools.stop());
  closing('the mappings', () => mapper.stop());
  closing('the history', () => mappings.history.stop());
  closing('the lint', () => mappings.inspector.stop());
  closing('users and keys', () => identities.stop());
  closing('the watch over changes', () => database.stopWatching());
  const opened = opening.move();

  return {
    ...features,
    memories: [keyUses, raised, ...memories],
    mappings,
    providers,
    reconfigure: next => providers.live.reconfigure(next, own => pools.reconfigure({ ...next, pools: own })),
    classify: mapper.classify,
    start: signal => startTeam(parts, { database, fleet, mapper, mappings, identities, pools, providers }, signal),
    condition: () => conditionOf(database.condition(mapper.status()), fleet),
    hear: change => hearOf(change, { identities, pools, mapper, providers: providers.live }),
    fleet: () => fleet?.shown() ?? null,
    close: () => opened.disposeAsync(),
  };
}

function openFleet({ membership, config, clock, events }: EditionParts, database: TeamDatabase): TeamFleet | null {
  if (membership === null) return null;
  const { url } = config.database;
  return new TeamFleet({
    ...membership,
    ...{ db: database.db, config, clock, events },
    databaseAt: url === null ? null : hostOf(url),
    startedRun: database.startedRun,
    openPostgres: most => database.openBeside(most),
  });
}

type TeamParts = Pick<MappingParts, 'identities' | 'pools' | 'mapper' | 'providers'> & {
  readonly database: TeamDatabase;
  readonly fleet: TeamFleet | null;
  readonly mappings: Pick<Mappings, 'history'>;
};

async function startTeam(
  { config, clock, events, print }: EditionParts,
  { database, fleet, mappings, ...heard }: TeamParts,
  signal: AbortSignal,
): Promise<void> {
  const { identities, pools, mapper, providers } = heard;
  const prepare = () => identities.keepAdmin(config.auth, showing(print));
  const onChange = (tables: ReadonlySet<TableName>) => {
    hearChanges(tables, { ...heard, providers: providers.live });
    if (tables.has('gateway_fleets')) fleet?.rowChanged();
  };
  await database.start({ signal, prepare, onChange });
  fleet?.prepare();
  if (!config.cluster.enabled) await tellFleetsBeside(database.db, events);
  const reading = Promise.all([mapper.start(), pools.start(), providers.live.start()]);
  await toldWait('the mappings and the settings of pools to be read', reading, { clock, log: events });
  mappings.history.start();
  await fleet?.join(signal);
}

/** A gateway that has lost its fleet starts nothing. */
function conditionOf(condition: Condition, fleet: TeamFleet | null): Condition {
  const { isUp, status, reasons } = condition;
  if (status === 'starting') return condition;
  const fault = fleet?.fault() ?? null;
  if (fault !== null) return { ...starting(fault), isUp };
  const lack = fleet?.lack() ?? null;
  return lack === null ? condition : { status: 'degraded', reasons: [...reasons, lack], isUp };
}

type IdentityParts = ConstructorParameters<typeof Identities>[0];
type FeatureParts = Pick<EditionParts, 'config' | 'configure' | 'events'> & Omit<IdentityParts, 'auth' | 'console'>;

/** Opens what both editions have. */
function openFeatures({ config, configure, ...parts }: FeatureParts) {
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
const openProviders = (
  { config, clock, events, serve, refusedKeys: refused }: EditionParts,
  { db, pools, onWrite }: { db: Kysely<Database>; pools: LivePools; onWrite: (() => void) | undefined },
): StoredProviders => {
  const apply = (served: Served) => {
    serve(served);
    pools.setPools(served.pools);
  };
  return createStoredProviders({ db, config, apply, clock, events, refused, onWrite });
};

type MappingParts = Pick<EditionParts, 'clock' | 'events'> &
  Pick<OpenEdition, 'identities' | 'pools' | 'raised'> & {
    readonly mapper: Mapper;
    readonly providers: StoredProviders;
    readonly db: Kysely<Database>;
  };

/** Opens what operators see of the mappings and do with them. */
function openMappings({ mapper, identities, pools, providers, raised, db, clock, events }: MappingParts) {
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

const showing = (print: (text: string) => void) => (key: string) => print(`Admin key (shown once, keep it): ${key}\n`);
