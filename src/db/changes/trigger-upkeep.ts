import type { Pool } from 'pg';
import type { Clock } from '../../domain/clock.ts';
import { SaidOnce } from '../../domain/structures/said-once.ts';
import type { Events } from '../../telemetry/events.ts';
import type { Catalogue, TableState } from '../migrations/catalogue.ts';
import { isWanting, type Mending, mendTriggers } from '../migrations/trigger-mending.ts';
import { tellsAll } from '../migrations/triggers.ts';
import { onConnection } from '../postgres/postgres.ts';
import { tableNames } from '../schema.ts';
import type { Seen } from './looks.ts';
import { isBeingRestored } from './missing-tables.ts';

export interface TriggerUpkeepOptions {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Pick<Events, 'info' | 'warn'>;
}

/** Tables and triggers must be unchanged for this long before triggers are created: a restore creates its own last. */
const settledForMs = 5_000;
/** The time until a locked table is tried again. */
const mendAgainMs = 10_000;
/** Writes to a table queue behind our request for its lock for this time at most. */
const lockPatienceMs = 200;

/** Recreates triggers that were dropped or disabled while the gateway runs, or logs why it cannot. */
export class TriggerUpkeep {
  readonly #options: TriggerUpkeepOptions;
  #alteredAt = Number.NEGATIVE_INFINITY;
  #mendAgainAt = Number.NEGATIVE_INFINITY;
  #locked: readonly string[] = [];
  /** Tables whose triggers the server refused, with the reason, and their state in the catalogue at that time. */
  readonly #refused = new Map<string, { readonly print: string; readonly reason: string }>();
  /** By the reason. */
  readonly #said = new SaidOnce();

  constructor(options: TriggerUpkeepOptions) {
    this.#options = options;
  }

  /** Rejects with errors of the connection. */
  async attend({ catalogue, isAltered }: Seen, schema: string, signal: AbortSignal): Promise<void> {
    const { pool, clock } = this.#options;
    const now = clock.now();
    if (isAltered) this.#alteredAt = now;
    const isDue = !catalogue.isReadOnly && now - this.#alteredAt >= settledForMs && now >= this.#mendAgainAt;
    if (isDue && this.#isWanting(catalogue, schema) && !(await isBeingRestored(pool))) {
      const mend = { patienceMs: lockPatienceMs, isStart: false };
      this.#note(await onConnection(pool, signal, client => mendTriggers(client, schema, mend)), catalogue);
      this.#mendAgainAt = now + mendAgainMs;
    }
    this.#tellUntold(catalogue);
  }

  /** Whether triggers are missing that the role can create, and the server has not refused. */
  #isWanting({ tables }: Catalogue, schema: string): boolean {
    return [...tables].some(
      ([table, state]) => this.#refusalOf(table, state) === null && isWanting(schema, table, state),
    );
  }

  #note({ made, locked, refused }: Mending, { tables }: Catalogue): void {
    if (made.length > 0) this.#options.log.info(`Made the triggers of ${made.join(', ')} again`);
    this.#locked = locked;
    for (const [table, reason] of refused) this.#refused.set(table, { print: tables.get(table)?.print ?? '', reason });
  }

  #refusalOf(table: string, { print }: TableState): string | null {
    const refusal = this.#refused.get(table);
    return refusal?.print === print ? refusal.reason : null;
  }

  /** Logs the tables without notifications, and the reason. */
  #tellUntold({ tables, isReadOnly }: Catalogue): void {
    const whyUntold = (name: string) => this.#whyUntold(name, tables.get(name), isReadOnly);
    const byReason = Map.groupBy(tableNames, whyUntold);
    const texts = new Map<string, string>();
    for (const [reason, names] of byReason)
      if (reason !== null) texts.set(reason, `Looking for changes of ${names.join(', ')} every second: ${reason}`);
    for (const [, text] of this.#said.news(texts)) this.#options.log.warn(text);
  }

  #whyUntold(name: string, state: TableState | undefined, isReadOnly: boolean): string | null {
    if (state === undefined || tellsAll(state)) return null;
    if (isReadOnly) return 'the database is read-only, so its triggers cannot be created';
    if (!state.isPlain) return 'that is no ordinary table, so triggers cannot tell of everything';
    if (state.isMute) return 'before version 15 PostgreSQL tells nobody of what logical replication writes there';
    if (!state.isOwned) return 'only the owner may create all triggers there';
    const refusal = this.#refusalOf(name, state);
    if (refusal !== null) return `the server refused the triggers there (${refusal})`;
    return this.#locked.includes(name) ? 'somebody keeps that locked, so its triggers cannot be created' : null;
  }
}
