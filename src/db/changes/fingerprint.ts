import pg from 'pg';
import type { TableState } from '../migrations/catalogue.ts';
import { type TableName, tableNames } from '../schema.ts';

/*
 * The content of a table as one text: the number of its rows and the sum of a hash over
 * each row version's place (ctid) and the transaction that wrote it (xmin). PostgreSQL never
 * changes a row in place: an INSERT or UPDATE makes a version whose (ctid, xmin) no other visible
 * version has or, at that place, ever had before, and a DELETE takes one away. So equal prints mean
 * equal tables, except for a 64-bit hash collision. `updated_at` is not enough: manual writes forget it.
 *
 * Why not the plain sum of xmin: transactions do not commit in the order of their numbers, so an
 * old one that commits late can lower one row's xmin by as much as it raises another's.
 *
 * xmin has 32 bits and wraps around. A version could be taken for its predecessor only if its place
 * were reused by a transaction exactly 2^32 later between two looks, which are a second apart.
 * Freezing keeps xmin as it is. A table that is rewritten (VACUUM FULL) changes its print without a
 * change of content: one reload too many, never one too few.
 *
 * An object that is no plain table has rows of other tables, perhaps of other servers, and maybe no versions at
 * all: there the hash covers the text of each row.
 */
export type Fingerprints = ReadonlyMap<TableName, string>;

/** A locked table has no print; a statement waits for the lock no longer than this. */
const lockPatienceMs = 2_000;

/** One statement, so that all tables are read at one moment. Throws also if one of them is locked. */
export const readFingerprints = async (
  client: pg.ClientBase,
  schema: string,
  tables: ReadonlyMap<TableName, Pick<TableState, 'isPlain'>>,
): Promise<Fingerprints> => {
  const prints = [...tables].map(([table, { isPlain }]) => fingerprintOf(schema, table, isPlain));
  await client.query('BEGIN READ ONLY');
  await client.query(`SET LOCAL lock_timeout = ${lockPatienceMs}`);
  const { rows } = await client.query<{ table: TableName; print: string }>(prints.join(' UNION ALL '));
  await client.query('COMMIT');
  return new Map(rows.map(row => [row.table, row.print]));
};

// A ctid ends with a bracket, so no separator is needed.
const fingerprintOf = (schema: string, table: TableName, isPlain: boolean): string =>
  `SELECT '${table}' AS "table",
     concat(count(*), ':', sum(hashtextextended(${isPlain ? 'concat(ctid, xmin)' : 't::text'}, 0))) AS print
   FROM ${pg.escapeIdentifier(schema)}.${table} t`;

/** A table without an earlier print counts as changed. */
export const changedTables = (before: Fingerprints, after: Fingerprints): TableName[] =>
  tableNames.filter(table => after.has(table) && before.get(table) !== after.get(table));
