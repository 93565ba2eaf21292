import pg from 'pg';
import { createdEntry, deletedEntry, differences, entryColumns, historyTable } from './history.ts';
import { type RecordedTable, recordedTables } from './schema.ts';
import { createIfAllowed } from './triggers.ts';

/*
 * The triggers that write the history, so that changes made by SQL are in it too.
 *
 * They run per statement, over the rows that it touched (transition tables): one INSERT however many
 * rows there are. An update is told by joining both images on the table's key; a row whose key
 * changed is a deletion and a creation.
 *
 * The functions run with their owner's rights, so that whoever may change a mapping needs no right on
 * the history. Therefore their search path is fixed, and nobody else may attach them to a table.
 */

/**
 * Who writes the history: triggers; the gateway, of what is changed through it; nobody, where the
 * role may do neither.
 */
export type Recording = 'triggers' | 'gateway' | 'none';

/** Creates what is missing, inside the caller's transaction. */
export const ensureRecording = async (client: pg.PoolClient, schema: string): Promise<Recording> => {
  const statements = await missingStatements(client, schema);
  if (await createIfAllowed(client, statements)) return 'triggers';
  const { rows } = await client.query<{ may: boolean }>(`SELECT has_table_privilege($1, 'INSERT') AS may`, [
    historyTable,
  ]);
  return rows[0]?.may === true ? 'gateway' : 'none';
};

const events = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] as const;
type Event = (typeof events)[number];

const triggerOf = (event: Event): string => `tokligence_history_${event.toLowerCase()}`;
const functionOf = ({ object }: RecordedTable): string => `tokligence_record_${object}`;

const missingStatements = async (client: pg.PoolClient, schema: string): Promise<string[]> => {
  const sources = await readSources(client, schema);
  const triggers = await readTriggers(client, schema);
  return recordedTables.flatMap(recorded => [
    ...(sources.get(functionOf(recorded)) === bodyOf(schema, recorded) ? [] : createFunction(schema, recorded)),
    ...events
      .filter(event => !triggers.has(`${recorded.table} ${triggerOf(event)}`))
      .map(event => createTrigger(recorded, event)),
  ]);
};

const readSources = async (client: pg.PoolClient, schema: string): Promise<Map<string, string>> => {
  const { rows } = await client.query<{ name: string; source: string }>(
    `SELECT p.proname AS name, p.prosrc AS source
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.proname = ANY($2)`,
    [schema, recordedTables.map(functionOf)],
  );
  return new Map(rows.map(({ name, source }) => [name, source]));
};

const readTriggers = async (client: pg.PoolClient, schema: string): Promise<Set<string>> => {
  const { rows } = await client.query<{ trigger: string }>(
    `SELECT c.relname || ' ' || t.tgname AS trigger
       FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND t.tgname = ANY($2) AND t.tgenabled IN ('O', 'A')`,
    [schema, events.map(triggerOf)],
  );
  return new Set(rows.map(({ trigger }) => trigger));
};

const createFunction = (schema: string, recorded: RecordedTable): string[] => [
  `CREATE OR REPLACE FUNCTION ${functionOf(recorded)}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $tokligence$${bodyOf(schema, recorded)}$tokligence$`,
  `REVOKE ALL ON FUNCTION ${functionOf(recorded)}() FROM PUBLIC`,
];

const bodyOf = (schema: string, recorded: RecordedTable): string => {
  const within = pg.escapeIdentifier(schema);
  const insert = `INSERT INTO ${within}.${historyTable} (${entryColumns})`;
  return `
BEGIN
  IF TG_OP = 'INSERT' THEN
    ${insert} SELECT ${createdEntry(recorded)} FROM new_rows n;
  ELSIF TG_OP = 'UPDATE' THEN
    ${insert} ${differences(recorded, 'old_rows', 'new_rows')};
  ELSIF TG_OP = 'DELETE' THEN
    ${insert} SELECT ${deletedEntry(recorded)} FROM old_rows o;
  ELSE
    ${insert} SELECT ${deletedEntry(recorded)} FROM ${within}.${recorded.table} o;
  END IF;
  RETURN NULL;
END`;
};

const createTrigger = (recorded: RecordedTable, event: Event): string => {
  // After it there is nothing left to read; the other events know their rows.
  const moment = event === 'TRUNCATE' ? 'BEFORE' : 'AFTER';
  const images = {
    INSERT: 'REFERENCING NEW TABLE AS new_rows',
    UPDATE: 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows',
    DELETE: 'REFERENCING OLD TABLE AS old_rows',
    TRUNCATE: '',
  }[event];
  return `CREATE TRIGGER ${triggerOf(event)} ${moment} ${event} ON ${recorded.table} ${images}
    FOR EACH STATEMENT EXECUTE FUNCTION ${functionOf(recorded)}()`;
};
