import type { Pool } from 'pg';
import type { Clock } from '../../domain/clock.ts';
import { SaidOnce } from '../../domain/said-once.ts';
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

/** So long no table or trigger must have changed before triggers are made: those of a restore come last. */
const settledForMs = 5_000;
/** Until a table that somebody keeps locked is tried again. */
const mendAgainMs = 10_000;
/** Whoever writes to a table waits behind us for as long as we wait for its lock. */
const lockPatienceMs = 200;

/** Makes triggers again that were dropped or disabled while the gateway runs, or says why it cannot. */
export class TriggerUpkeep {
  readonly #options: TriggerUpkeepOptions;
  #alteredAt = Number.NEGATIVE_INFINITY;
  #mendAgainAt = Number.NEGATIVE_INFINITY;
  #locked: readonly string[] = [];
  /** Tables whose triggers the server refused, with why, and as the catalogue had them then. */
  readonly #refused = new Map<string, { readonly print: string; readonly reason: string }>();
  /** By the reason. */
  readonly #said = new SaidOnce();

  constructor(options: TriggerUpkeepOptions) {
    this.#options = options;
  }

  /** Throws what the connection meets. */
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

  /** There is something that the role may do about them, and that the server has not refused. */
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

  /** Of whose changes notifications do not tell, and why not. */
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
