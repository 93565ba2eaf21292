/** Whether a gateway may use the row of its fleet at all. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../db/schema.ts';

interface Rights {
  readonly role: string;
  readonly isThere: boolean;
  readonly isReadOnly: boolean;
  readonly mayUse: boolean;
}

/** The watch over the database tells of this, too. */
export const takesNoChanges = 'the database takes no changes';

const row = sql`to_regclass('gateway_fleets')`;
const may = (right: string) => sql`coalesce(has_table_privilege(${row}, ${right}), false)`;

/** Returns what is lacking, and what an operator can do, as a sentence without a full stop; null: it may. */
export async function lackOfRights(db: Kysely<Database>): Promise<string | null> {
  const { rows } = await sql<Rights>`SELECT current_user AS role, ${row} IS NOT NULL AS "isThere",
    current_setting('transaction_read_only')::bool AS "isReadOnly",
    ${sql.join(['SELECT', 'INSERT', 'UPDATE'].map(may), sql` AND `)} AS "mayUse"`.execute(db);
  const [rights] = rows;
  if (rights === undefined) return null;
  const { role, isThere, isReadOnly, mayUse } = rights;
  if (isReadOnly) return takesNoChanges;
  if (!isThere) return 'the table gateway_fleets is missing: start a gateway once as a role that may create it';
  return mayUse ? null : `the role lacks rights: GRANT SELECT, INSERT, UPDATE ON gateway_fleets TO "${role}"`;
}
