import { type ExpressionBuilder, type Kysely, sql } from 'kysely';
import { legible } from '../db/legible.ts';
import { recorded } from '../db/recorded.ts';
import { isImage, RecordedRow, type Restorer } from '../db/recorded-row.ts';
import type { RecordedObject } from '../db/recorded-tables.ts';
import { atOneMoment } from '../db/retried.ts';
import { type Database, type HistoryRow, historyRow } from '../db/schema.ts';
import { wordOf } from '../db/word.ts';
import { errors } from '../domain/errors.ts';
import { refuseStale, type WriteBy } from '../domain/stale.ts';

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
  async restore(entry: HistoryRow, restorer: Restorer, { actor, ifMatch }: WriteBy): Promise<boolean> {
    if (![entry.before, entry.after].every(image => image === null || isImage(image)))
      throw errors.conflict(`It cannot be restored: the entry ${entry.id} holds no row.`);
    try {
      return await recorded(this.#db, { actor, lock: restorer.lock, restores: entry.id }, async trx => {
        const row = await RecordedRow.lock(trx, entry.object as RecordedObject, entry);
        refuseStale(ifMatch, row.current, entry.after);
        return restorer.restore(trx, row, entry);
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

const asConflict = (error: unknown): unknown => {
  const word = wordOf(error);
  // Its texts are the entry's, not the caller's.
  const reason = word?.kind === 'text' ? `what the entry holds ${word.reason}` : word?.reason;
  return word === null || word.kind === 'state' ? error : errors.conflict(`It cannot be restored: ${reason}.`);
};
