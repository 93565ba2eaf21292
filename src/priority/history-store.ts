import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely';
import { legible } from '../db/legible.ts';
import { recorded } from '../db/recorded.ts';
import { atOneMoment } from '../db/retried.ts';
import { type Database, type HistoryRow, historyRow, type RecordedTable, recordedTables } from '../db/schema.ts';
import { wordOf } from '../db/word.ts';
import { errors } from '../domain/errors.ts';
import { digestOfExact } from './matching/pattern.ts';
import { type Image, isImage, type RestoreChecks, refuseBeside, refuseUnfit } from './restore-checks.ts';
import { refuseStale, type WriteBy } from './rows/stale.ts';

export interface HistoryFilter {
  readonly object?: string | undefined;
  readonly object_id?: string | undefined;
  readonly actor?: string | undefined;
  readonly kind?: string | undefined;
  /** ISO-8601 in UTC; `from` is within, `to` is not. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly before_id?: number | undefined;
  readonly limit: number;
  readonly offset: number;
}

const table = 'api_key_priority_history';
/** Entries deleted at a stretch. */
const pruneSize = 5_000;

/** The rows of api_key_priority_history, and how one brings its object back. */
export class HistoryStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Newest first; `total` counts all that match, `before_id` aside. */
  async list(filter: HistoryFilter): Promise<{ history: HistoryRow[]; total: number }> {
    const { before_id, limit, offset } = filter;
    return atOneMoment(this.#db, async trx => {
      const wanted = trx.selectFrom(table).where(entry => entry.and(conditions(entry, filter)));
      const { total } = await wanted.select(row => row.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
      const page = before_id === undefined ? wanted : wanted.where('id', '<', before_id);
      const history = await page.selectAll().orderBy('id', 'desc').limit(limit).offset(offset).execute();
      return { history: legible(historyRow, history), total };
    });
  }

  async find(id: number): Promise<HistoryRow | null> {
    return (await this.#db.selectFrom(table).selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
  }

  /** The last entry by which this one was restored. */
  async findRestoring({ id, object, object_id }: HistoryRow): Promise<HistoryRow | null> {
    const wanted = this.#db.selectFrom(table).selectAll().where('object', '=', object);
    const newest = wanted.where('object_id', '=', object_id).where('restores', '=', id).orderBy('id', 'desc').limit(1);
    return (await newest.executeTakeFirst()) ?? null;
  }

  /** Puts the object back to its state right after this entry. False: it was in that state already. */
  async restore(entry: HistoryRow, { actor, ifMatch }: WriteBy, checks: RestoreChecks): Promise<boolean> {
    const target = recordedTables.find(({ object }) => object === entry.object);
    if (target === undefined) throw errors.conflict(`This gateway does not know what a ${entry.object} is.`);
    if (![entry.before, entry.after].every(image => image === null || isImage(image)))
      throw errors.conflict(`It cannot be restored: the entry ${entry.id} holds no row.`);
    const lock = target.object.startsWith('pool_') ? 'pools' : 'mappings';
    try {
      return await recorded(this.#db, { actor, lock, restores: entry.id }, async trx => {
        const current = await lockCurrent(trx, target, entry.after ?? entry.before ?? {});
        refuseStale(ifMatch, current, entry.after);
        const isChanged = await putBack(trx, target, { current, entry, now: checks.now });
        if (isChanged && target.object === 'pool_setting') {
          await refuseUnfit(trx, String((entry.after ?? entry.before)?.pool), checks.checkPool);
        }
        return isChanged;
      });
    } catch (error) {
      throw asConflict(error);
    }
  }

  /**
   * Keeps the newest `mostEntries`, and of these what is younger than `days` or among the newest
   * `leastEntries`. Answers how many went.
   */
  async prune(keep: { mostEntries: number; leastEntries: number; days: number }): Promise<number> {
    const nth = (offset: number) => sql`(SELECT id FROM ${sql.table(table)} ORDER BY id DESC OFFSET ${offset} LIMIT 1)`;
    const { rows } = await sql<{ last: number | null }>`SELECT greatest(${nth(keep.mostEntries)},
      (SELECT id FROM ${sql.table(table)} WHERE id <= ${nth(keep.leastEntries)}
        AND at < now() - make_interval(days => ${keep.days}) ORDER BY id DESC LIMIT 1)) AS last`.execute(this.#db);
    const last = rows[0]?.last ?? null;
    if (last === null) return 0;
    for (let gone = 0; ; ) {
      const oldest = this.#db.selectFrom(table).select('id').where('id', '<=', last).orderBy('id').limit(pruneSize);
      const { numDeletedRows } = await this.#db.deleteFrom(table).where('id', 'in', oldest).executeTakeFirstOrThrow();
      gone += Number(numDeletedRows);
      if (numDeletedRows < pruneSize) return gone;
    }
  }
}

const conditions = (entry: ExpressionBuilder<Database, typeof table>, filter: HistoryFilter) => {
  const { object, object_id, actor, kind, from, to } = filter;
  const equals = Object.entries({ object, object_id, actor, kind }).flatMap(([column, value]) =>
    value === undefined ? [] : [entry(column as keyof HistoryRow, '=', value)],
  );
  return [
    ...equals,
    ...(from === undefined ? [] : [entry('at', '>=', from)]),
    ...(to === undefined ? [] : [entry('at', '<', to)]),
  ];
};

/** A row of the table that the image is of, as a source of typed values. */
const typed = ({ table }: RecordedTable, image: Image) =>
  sql`jsonb_populate_record(NULL::${sql.table(table)}, ${JSON.stringify(image)}::jsonb) p`;

const hasKeyOf = (target: RecordedTable, image: Image) =>
  sql.join(
    target.key.map(column => sql`t.${sql.id(column)} = (SELECT p.${sql.id(column)} FROM ${typed(target, image)})`),
    sql` AND `,
  );

const lockCurrent = async (trx: Transaction<Database>, target: RecordedTable, image: Image) => {
  const { rows } = await sql<Image & { etag: string }>`SELECT t.*, '"' || t.xmin || '"' AS etag
    FROM ${sql.table(target.table)} t WHERE ${hasKeyOf(target, image)} FOR UPDATE`.execute(trx);
  return rows[0] ?? null;
};

const putBack = async (
  trx: Transaction<Database>,
  target: (typeof recordedTables)[number],
  { current, entry, now }: { current: Image | null; entry: HistoryRow; now: number },
): Promise<boolean> => {
  const image = withSpellingOf(current, entry.after);
  if (image === null) return current !== null && remove(trx, target, entry.before ?? {});
  await refuseBeside(trx, target.object, image, now);
  return current === null ? insert(trx, target, image) : update(trx, target, image);
};

/** The history has exact patterns as digests; a row that still has the same key in clear keeps its spelling. */
const withSpellingOf = (current: Image | null, image: Image | null): Image | null => {
  if (image === null || !isExact(image) || current === null || !isExact(current)) return image;
  return digestOfExact(image.pattern) === digestOfExact(current.pattern)
    ? { ...image, pattern: current.pattern }
    : image;
};

const isExact = (row: Image): row is Image & { pattern: string } =>
  row.match_type === 'exact' && typeof row.pattern === 'string';

const remove = async (trx: Transaction<Database>, target: RecordedTable, image: Image): Promise<boolean> => {
  await sql`DELETE FROM ${sql.table(target.table)} t WHERE ${hasKeyOf(target, image)}`.execute(trx);
  return true;
};

const insert = async (trx: Transaction<Database>, target: RecordedTable, image: Image): Promise<boolean> => {
  const columns = sql.join((await columnsOf(trx, target, image)).map(column => sql.id(column)));
  await sql`INSERT INTO ${sql.table(target.table)} (${columns}) OVERRIDING SYSTEM VALUE
    SELECT ${columns} FROM ${typed(target, image)}`.execute(trx);
  return true;
};

const update = async (trx: Transaction<Database>, target: RecordedTable, image: Image): Promise<boolean> => {
  const columns = await columnsOf(trx, target, image);
  const touched = 'updated_at' in image ? sql`, updated_at = now()` : sql``;
  const values = columns.map(column => sql`${sql.id(column)} = p.${sql.id(column)}`);
  const differs = columns.map(column => sql`t.${sql.id(column)} IS DISTINCT FROM p.${sql.id(column)}`);
  const { numAffectedRows } = await sql`UPDATE ${sql.table(target.table)} t SET ${sql.join(values)}${touched}
    FROM ${typed(target, image)}
    WHERE ${hasKeyOf(target, image)} AND (${sql.join(differs, sql` OR `)})`.execute(trx);
  return numAffectedRows === 1n;
};

/** Returns the columns that the table still has; it may have new ones. `updated_at` becomes the time of the restore. */
const columnsOf = async (trx: Transaction<Database>, { table }: RecordedTable, image: Image): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`SELECT attname AS name FROM pg_attribute a
    WHERE attrelid = ${table}::regclass AND attnum > 0 AND NOT attisdropped
      AND coalesce(to_jsonb(a) ->> 'attgenerated', '') = ''`.execute(trx);
  return rows.map(({ name }) => name).filter(name => name in image && name !== 'updated_at');
};

const asConflict = (error: unknown): unknown => {
  const word = wordOf(error);
  // Its texts are the entry's, not the caller's.
  const reason = word?.kind === 'text' ? `what the entry holds ${word.reason}` : word?.reason;
  return word === null || word.kind === 'state' ? error : errors.conflict(`It cannot be restored: ${reason}.`);
};
