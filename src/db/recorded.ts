import { type Kysely, PostgresAdapter, sql, type Transaction } from 'kysely';
import { writing } from './clash.ts';
import { actorSetting, differences, entryColumns, historyTable, restoresSetting } from './migrations/history.ts';
import { type RecordedTable, recordedTables } from './recorded-tables.ts';
import type { Database } from './schema.ts';

/** Arbitrary numbers that all gateways share. */
const writersLocks = { mappings: 7_430_119_002, pools: 7_430_119_003, providers: 7_430_119_005 } as const;

export interface WriteOf {
  /** The name in the history; by default the database role. */
  readonly actor?: string | undefined;
  /** Serialises the writers of all gateways, so that the checked state is the stored one. */
  readonly lock: keyof typeof writersLocks;
  /** The entry of the history that this write restores. */
  readonly restores?: number | undefined;
}

/**
 * The only place that begins transactions which change mappings, settings, boosts and schedules. It tells the history
 * who writes. If a table has no trigger that records its changes, they are found by comparing its rows before and
 * after, which reads the whole table.
 *
 * SQLite has no history, so there it is a plain transaction, which holds the lock of the file from its beginning.
 *
 * `write` may run more than once (clash.ts).
 */
export const recorded = <T>(
  db: Kysely<Database>,
  { actor = '', lock, restores }: WriteOf,
  write: (trx: Transaction<Database>) => Promise<T>,
): Promise<T> => {
  const transaction = async (trx: Transaction<Database>): Promise<T> => {
    if (!(trx.getExecutor().adapter instanceof PostgresAdapter)) return write(trx);
    const begun = await sql<{ unrecorded: string[]; may_insert: boolean }>`
      SELECT pg_advisory_xact_lock(${writersLocks[lock]}), set_config(${actorSetting}, ${actor}, true),
        set_config(${restoresSetting}, ${restores === undefined ? '' : String(restores)}, true),
        ARRAY(SELECT name FROM unnest(${sql.val(recordedTables.map(({ table }) => table))}::text[]) AS t(name)
          WHERE to_regclass(name) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(name)
            AND tgname = 'tokligence_history_update' AND tgenabled IN ('O', 'A'))) AS unrecorded,
        has_table_privilege(${historyTable}, 'INSERT') AS may_insert`.execute(trx);
    const { unrecorded = [], may_insert = false } = begun.rows[0] ?? {};
    const compared = may_insert ? recordedTables.filter(({ table }) => unrecorded.includes(table)) : [];
    const before = [];
    for (const one of compared) before.push({ recorded: one, rows: await rowsOf(trx, one) });
    const written = await write(trx);
    for (const { recorded: one, rows } of before) await recordDifferences(trx, one, rows);
    return written;
  };
  return writing(db, () => db.transaction().execute(transaction));
};

/** As a text that is only passed back to the server and never parsed here. */
const rowsOf = async (trx: Transaction<Database>, { table }: RecordedTable): Promise<string> => {
  const { rows } = await sql<{ rows: string }>`
    SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')::text AS rows FROM ${sql.table(table)} t`.execute(trx);
  return rows[0]?.rows ?? '[]';
};

const recordDifferences = async (trx: Transaction<Database>, one: RecordedTable, before: string): Promise<void> => {
  // The rows before are the statement's only parameter; the rest is constant text.
  const source = `jsonb_populate_recordset(NULL::${one.table}, before_rows.value)`;
  const [head = '', tail = ''] = differences(one, source, one.table).split('before_rows.value');
  await sql`INSERT INTO ${sql.table(historyTable)} (${sql.raw(entryColumns)})
    ${sql.raw(head)}${before}::jsonb${sql.raw(tail)}`.execute(trx);
};
