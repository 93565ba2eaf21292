import type pg from 'pg';
import type { Clock } from '../../domain/clock.ts';
import { SaidOnce } from '../../domain/said-once.ts';
import type { Events } from '../../telemetry/events.ts';
import { unavailability } from '../answered.ts';
import type { Catalogue } from '../migrations/catalogue.ts';
import { onConnection, pause } from '../postgres/postgres.ts';
import { type TableName, tableNames } from '../schema.ts';
import { isReadOnly, readOnlyReason, readOnlySentence } from '../word.ts';
import { listenSession } from './listener.ts';
import { Looks } from './looks.ts';
import { MissingTables } from './missing-tables.ts';
import { TriggerUpkeep } from './trigger-upkeep.ts';

/*
 * Every change of our tables, made by whomever and however, is reported within a second or two:
 *
 *   listen   triggers notify, a connection of our own hears it
 *   look     each second at the catalogue, which shows what triggers do not tell of; and at the
 *            fingerprints of the tables where nobody is told: no triggers or not all of them, a pooler
 *            that swallows notifications, or the listener is lost
 *
 * Whatever may have been missed (before the start, while a connection was lost) is reported as a
 * change of all tables. Listening is tried again all the time, so a passing fault heals by itself.
 */
export interface ChangesOptions {
  readonly pool: pg.Pool;
  /** Where the tables are, as `migratePostgres` answers it. */
  readonly schema: string;
  readonly listenUrl: string;
  /** The embedded database. */
  readonly isEmbedded?: boolean;
  /** It is known, and told, to take no changes. */
  readonly isReadOnly?: boolean;
  readonly clock: Clock;
  /** Called with what changed, bursts folded into one call; must not throw. */
  onChange: (tables: ReadonlySet<TableName>) => void;
  /** Makes everything in a database that has nothing of ours; answers the schema it is in. */
  renew: () => Promise<string>;
  readonly log: Pick<Events, 'info' | 'warn' | 'error'>;
}

export interface Watcher {
  readonly mode: 'listen' | 'poll';
  /** False while the database could be neither heard nor asked, or has not all of our tables. */
  readonly isUsable: boolean;
  /** What the last look saw that is not as it should be; a sentence each, without a full stop. */
  readonly faults: readonly string[];
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

const lookEveryMs = 1_000;
const reconnectAfterMs = 500;
/** How long until a connection that did not hear its nonce gives another one a chance. */
const deafForMs = 60_000;
/** A burst of changes becomes one report. */
const gatherMs = 50;

export const watchChanges = (options: ChangesOptions): Watcher => new ChangeWatcher(options);

class ChangeWatcher implements Watcher {
  readonly #options: ChangesOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #gathered = new Set<TableName>();
  readonly #looks = new Looks();
  readonly #missing: MissingTables;
  readonly #triggers: TriggerUpkeep;
  #schema: string;
  #cancelReport: (() => void) | null = null;
  #mode: 'listen' | 'poll' = 'poll';
  #lacksTables = false;
  #isReadOnly: boolean;
  #faults: readonly string[] = [];
  readonly #said = new SaidOnce<'listening' | 'looking'>();

  constructor(options: ChangesOptions) {
    this.#options = options;
    this.#schema = options.schema;
    this.#isReadOnly = options.isReadOnly ?? false;
    this.#missing = new MissingTables(options);
    this.#triggers = new TriggerUpkeep(options);
    this.#running = this.#run();
  }

  get mode(): 'listen' | 'poll' {
    return this.#mode;
  }

  get isUsable(): boolean {
    return !this.#lacksTables && (this.#mode === 'listen' || !this.#said.has('looking'));
  }

  get faults(): readonly string[] {
    return this.#faults;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelReport?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is heard after it is newer than what it saw, so nothing falls between the two.
    await this.#look();
    await Promise.all([this.#keepLooking(), this.#keepListening()]);
  }

  async #keepListening(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const end = await listenSession({
        ...this.#options,
        url: this.#options.listenUrl,
        signal,
        onVerified: () => this.#listening(),
        onNotified: payload => this.#notified(payload),
      });
      this.#mode = 'poll';
      if (signal.aborted) return;
      this.#warn(
        'listening',
        end.deaf
          ? deafSentence
          : `Cannot listen for changes (${textOf(end.error)}): looking every second until it works`,
      );
      // A standby refuses to listen, for as long as it is one.
      const isLasting = end.deaf || isReadOnly(end.error);
      await pause(this.#options.clock, isLasting ? deafForMs : reconnectAfterMs, signal);
    }
  }

  #listening(): void {
    this.#mode = 'listen';
    if (this.#said.isOver('listening')) this.#options.log.info('Listening for changes again');
    this.#changed(tableNames);
  }

  #notified(payload: string): void {
    this.#changed(tableNames.filter(table => payload === `${this.#schema}.${table}`));
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await pause(this.#options.clock, lookEveryMs, signal);
      if (!signal.aborted) await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { signal } = this.#stopped;
    const isHeard = this.#mode === 'listen';
    try {
      const look = (client: pg.PoolClient) => this.#looks.look(client, this.#schema, isHeard);
      const seen = await onConnection(this.#options.pool, signal, look);
      this.#said.isOver('looking');
      this.#lacksTables = seen.catalogue.missing.length > 0;
      this.#tellOfWrites(seen.catalogue.isReadOnly);
      this.#faults = faultsOf(seen.catalogue);
      this.#changed(seen.changed);
      const renewed = await this.#missing.attend(seen.catalogue);
      if (renewed !== null) this.#startAfresh(renewed);
      else await this.#triggers.attend(seen, this.#schema, signal);
    } catch (error) {
      // While the listener lives it is the same database, and what the last look saw may be compared with.
      if (this.#mode === 'poll') this.#looks.forget();
      this.#missing.lost();
      this.#faults = [unavailability(error) ?? 'The database cannot be looked at'];
      if (!signal.aborted) this.#warn('looking', `Cannot look for changes of the database (${textOf(error)})`);
    }
  }

  #tellOfWrites(isReadOnly: boolean): void {
    if (isReadOnly === this.#isReadOnly) return;
    this.#isReadOnly = isReadOnly;
    if (isReadOnly) this.#options.log.warn(readOnlySentence);
    else this.#options.log.info('The database takes changes again');
  }

  #startAfresh(schema: string): void {
    this.#schema = schema;
    this.#lacksTables = false;
    this.#looks.forget();
    this.#changed(tableNames);
  }

  #changed(tables: readonly TableName[]): void {
    if (tables.length === 0 || this.#stopped.signal.aborted) return;
    for (const table of tables) this.#gathered.add(table);
    this.#cancelReport ??= this.#options.clock.after(gatherMs, () => {
      this.#cancelReport = null;
      const changed = new Set(this.#gathered);
      this.#gathered.clear();
      this.#options.onChange(changed);
    });
  }

  #warn(about: 'listening' | 'looking', message: string): void {
    if (this.#said.isNews(about, message)) this.#options.log.warn(message);
  }
}

const faultsOf = ({ missing, isReadOnly, tables }: Catalogue): string[] => {
  const hidden = tableNames.filter(name => tables.get(name)?.isLegible === false);
  return [
    ...(isReadOnly ? [readOnlyReason] : []),
    ...(missing.length > 0 ? [`The database has no table ${missing.join(', ')}`] : []),
    ...(hidden.length > 0 ? [`The database role may not read ${hidden.join(', ')}`] : []),
  ];
};

const deafSentence =
  'A notification sent through database.url did not arrive at database.listen_url within 2 s ' +
  '(is a pooler in between?): looking for changes every second';

const textOf = (error: unknown): string => {
  // Several addresses refused: the message is empty, the errors are inside.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
};
