import type pg from 'pg';
import type { Clock } from '../../domain/clock.ts';
import { SaidOnce } from '../../domain/structures/said-once.ts';
import type { Events } from '../../telemetry/events.ts';
import { unavailability } from '../answered.ts';
import type { Catalogue } from '../migrations/catalogue.ts';
import { isNeeded } from '../migrations/tables.ts';
import { onConnection, pause } from '../postgres/postgres.ts';
import { type TableName, tableNames } from '../schema.ts';
import { isReadOnly, readOnlyReason, readOnlySentence } from '../word.ts';
import { listenSession } from './listener.ts';
import { Looks } from './looks.ts';
import { MissingTables } from './missing-tables.ts';
import { TriggerUpkeep } from './trigger-upkeep.ts';

/* Reports every change of our tables, of any origin, within a second or two:

     listen   triggers notify, and a connection of our own receives it
     look     every second at the catalogue, which shows changes that triggers do not report; and at the
              fingerprints of the tables without notifications: triggers are missing, a pooler
              swallows notifications, or the listener is lost

   Whenever changes may have been missed (before the start, while a connection was lost), a change of all tables is
   reported. Listening is retried all the time, so a passing fault heals by itself. */
export interface ChangesOptions {
  readonly pool: pg.Pool;
  /** The schema of the tables, as `migratePostgres` returns it. */
  readonly schema: string;
  readonly listenUrl: string;
  /** The embedded database. */
  readonly isEmbedded?: boolean;
  /** The database is known, and logged, to accept no changes. */
  readonly isReadOnly?: boolean;
  readonly clock: Clock;
  /** Called with the changed tables, a burst as one call; must not throw. */
  onChange: (tables: ReadonlySet<TableName>) => void;
  /** Creates everything in a database without our tables; resolves to the schema. */
  renew: () => Promise<string>;
  readonly log: Pick<Events, 'info' | 'warn' | 'error'>;
}

export interface Watcher {
  readonly mode: 'listen' | 'poll';
  /** False while neither listening nor reading works, or tables are missing. */
  readonly isUsable: boolean;
  /** The faults that the last look found; a sentence each, without a full stop. */
  readonly faults: readonly string[];
  /** Resolves when none of its work is running. */
  stop(): Promise<void>;
}

const lookEveryMs = 1_000;
const reconnectAfterMs = 500;
/** The time after which a connection that did not receive its nonce is replaced by another. */
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
    // Notifications received after this look are newer than its result, so nothing is missed between the two.
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
      // A standby refuses LISTEN as long as it is one.
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
      this.#lacksTables = seen.catalogue.missing.some(isNeeded);
      this.#tellOfWrites(seen.catalogue.isReadOnly);
      this.#faults = faultsOf(seen.catalogue);
      this.#changed(seen.changed);
      const renewed = await this.#missing.attend(seen.catalogue);
      if (renewed !== null) this.#startAfresh(renewed);
      else await this.#triggers.attend(seen, this.#schema, signal);
    } catch (error) {
      // While the listener lives the database is the same, so the last look remains comparable.
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
