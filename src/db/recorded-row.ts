/** A row of a recorded table, locked, to be made what an image in the history says of it. */
import { sql, type Transaction } from 'kysely';
import { type RecordedObject, type RecordedTable, recordedTables } from './recorded-tables.ts';
import type { Database } from './schema.ts';

/** A row as the history has it. */
export type Image = Readonly<Record<string, unknown>>;

export const isImage = (value: unknown): value is Image =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The row in an entry of the history; null: there was none. */
export interface Images {
  readonly before: Image | null;
  readonly after: Image | null;
}

/** How the feature that owns a table puts one of its rows back. Features hand these to the history. */
export interface Restorer {
  readonly lock: 'mappings' | 'pools' | 'providers';
  /** Only a root admin may do it. */
  readonly isForRoot?: true;
  /**
   * Makes the row what `after` says. False: it was in that state already. Throws `conflict` where it must not be so
   * beside the rows that came since.
   */
  restore(trx: Transaction<Database>, row: RecordedRow, images: Images): Promise<boolean>;
  /** Resolves when what was restored serves here. */
  serve(): Promise<unknown>;
}

export class RecordedRow {
  readonly #trx: Transaction<Database>;
  readonly #target: RecordedTable;
  /** Has the columns of the key. */
  readonly #known: Image;
  /** As it is; null: there is none. */
  readonly current: (Image & { readonly etag: string }) | null;

  private constructor(
    trx: Transaction<Database>,
    target: RecordedTable,
    known: Image,
    current: RecordedRow['current'],
  ) {
    this.#trx = trx;
    this.#target = target;
    this.#known = known;
    this.current = current;
  }

  /** The row of these images, which no other transaction changes until `trx` ends. */
  static async lock(
    trx: Transaction<Database>,
    object: RecordedObject,
    { before, after }: Images,
  ): Promise<RecordedRow> {
    const target = tableOf(object);
    const known = after ?? before ?? {};
    const { rows } = await sql<Image & { etag: string }>`SELECT t.*, '"' || t.xmin || '"' AS etag
      FROM ${sql.table(target.table)} t WHERE ${hasKeyOf(target, known)} FOR UPDATE`.execute(trx);
    return new RecordedRow(trx, target, known, rows[0] ?? null);
  }

  /** Writes, deletes or inserts it. False: it is so already. */
  async become(image: Image | null): Promise<boolean> {
    if (image === null) return this.current !== null && this.#remove();
    return this.current === null ? this.#insert(image) : this.#update(image);
  }

  async #remove(): Promise<boolean> {
    const { table } = this.#target;
    await sql`DELETE FROM ${sql.table(table)} t WHERE ${hasKeyOf(this.#target, this.#known)}`.execute(this.#trx);
    return true;
  }

  async #insert(image: Image): Promise<boolean> {
    const columns = sql.join((await this.#columnsOf(image)).map(column => sql.id(column)));
    await sql`INSERT INTO ${sql.table(this.#target.table)} (${columns}) OVERRIDING SYSTEM VALUE
      SELECT ${columns} FROM ${typed(this.#target, image)}`.execute(this.#trx);
    return true;
  }

  async #update(image: Image): Promise<boolean> {
    const columns = await this.#columnsOf(image);
    const touched = 'updated_at' in image ? sql`, updated_at = now()` : sql``;
    const values = columns.map(column => sql`${sql.id(column)} = p.${sql.id(column)}`);
    const differs = columns.map(column => sql`t.${sql.id(column)} IS DISTINCT FROM p.${sql.id(column)}`);
    const { numAffectedRows } = await sql`UPDATE ${sql.table(this.#target.table)} t SET ${sql.join(values)}${touched}
      FROM ${typed(this.#target, image)}
      WHERE ${hasKeyOf(this.#target, image)} AND (${sql.join(differs, sql` OR `)})`.execute(this.#trx);
    return numAffectedRows === 1n;
  }

  /** The columns that the table still has; it may have new ones. `updated_at` becomes the time of the restore. */
  async #columnsOf(image: Image): Promise<string[]> {
    const { rows } = await sql<{ name: string }>`SELECT attname AS name FROM pg_attribute a
      WHERE attrelid = ${this.#target.table}::regclass AND attnum > 0 AND NOT attisdropped
        AND coalesce(to_jsonb(a) ->> 'attgenerated', '') = ''`.execute(this.#trx);
    return rows.map(({ name }) => name).filter(name => name in image && name !== 'updated_at');
  }
}

const tableOf = (object: RecordedObject): RecordedTable => {
  const target = recordedTables.find(recorded => recorded.object === object);
  if (target === undefined) throw new Error(`no table of ${object}`);
  return target;
};

/** A row of the table that the image is of, as a source of typed values. */
const typed = ({ table }: RecordedTable, image: Image) =>
  sql`jsonb_populate_record(NULL::${sql.table(table)}, ${JSON.stringify(image)}::jsonb) p`;

const hasKeyOf = (target: RecordedTable, image: Image) =>
  sql.join(
    target.key.map(column => sql`t.${sql.id(column)} = (SELECT p.${sql.id(column)} FROM ${typed(target, image)})`),
    sql` AND `,
  );
