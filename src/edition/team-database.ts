/** The PostgreSQL of the Team edition, embedded or an operator's own: reached, brought up to date, watched. */
import type { Kysely } from 'kysely';
import type { Config } from '../config/config.ts';
import { shownUrl } from '../config/postgres-url.ts';
import { unavailability } from '../db/answered.ts';
import { type Watcher, watchChanges } from '../db/changes/changes.ts';
import type { Embedded, startEmbedded } from '../db/embedded/embedded.ts';
import { EmbeddedFault } from '../db/embedded/embedded-binaries.ts';
import { FaultsMet } from '../db/faults-met.ts';
import { type Migrated, type MigrationOptions, migratePostgres, SchemaFault } from '../db/migrations/migrations.ts';
import { openPostgres, type Postgres, retryUntilDone } from '../db/postgres/postgres.ts';
import type { Database, TableName } from '../db/schema.ts';
import { readOnlySentence } from '../db/word.ts';
import type { Clock } from '../domain/clock.ts';
import { IdentityFault } from '../identity/identity.ts';
import type { MapperStatus } from '../priority/priority.ts';
import { closeWith } from '../telemetry/closing.ts';
import type { Events } from '../telemetry/events.ts';
import { toldWait } from '../telemetry/told-wait.ts';
import { type Condition, starting, teamCondition } from './condition.ts';

export type OpenEmbedded = (...options: Parameters<typeof startEmbedded>) => Promise<Embedded>;

interface TeamDatabaseParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly events: Events;
  readonly openEmbedded: OpenEmbedded;
}

interface TeamDatabaseUses {
  readonly signal: AbortSignal;
  /** Stores the required rows before anything is served; runs again when the tables are recreated. */
  readonly prepare: () => Promise<void>;
  readonly onChange: (tables: ReadonlySet<TableName>) => void;
}

/** Whether no retry can help; any other error may mean that the database is away for a while. */
const isFatal = (error: unknown): boolean =>
  error instanceof SchemaFault || error instanceof IdentityFault || error instanceof EmbeddedFault;

export class TeamDatabase {
  readonly db: Kysely<Database>;
  readonly #parts: TeamDatabaseParts;
  readonly #postgres: ReturnType<typeof openPostgres>;
  readonly #embedded: Embedded | null;
  readonly #met: FaultsMet;
  /** Closes the connections, then the embedded database. */
  readonly #opened: AsyncDisposableStack;
  #watch: Watcher | null = null;
  /** Why nothing can be read yet. */
  #unusable: string | null = null;

  static async open(parts: TeamDatabaseParts): Promise<TeamDatabase> {
    const { config, clock, events, openEmbedded } = parts;
    const { dataDir } = config.gateway;
    await using opening = new AsyncDisposableStack();
    const embedded = config.database.url === null ? await openEmbedded({ dataDir, log: events, clock }) : null;
    closeWith(opening, 'the embedded database', () => embedded?.stop(), events);
    const database = new TeamDatabase(parts, embedded);
    closeWith(opening, 'the connections to the database', () => database.#postgres.close(), events);
    database.#opened.use(opening.move());
    return database;
  }

  private constructor(parts: TeamDatabaseParts, embedded: Embedded | null) {
    this.#parts = parts;
    this.#embedded = embedded;
    this.#opened = new AsyncDisposableStack();
    this.#met = new FaultsMet(parts.clock, parts.events);
    this.#postgres = openPostgres(this.#url, {
      maxConnections: connectionsOfEach(parts.config.gateway.workers),
      observer: this.#met,
      isEmbedded: embedded !== null,
    });
    this.db = this.#postgres.db;
  }

  get #url(): string {
    return this.#embedded?.url ?? this.#parts.config.database.url ?? '';
  }

  /** The run of the server, if this process has started it (see `Embedded`); else null. */
  get startedRun(): string | null {
    return this.#embedded?.startedRun ?? null;
  }

  /** Further connections, closed by the caller. */
  openBeside(maxConnections: number): Postgres {
    return openPostgres(this.#url, { maxConnections, isEmbedded: this.#embedded !== null });
  }

  /** Retries what may pass, rejects on a fault that stays. Changes are heard from then on. */
  async start({ signal, prepare, onChange }: TeamDatabaseUses): Promise<void> {
    const { config, clock, events } = this.#parts;
    const onFailure = (error: unknown) => {
      this.#unusable = unavailability(error) ?? 'The database cannot be used yet; the log says why';
      events.error('Cannot use the database yet; trying twice a second', error);
    };
    const connecting = retryUntilDone(() => this.#connect(prepare), { signal, clock, onFailure, isFatal });
    const { schema, isReadOnly } = await toldWait(`the database at ${shownUrl(this.#url)}`, connecting, {
      clock,
      log: events,
    });
    this.#unusable = null;
    this.#watch = watchChanges({
      pool: this.#postgres.pool,
      schema,
      isReadOnly,
      renew: async () => (await this.#connect(prepare, { allOrNothing: true })).schema,
      listenUrl: config.database.listenUrl ?? this.#url,
      isEmbedded: this.#embedded !== null,
      clock,
      log: events,
      onChange,
    });
  }

  async #connect(prepare: () => Promise<void>, options: MigrationOptions = {}): Promise<Migrated> {
    const { clock, events } = this.#parts;
    const waits = { clock, log: events };
    const migrated = await migratePostgres(this.#postgres.pool, { ...options, waits });
    const { created, recording, isReadOnly } = migrated;
    if (isReadOnly) events.warn(readOnlySentence);
    if (recording !== 'triggers') events.warn(unrecorded[recording]);
    if (created.length > 0) events.info(`Created tables ${created.join(', ')}`);
    await prepare();
    return migrated;
  }

  /** `mapper`: how the mappings do that are read of it. */
  condition(mapper: MapperStatus): Condition {
    const watch = this.#watch;
    return watch === null || !mapper.loaded ? starting(this.#unusable) : teamCondition(watch, mapper, this.#met);
  }

  /** Resolves when nothing is heard any more. */
  async stopWatching(): Promise<void> {
    await this.#watch?.stop();
  }

  close(): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

interface MigrationParts extends Pick<TeamDatabaseParts, 'clock' | 'events'> {
  readonly url: string;
  readonly isEmbedded: boolean;
}

/**
 * Has the tables made before several processes use them, if the database answers now; where it does not, each of them
 * waits for it. Throws what no retry can cure.
 */
export async function migrateBeforehand({ url, isEmbedded, clock, events }: MigrationParts): Promise<void> {
  if (!(await answers(url, isEmbedded))) return;
  const { pool, close } = openPostgres(url, { maxConnections: 2, isEmbedded });
  try {
    const { created } = await migratePostgres(pool, { waits: { clock, log: events } });
    if (created.length > 0) events.info(`Created tables ${created.join(', ')}`);
  } catch (error) {
    if (isFatal(error)) throw error;
    events.error('The database cannot be brought up to date yet; the workers try on', error);
  } finally {
    await close();
  }
}

async function answers(url: string, isEmbedded: boolean): Promise<boolean> {
  const { pool, close } = openPostgres(url, { maxConnections: 1, silenceMs: 2_000, isEmbedded });
  try {
    await pool.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await close();
  }
}

/** The processes of a gateway share ten connections, but one that holds a transaction must not keep all others waiting. */
const connectionsOfEach = (processes: number): number => Math.max(2, Math.floor(10 / processes));

const unrecorded = {
  gateway:
    'The database role may not create the triggers that record changes: the history tells of changes made by ' +
    'the admin API, and not of those made by SQL',
  none:
    'The database role may neither create the triggers that record changes nor write api_key_priority_history: ' +
    'no change is recorded until it may',
};
