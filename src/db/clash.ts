import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import { errors } from '../domain/errors.ts';
import { retried } from './retried.ts';
import type { Database } from './schema.ts';

/* A violation of a unique constraint. Its meaning to the caller depends on the constraint: an e-mail or a pattern is
   taken, or the generated ID belongs to another row already. The latter happens when the sequence lags behind rows
   that were written with explicit IDs (copied from elsewhere, restored); then the sequence is set forward, and the
   row is written again. */
export interface Clash {
  readonly table: string;
  /** The name of the constraint; '' if the database does not report it. */
  readonly constraint: string;
  /** The columns of the constraint, in its order; an expression as its text. */
  readonly columns: readonly string[];
}

interface FoundClash extends Clash {
  /** The table as SQL names it, and the sequence of its only column; null if none can be found. */
  readonly source: { readonly table: string; readonly sequence: string } | null;
}

/** A write may hit its own sequence and the history's, and each again if others insert explicit IDs meanwhile. */
const triesAtMost = 4;

/**
 * Runs a write, a transaction or a single statement, again after a lagging sequence was set forward or another
 * transaction was in its way. `onClash` turns other clashes into errors; without it, they become a `conflict` that
 * names the columns.
 */
export async function writing<T>(
  db: Kysely<Database>,
  write: () => Promise<T>,
  onClash: (clash: Clash) => T | Promise<T> = refused,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await retried(write);
    } catch (error) {
      const clash = await clashOf(db, error);
      if (clash === null) throw error;
      if (clash.columns.join() !== 'id') return onClash(clash);
      if (clash.source === null || tries === triesAtMost) throw noFreeId(clash);
      await setForward(db, clash.source).catch((refusal: unknown) => {
        throw refusal instanceof pg.DatabaseError && refusal.code === insufficientPrivilege ? noFreeId(clash) : refusal;
      });
    }
  }
}

/** Whether the constraint includes this column, perhaps among others or within an expression. */
export const isAbout = ({ columns }: Clash, column: string): boolean =>
  columns.some(text => new RegExp(`\\b${column}\\b`).test(text));

export const refused = (clash: Clash): never => {
  const { table, constraint, columns } = clash;
  if (columns.length === 0) throw errors.conflict(`Another row is in the way of this one (${constraint || 'unique'}).`);
  throw errors.conflict(
    `There is already another row of ${table} with this ${columns.join(' and ')}.`,
    columns.find(isName),
  );
};

/** False for an expression. */
const isName = (column: string): boolean => /^\w+$/.test(column);

const noFreeId = ({ table, constraint, source }: FoundClash) => {
  const cause =
    source === null
      ? 'and no sequence is found behind its ids'
      : `and ${source.sequence} could not be set forward (has the database role UPDATE on it?)`;
  return errors.unavailable(`The table ${table} gives a new row the id of another one (${constraint}), ${cause}.`, 60);
};

const uniqueViolation = '23505';
const insufficientPrivilege = '42501';
const sqliteViolation = /^UNIQUE constraint failed: (.*)$/;

/** Returns null if the error is no clash. */
const clashOf = async (db: Kysely<Database>, error: unknown): Promise<FoundClash | null> => {
  if (error instanceof pg.DatabaseError) {
    const { code, schema = '', table = '', constraint = '' } = error;
    return code === uniqueViolation ? found(db, { schema, table, constraint }) : null;
  }
  const failed = error instanceof Error ? sqliteViolation.exec(error.message)?.[1] : undefined;
  if (failed === undefined) return null;
  // SQLite names `users.email`, several such columns, or `index 'name'`.
  const parts = failed.split(', ').map(part => part.split('.'));
  const columns = parts.flatMap(([, column]) => (column === undefined ? [] : [column]));
  return { table: columns.length === 0 ? '' : (parts[0]?.[0] ?? ''), constraint: failed, columns, source: null };
};

const found = async (
  db: Kysely<Database>,
  { schema, table, constraint }: { schema: string; table: string; constraint: string },
): Promise<FoundClash> => {
  const { rows } = await sql<{ columns: string[]; relation: string; sequence: string | null }>`
    SELECT ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k) AS columns,
      i.indrelid::regclass::text AS relation,
      CASE a.attidentity WHEN '' THEN
        (SELECT min(s.oid::regclass::text) FROM pg_attrdef e
          JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
          JOIN pg_class s ON d.refclassid = 'pg_class'::regclass AND s.oid = d.refobjid AND s.relkind = 'S'
          WHERE e.adrelid = a.attrelid AND e.adnum = a.attnum)
      ELSE
        (SELECT min(s.oid::regclass::text) FROM pg_depend d
          JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
          WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
            AND d.deptype = 'i')
      END AS sequence
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = x.relnamespace
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND i.indnkeyatts = 1
    WHERE n.nspname = ${schema} AND x.relname = ${constraint}`.execute(db);
  const { columns = [], relation = '', sequence = null } = rows[0] ?? {};
  return { table, constraint, columns, source: sequence === null ? null : { table: relation, sequence } };
};

const sequencesLock = 7_430_119_004;
/** A role that may read a sequence but not set it advances it step by step, up to this many steps. */
const stepsAtMost = 1_000_000;

/**
 * Never sets a sequence back: gateways do this one at a time, and values given out meanwhile count. A row with the
 * largest ID that the sequence can produce is ignored, because no ID can follow it.
 */
const setForward = (db: Kysely<Database>, { table, sequence }: { table: string; sequence: string }): Promise<unknown> =>
  db.transaction().execute(async trx => {
    await sql`SELECT pg_advisory_xact_lock(${sequencesLock})`.execute(trx);
    await sql`
      SELECT CASE WHEN has_sequence_privilege(seqrelid, 'UPDATE') THEN setval(seqrelid, target)
        ELSE (SELECT max(step) FROM (SELECT nextval(seqrelid) AS step
          FROM generate_series(1, least(target - given, ${sql.lit(stepsAtMost)}))) steps) END
      FROM (SELECT seqrelid, seqincrement, (SELECT max(id) FROM ${sql.raw(table)} WHERE id < seqmax)::bigint AS target,
          CASE WHEN has_sequence_privilege(seqrelid, 'USAGE, SELECT')
            THEN coalesce(pg_sequence_last_value(seqrelid), seqstart - 1) END AS given
        FROM pg_sequence WHERE seqrelid = ${sequence}::regclass) s
      WHERE seqincrement > 0 AND given < target`.execute(trx);
  });
