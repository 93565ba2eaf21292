import pg from 'pg';
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

/*
 * A mapping that is deleted, by whomever, takes its boost and its schedules with it: else they would
 * come back with a row that is restored under its old id. The function acts with the rights of its
 * owner, because whoever may delete mappings need not have any on the other tables.
 */
const endTrigger = 'tokligence_end_timings';
const mappingsTable = 'api_key_priority_mappings';
const timingTables = ['api_key_priority_boosts', 'api_key_priority_schedules'];

const createEndFunction = (schema: string): string => {
  const own = pg.escapeIdentifier(schema);
  // Only where there are any: a statement that deletes nothing is notified as a change too.
  const orphans = (table: string) =>
    `${own}.${table} t WHERE NOT EXISTS (SELECT FROM ${own}.${mappingsTable} m WHERE m.id = t.mapping_id)`;
  const deletions = timingTables.map(
    table => `IF EXISTS (SELECT FROM ${orphans(table)}) THEN DELETE FROM ${orphans(table)}; END IF;`,
  );
  return `CREATE OR REPLACE FUNCTION ${endTrigger}() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  ${deletions.join('\n  ')}
  RETURN NULL;
END $body$`;
};

const createEndTrigger = `CREATE TRIGGER ${endTrigger} AFTER DELETE OR TRUNCATE ON ${mappingsTable}
  FOR EACH STATEMENT EXECUTE FUNCTION ${endTrigger}()`;

/** Without the right to create it only the admin API's own deletions end them; nothing else depends on it. */
const ensureEndTrigger = async (client: pg.PoolClient, schema: string): Promise<void> => {
  if ((await tablesHaving(client, schema, endTrigger)).has(mappingsTable)) return;
  await createIfAllowed(client, [createEndFunction(schema), createEndTrigger]);
};

/**
 * Creates the triggers that are missing, inside the caller's transaction; answers whether all are
 * there and firing. Existing ones are not touched: replacing them would lock the tables at each start.
 */
export const ensureTriggers = async (client: pg.PoolClient, schema: string): Promise<boolean> => {
  await ensureEndTrigger(client, schema);
  const having = await tablesHaving(client, schema, trigger);
  const missing = tableNames.filter(name => !having.has(name));
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

const tablesHaving = async (client: pg.PoolClient, schema: string, name: string): Promise<Set<string>> => {
  const { rows } = await client.query<{ table: string }>(
    `SELECT c.relname AS "table"
       FROM pg_trigger t
       JOIN pg_class c ON c.oid = t.tgrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND t.tgname = $2 AND t.tgenabled IN ('O', 'A')`,
    [schema, name],
  );
  return new Set(rows.map(row => row.table));
};

/** No right to create them, a table kept locked by somebody, a disabled trigger, or a view in the table's place. */
const reasonsToGoWithout = new Set(['42501', '55P03', '42710', '42809']);

const mayGoWithout = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && reasonsToGoWithout.has(error.code);
