/** Many mappings read and written at once, for export and import. */
import { type Kysely, sql, type Transaction } from 'kysely';
import { legible } from '../../db/legible.ts';
import { recorded } from '../../db/recorded.ts';
import { atOneMoment } from '../../db/retried.ts';
import { type Database, type MappingRow, mappingRow } from '../../db/schema.ts';
import type { Clock } from '../../domain/clock.ts';
import { readNextId } from '../rows/rehearsal-store.ts';
import type { Plan } from './import-plan.ts';

const table = 'api_key_priority_mappings';
/** Rows of one statement; they are put together and read at a stretch. */
const rowsPerStatement = 500;
const silenceMs = 2_000;

const columns = sql.raw(`pattern text, match_type text, priority integer, tenant_id text, tenant_name text,
  tenant_type text, description text, enabled boolean`);

export class TransferStore {
  readonly #db: Kysely<Database>;
  readonly #clock: Clock;

  constructor(db: Kysely<Database>, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** All rows in order of id, and the id that the first of `newRows` new ones gets, as of one moment. */
  async readAll(newRows = 1): Promise<{ rows: MappingRow[]; nextId: number }> {
    return atOneMoment(this.#db, async trx => ({ rows: await readRows(trx), nextId: await readNextId(trx, newRows) }));
  }

  /** One transaction: `plan` receives all rows, which no other writer can change meanwhile, and returns the writes. */
  async write(
    plan: (rows: readonly MappingRow[]) => Promise<Plan>,
    actor: string,
  ): Promise<{ plan: Plan; createdIds: number[] }> {
    return recorded(this.#db, { actor, lock: 'mappings' }, async trx => {
      await sql`LOCK TABLE ${sql.table(table)} IN SHARE ROW EXCLUSIVE MODE`.execute(trx);
      const planned = await this.#awaited(plan(await readRows(trx)), trx);
      await remove(trx, planned.deleted);
      await update(trx, planned.updated);
      return { plan: planned, createdIds: await create(trx, planned.created, actor) };
    });
  }

  /** A connection that is silent for long counts as lost, and to plan many rows may take long: it is used meanwhile. */
  async #awaited<T>(work: Promise<T>, trx: Transaction<Database>): Promise<T> {
    while (!(await this.#isSettledSoon(work))) await sql`SELECT 1`.execute(trx);
    return work;
  }

  async #isSettledSoon(work: Promise<unknown>): Promise<boolean> {
    const { promise: soon, resolve } = Promise.withResolvers<boolean>();
    const cancel = this.#clock.after(silenceMs, () => resolve(false));
    const isSettled = () => resolve(true);
    work.then(isSettled, isSettled);
    return soon.finally(cancel);
  }
}

async function readRows(trx: Transaction<Database>): Promise<MappingRow[]> {
  const rows: MappingRow[] = [];
  for (let lastId = 0; ; lastId = rows.at(-1)?.id ?? 0) {
    const page = trx.selectFrom(table).selectAll().where('id', '>', lastId).orderBy('id').limit(rowsPerStatement);
    const read = legible(mappingRow, await page.execute());
    rows.push(...read);
    if (read.length < rowsPerStatement) return rows;
  }
}

/** Of equal priorities the smaller ID wins, so IDs follow the order of the rows. */
async function create(trx: Transaction<Database>, rows: Plan['created'], createdBy: string): Promise<number[]> {
  const ids: number[] = [];
  for (const portion of portionsOf(rows)) {
    const numbered = JSON.stringify(portion.map(({ row }, place) => ({ ...row, place })));
    const created = await sql<{ id: number }>`
      INSERT INTO ${sql.table(table)}
        (pattern, match_type, priority, tenant_id, tenant_name, tenant_type, description, enabled, created_by)
      SELECT pattern, match_type, priority, tenant_id, tenant_name, tenant_type, description, enabled, ${createdBy}
      FROM jsonb_to_recordset(${numbered}::jsonb) AS r(${columns}, place integer) ORDER BY place
      RETURNING id`.execute(trx);
    ids.push(...created.rows.map(({ id }) => id).sort((a, b) => a - b));
  }
  return ids;
}

async function update(trx: Transaction<Database>, rows: Plan['updated']): Promise<void> {
  for (const portion of portionsOf(rows)) {
    const changed = JSON.stringify(portion.map(({ before: { id }, after }) => ({ ...after, id })));
    await sql`
      UPDATE ${sql.table(table)} m SET match_type = r.match_type, priority = r.priority, tenant_id = r.tenant_id,
        tenant_name = r.tenant_name, tenant_type = r.tenant_type, description = r.description,
        enabled = r.enabled, updated_at = now()
      FROM jsonb_to_recordset(${changed}::jsonb) AS r(${columns}, id integer) WHERE m.id = r.id`.execute(trx);
  }
}

async function remove(trx: Transaction<Database>, rows: readonly MappingRow[]): Promise<void> {
  for (const portion of portionsOf(rows)) {
    const ids = portion.map(({ id }) => id);
    await trx.deleteFrom(table).where('id', 'in', ids).execute();
    // A trigger does this for all deletions, where the database role may create it.
    await trx.deleteFrom('api_key_priority_boosts').where('mapping_id', 'in', ids).execute();
    await trx.deleteFrom('api_key_priority_schedules').where('mapping_id', 'in', ids).execute();
  }
}

function* portionsOf<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += rowsPerStatement) yield rows.slice(at, at + rowsPerStatement);
}
