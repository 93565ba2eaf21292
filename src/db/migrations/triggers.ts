import pg from 'pg';
import { tableNames } from '../schema.ts';
import type { Enabled, TableState } from './catalogue.ts';

/** The required state of one of our triggers. */
export interface TriggerDefinition {
  readonly name: string;
  /** `D` is set by operators only: a trigger that does more than notify stays disabled. */
  readonly enabled: Exclude<Enabled, 'D'>;
  readonly fires: string;
  /** The data that the function receives, and whether it runs per row or per statement. */
  readonly each: string;
  readonly calls: TriggerFunction;
}

export interface TriggerFunction {
  readonly name: string;
  /** As pg_proc stores it, to compare it with the existing function. */
  readonly source: string;
  readonly create: readonly string[];
}

/** The channel on which the triggers of all our tables send `<schema>.<table>`. */
export const changesChannel = 'tokligence_changes';

const quietSetting = 'tokligence.changes_nothing';
/** SQL for the RETURNING clause of a statement: neither it nor what follows in its transaction is notified. */
export const changesNothing = `set_config('${quietSetting}', 'on', true)`;

/* Notifications reach the whole database, so the payload names the schema: several installations may share a
   database. PostgreSQL folds equal notifications of a transaction into one.

   A statement trigger reports each statement once, whatever the number of rows, in replicating sessions too (ENABLE
   ALWAYS). Logical replication applies rows without statements, so a row trigger fires for those, and never in
   ordinary sessions (ENABLE REPLICA). A statement of ours that changes nothing that anybody acts on says so with
   `changesNothing`. */
const notifyingFunction = (schema: string): TriggerFunction => {
  const source = `
BEGIN
  IF pg_catalog.current_setting('${quietSetting}', true) IS DISTINCT FROM 'on' THEN
    PERFORM pg_catalog.pg_notify('${changesChannel}', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME);
  END IF;
  RETURN NULL;
END `;
  const name = 'tokligence_notify_change';
  const create = `CREATE OR REPLACE FUNCTION ${qualified(schema, name)}() RETURNS trigger LANGUAGE plpgsql
    AS $body$${source}$body$`;
  return { name, source, create: [create] };
};

const statementTrigger = 'tokligence_changes';
const rowTrigger = 'tokligence_changes_replicated';

export const notifyingTriggers = (schema: string, table: string): TriggerDefinition[] => {
  if (!tableNames.some(name => name === table)) return [];
  const calls = notifyingFunction(schema);
  const fires = 'AFTER INSERT OR UPDATE OR DELETE';
  return [
    { name: statementTrigger, enabled: 'A', fires: `${fires} OR TRUNCATE`, each: 'FOR EACH STATEMENT', calls },
    { name: rowTrigger, enabled: 'R', fires, each: 'FOR EACH ROW', calls },
  ];
};

/** Whether triggers report every change of the table's rows, whatever its origin. */
export const tellsAll = ({ isPlain, isMute, triggers }: TableState): boolean =>
  isPlain && !isMute && triggers.get(statementTrigger) === 'A' && triggers.get(rowTrigger) === 'R';

/* Deletes the boost and the schedules of a mapping when the mapping is deleted, by any client: otherwise they would
   apply again to a row that is restored under the old ID. The function has the rights of its owner, because a role
   that may delete mappings need not have any on the other tables. Without the trigger only deletions by the admin
   API end them; nothing else depends on it. */
const endTrigger = 'tokligence_end_timings';
const mappingsTable = 'api_key_priority_mappings';
const timingTables = ['api_key_priority_boosts', 'api_key_priority_schedules'];

export const endingTriggers = (schema: string, table: string): TriggerDefinition[] =>
  table === mappingsTable ? [ending(schema)] : [];

const ending = (schema: string): TriggerDefinition => {
  const own = pg.escapeIdentifier(schema);
  // Only if there are any: a statement that deletes nothing is notified as a change too.
  const orphans = (table: string) =>
    `${own}.${table} t WHERE NOT EXISTS (SELECT FROM ${own}.${mappingsTable} m WHERE m.id = t.mapping_id)`;
  const deletions = timingTables.map(
    table => `IF EXISTS (SELECT FROM ${orphans(table)}) THEN DELETE FROM ${orphans(table)}; END IF;`,
  );
  const source = `
BEGIN
  ${deletions.join('\n  ')}
  RETURN NULL;
END `;
  const create = `CREATE OR REPLACE FUNCTION ${own}.${endTrigger}() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$${source}$body$`;
  const calls = { name: endTrigger, source, create: [create] };
  return { name: endTrigger, enabled: 'O', fires: 'AFTER DELETE OR TRUNCATE', each: 'FOR EACH STATEMENT', calls };
};

export const qualified = (schema: string, name: string): string =>
  `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
