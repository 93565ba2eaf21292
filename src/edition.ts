/**
 * What tells the editions apart: which database, and whether there are mappings. Chosen once, at
 * start; nothing behind it asks again which edition this is.
 */
import type { Kysely } from 'kysely';
import type { Config } from './config/config.ts';
import { type Watcher, watchChanges } from './db/changes.ts';
import { startEmbedded } from './db/embedded.ts';
import { EmbeddedFault } from './db/embedded-binaries.ts';
import { type MigrationOptions, migratePostgres, migrateSqlite, SchemaFault } from './db/migrations.ts';
import { openPostgres, retryUntilDone } from './db/postgres.ts';
import type { Database, TableName } from './db/schema.ts';
import { openSqlite, sqliteFile } from './db/sqlite.ts';
import { watchSqlite } from './db/sqlite-changes.ts';
import { isLocked } from './db/sqlite-fault.ts';
import type { Clock } from './domain/clock.ts';
import type { Outcome } from './domain/outcome.ts';
import type { Classify } from './domain/vocabulary.ts';
import { Identities, IdentityFault } from './identity/identity.ts';
import {
  type Configure,
  createLivePools,
  createScheduledPools,
  type LivePools,
  type ScheduledPools,
} from './pool-settings/pool-settings.ts';
import {
  createHistory,
  createInspector,
  createMapper,
  createMappingList,
  createTimings,
  createTransfer,
  type DryRun,
  defaultClassify,
  type History,
  type Inspector,
  type Mapper,
  type MappingList,
  type Timings,
  type Transfer,
} from './priority/priority.ts';
import type { Events } from './telemetry/events.ts';
import { KeyUses } from './telemetry/key-uses.ts';
import { MappingRates } from './telemetry/mapping-rates.ts';
import { RaisedRequests } from './telemetry/raised-requests.ts';
import { RecentOutcomes } from './telemetry/recent-outcomes.ts';

export interface OpenEdition {
  readonly identities: Identities;
  readonly keyUses: KeyUses;
  readonly raised: RaisedRequests;
  /** What is told of every request that has ended, and keeps a little of it. */
  readonly memories: readonly OutcomeMemory[];
  /** null: this edition maps nothing. */
  readonly mappings: Mappings | null;
  readonly classify: Classify;
  readonly pools: LivePools;
  readonly scheduledPools: ScheduledPools;
  /** Resolves once requests can be told apart; retries what may pass, rejects on a fault that stays. */
  start(signal: AbortSignal): Promise<void>;
  /** `ready`: requests can be told apart; `degraded`: from memory, because the database is away or lacks tables. */
  health(): 'starting' | 'ready' | 'degraded';
  close(): Promise<void>;
}

export type { Configure } from './pool-settings/pool-settings.ts';

export interface OutcomeMemory {
  /** On the request path. */
  add(outcome: Outcome): void;
}

/** All that there is about mappings. */
export interface Mappings {
  readonly mapper: Mapper;
  /** Answers questions about them. */
  readonly inspector: Inspector;
  readonly list: MappingList;
  readonly history: History;
  /** Their boosts and schedules. */
  readonly timings: Timings;
  /** Tries changes. */
  readonly dryRun: DryRun;
  /** Takes and gives files. */
  readonly transfer: Transfer;
}

interface EditionParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly events: Events;
  /** Shows a drawn admin key, once. */
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

/** What no other try mends; anything else may be the database being away for a while. */
const isFatal = (error: unknown): boolean =>
  error instanceof SchemaFault || error instanceof IdentityFault || error instanceof EmbeddedFault;

async function openPersonal({ config, clock, events, print, configure }: EditionParts): Promise<OpenEdition> {
  const sqlite = openSqlite(sqliteFile(config.gateway.dataDir), { clock, log: events });
  const { db } = sqlite;
  const identities = openIdentities({ db, config, clock, events, matching: () => null });
  const pools = createLivePools({ db, ...config, configure, clock, events });
  const keyUses = new KeyUses(clock);
  const raised = new RaisedRequests();
  let hasTables = false;
  let isOpen = false;
  let stopWatching = () => {};
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
      stopWatching = watchSqlite({ sqlite, clock, log: events, onChange });
      const prepare = async () => {
        await migrateSqlite(db);
        return identities.ensureAdmin(config.auth);
      };
      // Who is stopped before it is ready waits for no lock any more.
      signal.addEventListener('abort', () => isOpen || void sqlite.close());
      // That of another process is waited for however long it takes; the log has it from SQLite itself.
      const waiting = { signal, clock, onFailure: () => {}, isFatal: (error: unknown) => !isLocked(error) };
      const drawnKey = await retryUntilDone(prepare, waiting);
      hasTables = true;
      showDrawnKey(print, drawnKey);
      await pools.start();
      isOpen = true;
    },
    health: () => (isOpen ? 'ready' : 'starting'),
    async close() {
      stopWatching();
      // Together: what the pools read may wait for a lock, and is sent away.
      await Promise.all([pools.stop(), sqlite.close()]);
    },
  };
}

async function openTeam({ config, clock, events, print, configure }: EditionParts): Promise<OpenEdition> {
  const { dataDir } = config.gateway;
  const embedded = config.database.url === null ? await startEmbedded({ dataDir, log: events }) : null;
  const url = embedded?.url ?? config.database.url ?? '';
  const { db, pool, close } = openPostgres(url);
  const mapper = createMapper({ db, settings: config.apiKeyPriority, clock, events });
  const matching = (key: string) => mapper.match(key)?.id ?? null;
  const identities = openIdentities({ db, config, clock, events, matching });
  const pools = createLivePools({ db, ...config, configure, clock, events });
  const history = createHistory({
    db,
    clock,
    events,
    checkPool: (name, rows) => pools.checkRows(name, rows),
    serve: object => (object.startsWith('pool_') ? pools.reload() : mapper.written(Promise.resolve())),
  });
  const raised = new RaisedRequests();
  const { memories, ...around } = openAround({ mapper, identities, pools, raised, db, clock, events });
  const keyUses = new KeyUses(clock);
  let watch: Watcher | null = null;

  const connect = async (options: MigrationOptions = {}) => {
    const { schema, created, recording } = await migratePostgres(pool, options);
    if (recording !== 'triggers') events.warn(unrecorded[recording]);
    if (created.length > 0) events.info(`Created tables ${created.join(', ')}`);
    showDrawnKey(print, await identities.ensureAdmin(config.auth));
    return schema;
  };

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
      const onFailure = (error: unknown) => events.error('Cannot use the database yet; trying twice a second', error);
      const schema = await retryUntilDone(() => connect(), { signal, clock, onFailure, isFatal });
      watch = watchChanges({
        pool,
        schema,
        renew: () => connect({ allOrNothing: true }),
        listenUrl: config.database.listenUrl ?? url,
        clock,
        log: events,
        onChange(tables) {
          hearChanges(tables, { identities, pools, mapper });
        },
      });
      await Promise.all([mapper.start(), pools.start()]);
      history.start();
    },
    health() {
      const { loaded, degraded } = mapper.status();
      if (!loaded) return 'starting';
      return degraded || !(watch?.isUsable ?? true) ? 'degraded' : 'ready';
    },
    async close() {
      await watch?.stop();
      around.inspector.stop();
      await history.stop();
      await mapper.stop();
      await pools.stop();
      await close();
      await embedded?.stop();
    },
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

/** What operators see of the mappings and do with them, beside writing rows. */
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

const unrecorded = {
  gateway:
    'The database role may not create the triggers that record changes: the history tells of changes made by ' +
    'the admin API, and not of those made by SQL',
  none:
    'The database role may neither create the triggers that record changes nor write api_key_priority_history: ' +
    'no change is recorded until it may',
};

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

function showDrawnKey(print: (text: string) => void, key: string | null): void {
  if (key !== null) print(`Admin key (shown once, keep it): ${key}\n`);
}
