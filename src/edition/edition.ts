/**
 * The difference between the editions: which database, and whether there are mappings. Chosen once, at start; no later
 * code asks which edition this is.
 */
import type { Kysely } from 'kysely';
import type { Config } from '../config/config.ts';
import { migrateSqlite } from '../db/migrations/migrations.ts';
import { plannedRows } from '../db/postgres/planned-rows.ts';
import { retryUntilDone } from '../db/postgres/postgres.ts';
import type { Database, TableName } from '../db/schema.ts';
import { openSqlite, sqliteFile } from '../db/sqlite/sqlite.ts';
import { watchSqlite } from '../db/sqlite/sqlite-changes.ts';
import { isLocked } from '../db/sqlite/sqlite-fault.ts';
import type { Clock } from '../domain/clock.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Classify } from '../domain/vocabulary.ts';
import { History } from '../history/history.ts';
import { Identities } from '../identity/identity.ts';
import { KeyUses } from '../observed/key-uses.ts';
import { MappingRates } from '../observed/mapping-rates.ts';
import { RaisedRequests } from '../observed/raised-requests.ts';
import { RecentOutcomes } from '../observed/recent-outcomes.ts';
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
import { closeWith } from '../telemetry/closing.ts';
import type { Events } from '../telemetry/events.ts';
import { toldWait } from '../telemetry/told-wait.ts';
import { type Condition, personalCondition, starting } from './condition.ts';
import { TeamDatabase } from './team-database.ts';

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
  /** Resolves once requests can be authenticated; retries passing faults, rejects on a lasting one. */
  start(signal: AbortSignal): Promise<void>;
  condition(): Condition;
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
}

const poolTables = ['scheduler_pool_config', 'scheduler_pool_schedules'] as const;
const priorityTables = [
  'api_key_priority_mappings',
  'api_key_priority_config',
  'api_key_priority_boosts',
  'api_key_priority_schedules',
] as const;

export const openEdition = (parts: EditionParts): Promise<OpenEdition> =>
  parts.config.gateway.edition === 'team' ? openTeam(parts) : openPersonal(parts);

async function openPersonal({ config, clock, events, print, configure }: EditionParts): Promise<OpenEdition> {
  await using opening = new AsyncDisposableStack();
  const sqlite = openSqlite(sqliteFile(config.gateway.dataDir), { clock, log: events });
  closeWith(opening, 'the database file', () => sqlite.close(), events);
  const { db } = sqlite;
  const identities = openIdentities({ db, config, clock, events, matching: () => null });
  const pools = createLivePools({ db, ...config, configure, clock, events });
  const keyUses = new KeyUses(clock);
  const showKey = showing(print);
  const raised = new RaisedRequests();
  let hasTables = false;
  let isOpen = false;
  // Together with the file: what is being read may wait for a lock, and is sent away.
  closeWith(
    opening,
    'what reads the database file',
    () => Promise.all([identities.stop(), pools.stop(), sqlite.close()]),
    events,
  );
  const opened = opening.move();
  return {
    identities,
    keyUses,
    raised,
    memories: [keyUses, raised],
    pools,
    scheduledPools: createScheduledPools({ db, pools, clock }),
    mappings: null,
    classify: defaultClassify(config.apiKeyPriority),
    async start(signal) {
      const onChange = () => {
        if (!hasTables) return;
        void identities.refresh();
        pools.changed();
      };
      opened.defer(watchSqlite({ sqlite, clock, log: events, onChange }));
      const prepare = async () => {
        await migrateSqlite(db);
        await identities.keepAdmin(config.auth, showKey);
      };
      // A stop before the start has finished ends the wait for a lock.
      signal.addEventListener('abort', () => isOpen || void sqlite.close());
      // Another process's lock is waited for without a limit; SQLite's layer logs it.
      const waiting = { signal, clock, onFailure: () => {}, isFatal: (error: unknown) => !isLocked(error) };
      await retryUntilDone(prepare, waiting);
      hasTables = true;
      await pools.start();
      isOpen = true;
    },
    condition: () => (isOpen ? personalCondition(sqlite) : starting(sqlite.faults().writing)),
    close: () => opened.disposeAsync(),
  };
}

async function openTeam({ config, clock, events, print, configure }: EditionParts): Promise<OpenEdition> {
  await using opening = new AsyncDisposableStack();
  const closing = (what: string, close: () => unknown) => closeWith(opening, what, close, events);
  const database = await TeamDatabase.open({ config, clock, events });
  closing('the database', () => database.close());
  const { db } = database;
  const mapper = createMapper({ db, settings: config.apiKeyPriority, clock, events });
  const matching = (key: string) => mapper.match(key)?.id ?? null;
  const identities = openIdentities({ db, config, clock, events, matching, estimateRows: plannedRows });
  const pools = createLivePools({ db, ...config, configure, clock, events });
  const restorers = { ...createPriorityRestorers({ mapper, clock }), ...createPoolRestorers({ pools, clock }) };
  const history = new History({ db, clock, events, restorers });
  const raised = new RaisedRequests();
  const { memories, ...around } = openAround({ mapper, identities, pools, raised, db, clock, events });
  const keyUses = new KeyUses(clock);
  closing('the settings of pools', () => pools.stop());
  closing('the mappings', () => mapper.stop());
  closing('the history', () => history.stop());
  closing('the lint', () => around.inspector.stop());
  closing('users and keys', () => identities.stop());
  closing('the watch over changes', () => database.stopWatching());
  const opened = opening.move();

  return {
    identities,
    keyUses,
    raised,
    memories: [keyUses, raised, ...memories],
    mappings: { mapper, history, ...around },
    pools,
    scheduledPools: createScheduledPools({ db, pools, clock }),
    classify: mapper.classify,
    async start(signal) {
      const prepare = () => identities.keepAdmin(config.auth, showing(print));
      const onChange = (tables: ReadonlySet<TableName>) => hearChanges(tables, { identities, pools, mapper });
      await database.start({ signal, prepare, onChange });
      const reading = Promise.all([mapper.start(), pools.start()]);
      await toldWait('the mappings and the settings of pools to be read', reading, { clock, log: events });
      history.start();
    },
    condition: () => database.condition(mapper.status()),
    close: () => opened.disposeAsync(),
  };
}

type IdentityParts = Omit<ConstructorParameters<typeof Identities>[0], 'auth' | 'console'> &
  Pick<EditionParts, 'config'>;

function openIdentities({ config: { auth, console }, ...parts }: IdentityParts): Identities {
  return new Identities({ ...parts, auth, console: { idleMs: console.sessionIdleMs, maxMs: console.sessionMaxMs } });
}

type AroundParts = Pick<EditionParts, 'clock' | 'events'> & {
  readonly mapper: Mapper;
  readonly identities: Identities;
  readonly pools: LivePools;
  readonly raised: RaisedRequests;
  readonly db: Kysely<Database>;
};

/** Opens what operators see of the mappings and do with them, except writing rows. */
function openAround({ mapper, identities, pools, raised, db, clock, events }: AroundParts) {
  const inspector = createInspector({ mapper, db, clock, events, keys: identities });
  const rates = new MappingRates(clock);
  const recent = new RecentOutcomes(clock);
  return {
    memories: [rates, recent],
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

interface Hearing {
  readonly identities: Identities;
  readonly pools: LivePools;
  readonly mapper: Mapper;
}

function hearChanges(tables: ReadonlySet<TableName>, { identities, pools, mapper }: Hearing): void {
  if (tables.has('users') || tables.has('api_keys')) void identities.refresh();
  else if (tables.has('console_sessions')) void identities.sessions.refresh();
  if (poolTables.some(table => tables.has(table))) pools.changed();
  if (priorityTables.some(table => tables.has(table))) mapper.changed();
}

const showing = (print: (text: string) => void) => (key: string) => print(`Admin key (shown once, keep it): ${key}\n`);
