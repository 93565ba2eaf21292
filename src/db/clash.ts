import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import { errors } from '../domain/errors.ts';
import { retried } from './retried.ts';
import type { Database } from './schema.ts';

/*
 * Two rows may not be the same in the columns of a unique constraint. What that means to whoever writes
 * depends on the constraint: an e-mail or a pattern is taken, or a row was to get an id that another row has
 * already. The latter is nobody's fault but the sequence's, which lags behind rows that were written with
 * ids of their own (copied from elsewhere, restored); it is set forward, and the row is written again.
 */
export interface Clash {
  readonly table: string;
  /** By its name; '' where the database does not tell. */
  readonly constraint: string;
  /** Of the constraint, in its order; an expression as its text. */
  readonly columns: readonly string[];
}

interface FoundClash extends Clash {
  /** The table as SQL names it, and what gives its only column the next value; null: nothing that can be found. */
  readonly source: { readonly table: string; readonly sequence: string } | null;
}

/** A write may meet a sequence of its own and the history's, and each again where others write ids of their own meanwhile. */
const triesAtMost = 4;

/**
 * Runs a write, a transaction or a single statement, again once a sequence that lagged behind is set forward, and
 * where another transaction was in its way.
 * Of another clash `onClash` says what it means; without it, it is a `conflict` that names the columns.
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

/** Whether the constraint is about this column, perhaps among others or within an expression. */
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

/** No expression. */
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

/** Null: it is no clash. */
const clashOf = async (db: Kysely<Database>, error: unknown): Promise<FoundClash | null> => {
  if (error instanceof pg.DatabaseError) {
    const { code, schema = '', table = '', constraint = '' } = error;
    return code === uniqueViolation ? found(db, { schema, table, constraint }) : null;
  }
  const failed = error instanceof Error ? sqliteViolation.exec(error.message)?.[1] : undefined;
  if (failed === undefined) return null;
  // `users.email`, several of them, or `index 'name'`.
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
/** Where the role may ask a sequence for values and not set it. */
const stepsAtMost = 1_000_000;

/**
 * Never backwards: gateways do so one at a time, and what the sequence has given meanwhile counts. A row with the
 * largest id that the sequence can give is passed by, for beyond it there is none.
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
