/**
 * A page of the table of mappings and the number of all that match. The table may be an older one with indexes
 * of its own, so each question costs one look through it: with a text to look for, which is what takes
 * time, the rows found are kept and both counted and sorted; without one the database counts them by itself.
 * Pages of the second half are read from the end: the last one costs no more than the first.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { legible } from '../../db/legible.ts';
import { atOneMoment } from '../../db/retried.ts';
import { type Database, mappingRow } from '../../db/schema.ts';
import type { MappingFilter, MappingSort } from './mapping-filter.ts';
import { etag, type StoredMapping, table } from './mapping-store.ts';

export interface MappingQuestion extends MappingFilter {
  /** Only these rows, where it is not null: ids as PostgreSQL writes an array. */
  readonly ids: string | null;
  /** Ids and the requests of each, in two such arrays; for the order by requests. */
  readonly requests: { readonly ids: string; readonly counts: string } | null;
}

export class MappingListStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async list(question: MappingQuestion): Promise<{ mappings: StoredMapping[]; total: number }> {
    return atOneMoment(this.#db, async trx => {
      const found = await pageOf(question).execute(trx);
      const [{ total, ids, isReversed } = { total: 0, ids: [], isReversed: false }] = found.rows;
      if (isReversed) ids.reverse();
      if (ids.length === 0) return { mappings: [], total };
      const rows = trx.selectFrom(table).selectAll().select(etag).where('id', 'in', ids);
      const page = legible(mappingRow, await rows.execute());
      const places = new Map(ids.map((id, place) => [id, place]));
      const placeOf = ({ id }: StoredMapping) => places.get(id) ?? 0;
      return { mappings: page.sort((a, b) => placeOf(a) - placeOf(b)), total };
    });
  }
}

interface Page {
  readonly total: number;
  readonly ids: number[];
  /** The last of them comes first. */
  readonly isReversed: boolean;
}

function pageOf(question: MappingQuestion): RawBuilder<Page> {
  const { q, requests, sort = 'priority', order = 'asc', limit, offset } = question;
  const kept = q === undefined ? sql`NOT MATERIALIZED` : sql`MATERIALIZED`;
  const counts =
    requests === null
      ? sql``
      : sql`LEFT JOIN unnest(${requests.ids}::bigint[], ${requests.counts}::int[]) AS seen(mapping_id, requests)
          ON seen.mapping_id = id`;
  const [forward, back] = order === 'asc' ? [sql`ASC`, sql`DESC`] : [sql`DESC`, sql`ASC`];
  return sql`
    WITH wanted AS ${kept} (
      SELECT id, ${keyOf[sort]} AS key FROM ${sql.table(table)} ${counts} WHERE ${conditions(question)}),
    size AS MATERIALIZED (
      SELECT total, ${offset} > total / 2 AS is_reversed FROM (SELECT count(*) AS total FROM wanted) AS counted)
    SELECT total, is_reversed AS "isReversed", CASE WHEN is_reversed
      THEN ARRAY(SELECT id FROM wanted ORDER BY key ${back} NULLS FIRST, id DESC
        LIMIT greatest(least(${limit}, total - ${offset}), 0) OFFSET greatest(total - ${offset} - ${limit}, 0))
      ELSE ARRAY(SELECT id FROM wanted ORDER BY key ${forward} NULLS LAST, id LIMIT ${limit} OFFSET ${offset})
      END AS ids
    FROM size`;
}

/**
 * Texts in the order of their bytes: the same in every database, and quick. Priorities past their index: to go
 * by it through the whole table for the few rows that a filter lets through takes longer than sorting those.
 */
const keyOf: Record<MappingSort, RawBuilder<unknown>> = {
  priority: sql`priority + 0`,
  id: sql`id`,
  pattern: sql`pattern COLLATE "C"`,
  match_type: sql`match_type COLLATE "C"`,
  tenant: sql`lower(coalesce(tenant_name, tenant_id) COLLATE "C")`,
  tenant_type: sql`tenant_type COLLATE "C"`,
  updated_at: sql`updated_at`,
  requests_per_min: sql`coalesce(seen.requests, 0)`,
};

function conditions(question: MappingQuestion): RawBuilder<unknown> {
  const { tenant_type, tenant_id, priority, enabled, match_type, state, q, ids } = question;
  const all: RawBuilder<unknown>[] = [sql`true`];
  if (tenant_type !== undefined) all.push(sql`tenant_type = ${tenant_type}`);
  if (tenant_id !== undefined) all.push(sql`tenant_id = ${tenant_id}`);
  if (priority !== undefined) all.push(sql`priority = ${priority}`);
  if (enabled !== undefined) all.push(sql`enabled = ${enabled}`);
  if (match_type !== undefined) all.push(sql`match_type = ${match_type}`);
  if (state === 'enabled' || state === 'disabled') all.push(sql`enabled = ${state === 'enabled'}`);
  if (ids !== null) all.push(sql`id = ANY(${ids}::bigint[])`);
  if (q !== undefined) all.push(contains(q));
  return sql.join(all, sql` AND `);
}

/** Texts of different columns do not run together. */
const searched = sql.join(
  ['pattern', 'tenant_id', 'tenant_name', 'description'].map(column => sql`coalesce(${sql.ref(column)} || chr(1), '')`),
  sql` || `,
);

/**
 * The text as it stands, in whatever case; nothing in it means anything else. PostgreSQL folds the letters of
 * ASCII, which is quick and the same everywhere; others are folded one by one where they are looked for.
 */
function contains(q: string): RawBuilder<boolean> {
  const needle = [...q].map(small).join('');
  const others = [...new Set(needle)].filter(letter => letter > '\x7f' && large(letter) !== letter);
  const plain: RawBuilder<unknown> = sql`lower((${searched}) COLLATE "C")`;
  const folded = others.reduce((text, letter) => sql`replace(${text}, ${large(letter)}, ${letter})`, plain);
  return sql`${folded} LIKE ${`%${needle.replaceAll(/[\\%_]/g, '\\$&')}%`}`;
}

/** Some letters become several in the other case; those stay as they are. */
const small = (letter: string): string => single(letter.toLowerCase(), letter);
const large = (letter: string): string => single(letter.toUpperCase(), letter);
const single = (folded: string, letter: string): string => ([...folded].length === 1 ? folded : letter);
