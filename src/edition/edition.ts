import type { Kysely } from 'kysely';
import type { Config } from '../config/config.ts';
import { hostOf } from '../config/postgres-url.ts';
import { rereadProviders } from '../config/providers/written.ts';
import { plannedRows } from '../db/postgres/planned-rows.ts';
import type { Database, TableName } from '../db/schema.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { StoredChange } from '../domain/peers.ts';
import type { FleetShown } from '../domain/shown/fleet.ts';
import type { Classify } from '../domain/vocabulary.ts';
import type { History } from '../history/history.ts';
import type { Identities } from '../identity/identity.ts';
import type { KeyUses } from '../observed/key-uses.ts';
import type { RaisedRequests } from '../observed/raised-requests.ts';
import type { LivePools, ScheduledPools } from '../pool-settings/pool-settings.ts';
import {
  createMapper,
  type DryRun,
  defaultClassify,
  type Inspector,
  type Mapper,
  type MappingList,
  type Timings,
  type Transfer,
} from '../priority/priority.ts';
import type { StoredProviders } from '../providers/providers.ts';
import { closeWith } from '../telemetry/closing.ts';
import { toldWait } from '../telemetry/told-wait.ts';
import { type Condition, starting } from './condition.ts';
import { type MappingParts, openFeatures, openMappings, openProviders } from './features.ts';
import { hearChanges, hearOf } from './hearing.ts';
import type { EditionParts } from './parts.ts';
import { PersonalDatabase } from './personal-database.ts';
import { TeamDatabase } from './team-database.ts';
import { TeamFleet, tellFleetsBeside } from './team-fleet.ts';

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
  const { events } = parts;
  await using opening = new AsyncDisposableStack();
  const closing = (what: string, close: () => unknown) => closeWith(opening, what, close, events);
  const database = await TeamDatabase.open(parts);
  closing('the database', () => database.close());
  const fleet = openFleet(parts, database);
  closing('the fleet', () => fleet?.close());
  const { features, mapper, providers, memories, mappings } = openTeamFeatures(parts, database.db);
  const { identities, pools, keyUses, raised } = features;
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

function openTeamFeatures(parts: EditionParts, db: Kysely<Database>) {
  const { config, clock, events, configure, peers } = parts;
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
  const { pools } = features;
  const providers = openProviders(parts, { db, pools, onWrite: onWrite && (() => onWrite({ of: 'providers' })) });
  const { memories, ...mappings } = openMappings({ mapper, ...features, providers, db, clock, events });
  return { features, mapper, providers, memories, mappings };
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

const showing = (print: (text: string) => void) => (key: string) => print(`Admin key (shown once, keep it): ${key}\n`);
