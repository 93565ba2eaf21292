import type pg from 'pg';
import type { Clock } from '../domain/clock.ts';
import type { Events } from '../telemetry/events.ts';
import { changedTables, type Fingerprints, readFingerprints } from './fingerprint.ts';
import { listenSession } from './listener.ts';
import { pause } from './postgres.ts';
import { type TableName, tableNames } from './schema.ts';

/*
 * Every change of our tables, made by whomever, is reported within a second (two while looking):
 *
 *   listen   triggers notify, a connection of our own hears it
 *   poll     no triggers, a pooler that swallows notifications, or the listener is lost:
 *            the tables' fingerprints are read every second
 *
 * Whatever may have been missed (before the start, while a connection was lost) is reported as a
 * change of all tables. Listening is tried again all the time, so a passing fault heals by itself.
 */
export interface ChangesOptions {
  readonly pool: pg.Pool;
  /** Where the tables are, as `migratePostgres` answers it. */
  readonly schema: string;
  /** Whether all tables have their triggers; without them nothing can be heard. */
  readonly triggers: boolean;
  readonly listenUrl: string;
  readonly clock: Clock;
  /** Called with what changed, bursts folded into one call; must not throw. */
  onChange: (tables: ReadonlySet<TableName>) => void;
  readonly log: Pick<Events, 'info' | 'warn'>;
}

export interface Watcher {
  readonly mode: 'listen' | 'poll';
  /** False while the database could be neither heard nor asked. */
  readonly isReachable: boolean;
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
  #cancelReport: (() => void) | null = null;
  #mode: 'listen' | 'poll' = 'poll';
  /** What was said last about each, so that a lasting fault is said once. */
  readonly #said = { listening: '', looking: '' };

  constructor(options: ChangesOptions) {
    this.#options = options;
    this.#running = Promise.all([this.#keepLooking(), this.#keepListening()]);
  }

  get mode(): 'listen' | 'poll' {
    return this.#mode;
  }

  get isReachable(): boolean {
    return this.#mode === 'listen' || this.#said.looking === '';
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#cancelReport?.();
    await this.#running;
  }

  async #keepListening(): Promise<void> {
    if (!this.#options.triggers) {
      this.#warn('listening', 'The database role may not create triggers: looking for changes every second');
      return;
    }
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const end = await listenSession({
        url: this.#options.listenUrl,
        pool: this.#options.pool,
        clock: this.#options.clock,
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
      await pause(this.#options.clock, end.deaf ? deafForMs : reconnectAfterMs, signal);
    }
  }

  #listening(): void {
    this.#mode = 'listen';
    if (this.#said.listening !== '') this.#options.log.info('Listening for changes again');
    this.#said.listening = '';
    this.#changed(tableNames);
  }

  #notified(payload: string): void {
    this.#changed(tableNames.filter(table => payload === `${this.#options.schema}.${table}`));
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stopped;
    let last: Fingerprints | null = null;
    while (!signal.aborted) {
      // Listening resumes with a report of all tables, so no old print is needed after it.
      last = this.#mode === 'poll' ? await this.#look(last) : null;
      await pause(this.#options.clock, lookEveryMs, signal);
    }
  }

  /** Null when the database could not be asked: the next look then reports all tables. */
  async #look(last: Fingerprints | null): Promise<Fingerprints | null> {
    try {
      const now = await readFingerprints(this.#options.pool, this.#options.schema);
      this.#said.looking = '';
      // Meanwhile the listener has reported all tables, and hears what comes after.
      if (this.#mode === 'listen') return null;
      this.#changed(last === null ? tableNames : changedTables(last, now));
      return now;
    } catch (error) {
      if (!this.#stopped.signal.aborted)
        this.#warn('looking', `Cannot look for changes of the database (${textOf(error)})`);
      return null;
    }
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
    if (message !== this.#said[about]) this.#options.log.warn(message);
    this.#said[about] = message;
  }
}

const deafSentence =
  'A notification sent through database.url did not arrive at database.listen_url within 2 s ' +
  '(is a pooler in between?): looking for changes every second';

const textOf = (error: unknown): string => {
  // Several addresses refused: the message is empty, the errors are inside.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
};
