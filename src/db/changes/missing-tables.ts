import type { Pool } from 'pg';
import type { Clock } from '../../domain/clock.ts';
import { SaidOnce } from '../../domain/structures/said-once.ts';
import type { Events } from '../../telemetry/events.ts';
import type { Catalogue } from '../migrations/catalogue.ts';
import { isNeeded } from '../migrations/tables.ts';

export interface MissingTablesOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Pick<Events, 'info' | 'warn' | 'error'>;
  /** Creates everything in a database without our tables; resolves to the schema. */
  readonly renew: () => Promise<string>;
}

/** The database must have been empty for this long before all tables are created: a restore may be about to begin. */
const emptyForMs = 30_000;

/**
 * Logs tables that are missing while the gateway runs. In a database that was replaced by an empty one it creates
 * everything; a single table is never created, because its rows may be elsewhere and about to return.
 */
export class MissingTables {
  readonly #options: MissingTablesOptions;
  #emptySince: number | null = null;
  /** The creation failed in between: the tables may exist and the admin not. */
  #isUnfinished = false;
  readonly #said = new SaidOnce<'missing' | 'failure'>();

  constructor(options: MissingTablesOptions) {
    this.#options = options;
  }

  /** Resolves to the schema if everything was created, else null. Rejects with errors of the connection. */
  async attend(catalogue: Catalogue): Promise<string | null> {
    const { isEmpty } = catalogue;
    const missing = catalogue.missing.filter(isNeeded);
    this.#tell(isEmpty ? nothingThere : missing.length > 0 ? lacking(missing) : null);
    if (isEmpty) return this.#renewInTime();
    this.#emptySince = null;
    return this.#isUnfinished && missing.length === 0 ? this.#renew() : null;
  }

  /** The database could not be queried: earlier observations are void. */
  lost(): void {
    this.#emptySince = null;
  }

  async #renewInTime(): Promise<string | null> {
    const { pool, clock } = this.#options;
    this.#emptySince ??= clock.now();
    if (clock.now() - this.#emptySince < emptyForMs || (await isBeingRestored(pool))) return null;
    return this.#renew();
  }

  async #renew(): Promise<string | null> {
    const { clock, log, renew } = this.#options;
    try {
      const schema = await renew();
      this.#isUnfinished = false;
      return schema;
    } catch (error) {
      this.#isUnfinished = true;
      this.#emptySince = clock.now();
      const failure = `The tables cannot be created: ${error}`;
      if (this.#said.isNews('failure', failure)) log.error(failure, error);
      return null;
    }
  }

  #tell(fault: string | null): void {
    const { log } = this.#options;
    if (fault !== null) {
      if (this.#said.isNews('missing', fault)) log.warn(fault);
    } else if (this.#said.isOver('missing')) log.info('The database has all tables of the gateway again');
  }
}

const nothingThere =
  'The database has none of the tables of the gateway: what was read before goes on serving. ' +
  'If it stays so for 30 s, all of them are created';

const lacking = (missing: readonly string[]): string =>
  `The database has no table ${missing.join(', ')}: what needs it is answered with 503 until it is back. ` +
  'The gateway creates no single table while it runs';

/** Recognised by pg_restore's application name; existing tables and triggers would stop it. */
export const isBeingRestored = async (pool: Pool): Promise<boolean> => {
  const { rows } = await pool.query<{ restoring: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'pg_restore') AS restoring`,
  );
  return rows[0]?.restoring === true;
};
