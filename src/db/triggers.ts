import type pg from 'pg';
import { tableNames } from './schema.ts';

/** The channel on which a statement trigger of every table of ours says `<schema>.<table>`. */
export const changesChannel = 'tokligence_changes';

const trigger = 'tokligence_changes';
const triggerFunction = 'tokligence_notify_change';

/*
 * Notifications are heard in the whole database, so the payload names the schema: several
 * installations may share a database. The triggers run per statement, once however many rows it
 * touches, and PostgreSQL folds equal notifications of a transaction into one.
 */
const createFunction = `CREATE OR REPLACE FUNCTION ${triggerFunction}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  PERFORM pg_catalog.pg_notify('${changesChannel}', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME);
  RETURN NULL;
END $body$`;

const createTrigger = (table: string): string =>
  `CREATE TRIGGER ${trigger} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ${table}
   FOR EACH STATEMENT EXECUTE FUNCTION ${triggerFunction}()`;

/**
 * Creates the triggers that are missing, inside the caller's transaction; answers whether all are
 * there and firing. Existing ones are not touched: replacing them would lock the tables at each start.
 */
export const ensureTriggers = async (client: pg.PoolClient, schema: string): Promise<boolean> => {
  const missing = await tablesWithoutTrigger(client, schema);
  return createIfAllowed(client, missing.length === 0 ? [] : [createFunction, ...missing.map(createTrigger)]);
};

/** All or none of the statements, inside the caller's transaction; false where the role may not, or a table is locked. */
export const createIfAllowed = async (client: pg.PoolClient, statements: readonly string[]): Promise<boolean> => {
  if (statements.length === 0) return true;
  await client.query('SAVEPOINT triggers');
  try {
    for (const statement of statements) await client.query(statement);
    return true;
  } catch (error) {
    if (!mayGoWithout(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT triggers');
    return false;
  }
};

const tablesWithoutTrigger = async (client: pg.PoolClient, schema: string): Promise<string[]> => {
  const { rows } = await client.query<{ table: string }>(
    `SELECT c.relname AS "table"
       FROM pg_trigger t
       JOIN pg_class c ON c.oid = t.tgrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND t.tgname = $2 AND t.tgenabled IN ('O', 'A')`,
    [schema, trigger],
  );
  const having = new Set(rows.map(row => row.table));
  return tableNames.filter(name => !having.has(name));
};

/** No right to create them, a table kept locked by somebody, a disabled trigger, or a view in the table's place. */
const reasonsToGoWithout = new Set(['42501', '55P03', '42710', '42809']);

const mayGoWithout = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && reasonsToGoWithout.has(error.code);
