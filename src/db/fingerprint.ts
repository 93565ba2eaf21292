import pg from 'pg';
import { type TableName, tableNames } from './schema.ts';

/*
 * What a table contains, in one text per table: the number of its rows and the sum of a hash over
 * each row version's place (ctid) and the transaction that wrote it (xmin). PostgreSQL never
 * changes a row in place: an INSERT or UPDATE makes a version whose (ctid, xmin) no other visible
 * version has or, at that place, ever had before, and a DELETE takes one away. So equal prints mean
 * equal tables, but for a 64-bit hash collision. `updated_at` would not do: hands forget it.
 *
 * Why not the plain sum of xmin: transactions do not commit in the order of their numbers, so an
 * old one that commits late can lower one row's xmin by as much as it raises another's.
 *
 * xmin has 32 bits and wraps around. A version could be taken for its predecessor only if its place
 * were reused by a transaction exactly 2^32 later while nobody looked; looks are a second apart.
 * Freezing keeps xmin as it is. A table that is rewritten (VACUUM FULL) changes its print without a
 * change of content: one reload too many, never one too few.
 */
export type Fingerprints = ReadonlyMap<TableName, string>;

/** One statement, so that all tables are seen at one moment. */
export const readFingerprints = async (pool: pg.Pool, schema: string): Promise<Fingerprints> => {
  const { rows } = await pool.query<{ table: TableName; print: string }>(
    tableNames.map(table => fingerprintOf(schema, table)).join(' UNION ALL '),
  );
  return new Map(rows.map(row => [row.table, row.print]));
};

const fingerprintOf = (schema: string, table: TableName): string =>
  `SELECT '${table}' AS "table",
     concat(count(*), ':', sum(hashtextextended(concat(ctid, ':', xmin), 0))) AS print
   FROM ${pg.escapeIdentifier(schema)}.${table}`;

export const changedTables = (before: Fingerprints, after: Fingerprints): TableName[] =>
  tableNames.filter(table => before.get(table) !== after.get(table));
