import type { RecordedTable } from '../recorded-tables.ts';

/* An entry of the history names who, when, which object, before and after. A change of `updated_at` alone is no
   entry.

   An exact pattern that was written in clear is recorded as sha256:<hex>: the key itself must not outlive its row
   here. Both spellings mean the same pattern. */
export const historyTable = 'api_key_priority_history';
/** Set for one transaction by writes of the admin API: the caller's name. */
export const actorSetting = 'tokligence.actor';
/** The entry that the transaction restores. */
export const restoresSetting = 'tokligence.restores';

/** The SQL columns of an entry, in this order. */
export const entryColumns = 'actor, via, db_role, object, object_id, kind, before, after, restores';

const actor = `nullif(current_setting('${actorSetting}', true), '')`;
const restores = `nullif(current_setting('${restoresSetting}', true), '')::bigint`;
const writer = `coalesce(${actor}, session_user), CASE WHEN ${actor} IS NULL THEN 'sql' ELSE 'api' END, session_user`;

export const createdEntry = (recorded: RecordedTable): string =>
  `${writer}, '${recorded.object}', ${idOf(recorded, 'n')}, 'create', NULL::jsonb, ${imageOf(recorded, 'n')}, ${restores}`;

export const deletedEntry = (recorded: RecordedTable): string =>
  `${writer}, '${recorded.object}', ${idOf(recorded, 'o')}, 'delete', ${imageOf(recorded, 'o')}, NULL::jsonb, ${restores}`;

/** SQL for the entries of the differences between the rows `before` and `after`, joined by the table's key. */
export const differences = (recorded: RecordedTable, before: string, after: string): string => {
  const [first = ''] = recorded.key;
  const kind = `CASE WHEN o.${first} IS NULL THEN 'create' WHEN n.${first} IS NULL THEN 'delete' ELSE 'update' END`;
  const id = `coalesce(${idOf(recorded, 'n')}, ${idOf(recorded, 'o')})`;
  const sameKey = recorded.key.map(column => `o.${column} = n.${column}`).join(' AND ');
  return `SELECT ${writer}, '${recorded.object}', ${id}, ${kind}, ${imageOf(recorded, 'o')}, ${imageOf(recorded, 'n')}, ${restores}
    FROM ${before} o FULL JOIN ${after} n ON ${sameKey}
    WHERE to_jsonb(o) - 'updated_at' IS DISTINCT FROM to_jsonb(n) - 'updated_at'`;
};

const idOf = ({ key }: RecordedTable, row: string): string =>
  key.map(column => `${row}.${column}::text`).join(` || '/' || `);

/** SQL for a row as JSON, without a key in clear; null if there is no such row. */
const imageOf = ({ object, without }: RecordedTable, row: string): string => {
  if (without !== undefined) return `to_jsonb(${row}) - '${without}'`;
  if (object !== 'mapping') return `to_jsonb(${row})`;
  const digest = `'sha256:' || encode(sha256(convert_to(${row}.pattern, 'UTF8')), 'hex')`;
  return `CASE WHEN ${row}.match_type = 'exact' AND ${row}.pattern NOT LIKE 'sha256:%'
    THEN to_jsonb(${row}) || jsonb_build_object('pattern', ${digest}) ELSE to_jsonb(${row}) END`;
};
