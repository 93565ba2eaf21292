/** The SQLite file of the Personal edition: opened, brought up to date, watched. */
import type { Kysely } from 'kysely';
import type { Config } from '../config/config.ts';
import { migrateSqlite } from '../db/migrations/migrations.ts';
import { retryUntilDone } from '../db/postgres/postgres.ts';
import type { Database } from '../db/schema.ts';
import { openSqlite, type Sqlite, sqliteFile } from '../db/sqlite/sqlite.ts';
import { watchSqlite } from '../db/sqlite/sqlite-changes.ts';
import { isLocked } from '../db/sqlite/sqlite-fault.ts';
import type { Clock } from '../domain/clock.ts';
import type { Events } from '../telemetry/events.ts';
import { type Condition, personalCondition, starting } from './condition.ts';

interface PersonalDatabaseParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly events: Events;
}

interface PersonalDatabaseUses {
  readonly signal: AbortSignal;
  /** Stores the required rows before anything is served. */
  readonly prepare: () => Promise<void>;
  /** Reads what must be in memory before anything is served. */
  readonly load: () => Promise<void>;
  /** Not called before the tables exist. */
  readonly onChange: () => void;
}

export class PersonalDatabase {
  readonly #parts: PersonalDatabaseParts;
  readonly #sqlite: Sqlite;
  #isServing = false;
  #stopWatching: () => void = () => {};

  constructor(parts: PersonalDatabaseParts) {
    const { config, clock, events } = parts;
    this.#parts = parts;
    this.#sqlite = openSqlite(sqliteFile(config.gateway.dataDir), { clock, log: events });
  }

  get db(): Kysely<Database> {
    return this.#sqlite.db;
  }

  /** Waits without a limit for a lock that another process holds; rejects on any other fault. */
  async start({ signal, prepare, load, onChange }: PersonalDatabaseUses): Promise<void> {
    const { clock, events } = this.#parts;
    let hasTables = false;
    const onWrite = () => hasTables && onChange();
    this.#stopWatching = watchSqlite({ sqlite: this.#sqlite, clock, log: events, onChange: onWrite });
    // A stop before the start has finished ends the wait for a lock.
    signal.addEventListener('abort', () => this.#isServing || void this.close());
    const migrate = async () => {
      await migrateSqlite(this.db);
      await prepare();
    };
    // SQLite's layer logs the wait.
    await retryUntilDone(migrate, { signal, clock, onFailure: () => {}, isFatal: error => !isLocked(error) });
    hasTables = true;
    await load();
    this.#isServing = true;
  }

  condition(): Condition {
    return this.#isServing ? personalCondition(this.#sqlite) : starting(this.#sqlite.faults().writing);
  }

  stopWatching(): void {
    this.#stopWatching();
  }

  /** Rejects what waits for a lock; safe to call more than once. */
  close(): Promise<void> {
    return this.#sqlite.close();
  }
}
