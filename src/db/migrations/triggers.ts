import pg from 'pg';
import { tableNames } from '../schema.ts';
import type { Enabled, TableState } from './catalogue.ts';

/** A trigger of ours, as it has to be. */
export interface TriggerDefinition {
  readonly name: string;
  /** `D` is an operator's word: a trigger that does more than notify stays disabled. */
  readonly enabled: Exclude<Enabled, 'D'>;
  readonly fires: string;
  /** What the function is handed, and how often it runs. */
  readonly each: string;
  readonly calls: TriggerFunction;
}

export interface TriggerFunction {
  readonly name: string;
  /** As pg_proc has it, to tell whether the one that is there is this one. */
  readonly source: string;
  readonly create: readonly string[];
}

/** The channel on which the triggers of every table of ours say `<schema>.<table>`. */
export const changesChannel = 'tokligence_changes';

/*
 * Notifications are heard in the whole database, so the payload names the schema: several
 * installations may share a database. PostgreSQL folds equal notifications of a transaction into one.
 *
 * A statement trigger tells of each statement once, however many rows it touches, in sessions that
 * replicate too (ENABLE ALWAYS). Logical replication applies rows without statements, so a row trigger
 * fires for those, and in ordinary sessions never (ENABLE REPLICA).
 */
const notifyingFunction = (schema: string): TriggerFunction => {
  const source = `
BEGIN
  PERFORM pg_catalog.pg_notify('${changesChannel}', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME);
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

/** Triggers tell of every change of its rows, however it is made. */
export const tellsAll = ({ isPlain, isMute, triggers }: TableState): boolean =>
  isPlain && !isMute && triggers.get(statementTrigger) === 'A' && triggers.get(rowTrigger) === 'R';

/*
 * A mapping that is deleted, by whomever, takes its boost and its schedules with it: else they would
 * come back with a row that is restored under its old id. The function acts with the rights of its
 * owner, because whoever may delete mappings need not have any on the other tables. Without the trigger
 * only the admin API's own deletions end them; nothing else depends on it.
 */
const endTrigger = 'tokligence_end_timings';
const mappingsTable = 'api_key_priority_mappings';
const timingTables = ['api_key_priority_boosts', 'api_key_priority_schedules'];

export const endingTriggers = (schema: string, table: string): TriggerDefinition[] =>
  table === mappingsTable ? [ending(schema)] : [];

const ending = (schema: string): TriggerDefinition => {
  const own = pg.escapeIdentifier(schema);
  // Only where there are any: a statement that deletes nothing is notified as a change too.
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
