import type { Pool } from 'pg';
import type { Clock } from '../domain/clock.ts';
import type { Events } from '../telemetry/events.ts';
import type { Catalogue, TableState } from './catalogue.ts';
import type { Seen } from './looks.ts';
import { onConnection } from './postgres.ts';
import { tableNames } from './schema.ts';
import { mendTriggers, statementsFor } from './trigger-mending.ts';
import { tellsAll } from './triggers.ts';

export interface UpkeepOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Pick<Events, 'info' | 'warn' | 'error'>;
  /** Makes everything in a database that has nothing of ours; answers the schema it is in. */
  readonly renew: () => Promise<string>;
}

/** So long nothing of ours must have been there before all of it is created: a restore may be about to begin. */
const emptyForMs = 30_000;
/** So long no table or trigger must have changed before triggers are made: those of a restore come last. */
const settledForMs = 5_000;
/** Until a table that somebody keeps locked is tried again. */
const mendAgainMs = 10_000;
/** Whoever writes to a table waits behind us for as long as we wait for its lock. */
const lockPatienceMs = 200;

/**
 * Keeps our tables usable while the gateway runs: makes triggers again that were dropped or disabled, and
 * everything in a database that was replaced by an empty one. A single table that is missing is never created:
 * its rows may be elsewhere, and about to come back.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #emptySince: number | null = null;
  #alteredAt = Number.NEGATIVE_INFINITY;
  #mendAgainAt = Number.NEGATIVE_INFINITY;
  #locked: readonly string[] = [];
  /** Tables whose triggers the server refused, with why, and as the catalogue had them then. */
  readonly #refused = new Map<string, { readonly print: string; readonly reason: string }>();
  /** The reasons that were told of at the look before. */
  #untold: readonly string[] = [];
  /** What was said last about each, so that what lasts is said once. */
  readonly #said = new Map<string, string>();

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Answers the schema where everything was made anew, else null. Throws what the connection meets. */
  async attend({ catalogue, isAltered }: Seen, schema: string, signal: AbortSignal): Promise<string | null> {
    this.#tellMissing(catalogue);
    if (catalogue.isEmpty) return this.#renewInTime();
    this.#emptySince = null;
    if (isAltered) this.#alteredAt = this.#options.clock.now();
    await this.#mendInTime(catalogue, schema, signal);
    this.#tellUntold(catalogue);
    return null;
  }

  /** The database could not be asked: nobody knows what was there meanwhile. */
  lost(): void {
    this.#emptySince = null;
  }

  async #renewInTime(): Promise<string | null> {
    const { pool, clock, log, renew } = this.#options;
    this.#emptySince ??= clock.now();
    if (clock.now() - this.#emptySince < emptyForMs || (await isBeingRestored(pool))) return null;
    try {
      return await renew();
    } catch (error) {
      this.#emptySince = clock.now();
      this.#say('renewal', `The tables cannot be created: ${error}`, text => log.error(text, error));
      return null;
    }
  }

  async #mendInTime({ tables }: Catalogue, schema: string, signal: AbortSignal): Promise<void> {
    const { pool, clock, log } = this.#options;
    const now = clock.now();
    if (now - this.#alteredAt < settledForMs || now < this.#mendAgainAt) return;
    const isWanting = ([table, state]: [string, TableState]) =>
      this.#refused.get(table)?.print !== state.print && statementsFor(schema, table, state).length > 0;
    if (![...tables].some(isWanting)) {
      this.#locked = [];
      return;
    }
    if (await isBeingRestored(pool)) return;
    const mend = await onConnection(pool, signal, client =>
      mendTriggers(client, schema, { patienceMs: lockPatienceMs, isStart: false }),
    );
    if (mend.made.length > 0) log.info(`Made the triggers of ${mend.made.join(', ')} again`);
    for (const [table, reason] of mend.refused)
      this.#refused.set(table, { print: tables.get(table)?.print ?? '', reason });
    this.#locked = mend.locked;
    this.#mendAgainAt = now + mendAgainMs;
  }

  #tellMissing({ missing, isEmpty }: Catalogue): void {
    const { log } = this.#options;
    const text = isEmpty ? nothingThere : missing.length > 0 ? lacking(missing) : '';
    if (text !== '') this.#say('tables', text, log.warn);
    else if (this.#said.delete('tables')) log.info('The database has all tables of the gateway again');
  }

  /** Why changes of some tables have to be looked for, although notifications arrive. */
  #tellUntold({ tables }: Catalogue): void {
    const byReason = Map.groupBy(tableNames, name => this.#whyUntold(name, tables.get(name)));
    for (const [reason, names] of byReason) {
      const text = `Looking for changes of ${names.join(', ')} every second: ${reason}`;
      if (reason !== null) this.#say(reason, text, this.#options.log.warn);
    }
    for (const reason of this.#untold) if (!byReason.has(reason)) this.#said.delete(reason);
    this.#untold = [...byReason.keys()].filter(reason => reason !== null);
  }

  #whyUntold(name: string, state: TableState | undefined): string | null {
    if (state === undefined || tellsAll(state)) return null;
    if (!state.isPlain) return 'that is no ordinary table, so triggers cannot tell of everything';
    if (state.isMute) return 'before version 15 PostgreSQL tells nobody of what logical replication writes there';
    if (!state.isOwned) return 'only its owner may create all triggers there';
    if (this.#locked.includes(name)) return 'its triggers cannot be created while somebody keeps it locked';
    const refusal = this.#refused.get(name);
    return refusal === undefined ? null : `the server refused its triggers (${refusal.reason})`;
  }

  #say(about: string, text: string, say: (text: string) => void): void {
    if (this.#said.get(about) !== text) say(text);
    this.#said.set(about, text);
  }
}

const nothingThere =
  'The database has none of the tables of the gateway: what was read before goes on serving. ' +
  'If it stays so for 30 s, all of them are created';

const lacking = (missing: readonly string[]): string =>
  `The database has no table ${missing.join(', ')}: what needs it is answered with 503 until it is back. ` +
  'The gateway creates no single table while it runs';

const isBeingRestored = async (pool: Pool): Promise<boolean> => {
  const { rows } = await pool.query<{ restoring: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'pg_restore') AS restoring`,
  );
  return rows[0]?.restoring === true;
};
