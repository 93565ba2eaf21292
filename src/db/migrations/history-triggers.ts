import pg from 'pg';
import { type RecordedTable, recordedTables } from '../recorded-tables.ts';
import type { Catalogue } from './catalogue.ts';
import { createdEntry, deletedEntry, differences, entryColumns, historyTable } from './history.ts';
import { isNeeded } from './tables.ts';
import { qualified, type TriggerDefinition, type TriggerFunction } from './triggers.ts';

/* The triggers that write the history, so that it includes changes made by SQL.

   They run per statement, over the rows that it touched (transition tables): one INSERT for any number of rows. An
   update is recorded by joining both images on the table's key; a row whose key changed is a deletion and a
   creation.

   The functions run with their owner's rights, so that a role that may change a mapping needs no right on the
   history. Therefore their search path is fixed, and no other role may attach them to a table.

   They fire in ordinary sessions only: replication transfers the entries of the history itself. */
const events = ['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] as const;
type Event = (typeof events)[number];

const triggerOf = (event: Event): string => `tokligence_history_${event.toLowerCase()}`;

export const historyTriggers = (schema: string, table: string): TriggerDefinition[] => {
  const recorded = recordedTables.find(one => one.table === table);
  if (recorded === undefined) return [];
  const calls = recordingFunction(schema, recorded);
  return events.map(event => ({ name: triggerOf(event), enabled: 'O', ...firing(event), calls }));
};

/** Whether every change of a recorded table becomes an entry, whatever its origin. */
export const isAllRecorded = ({ tables }: Catalogue): boolean =>
  recordedTables.every(({ table }) => {
    const state = tables.get(table);
    if (state === undefined) return !isNeeded(table);
    return events.every(event => /[OA]/.test(state.triggers.get(triggerOf(event)) ?? ''));
  });

const recordingFunction = (schema: string, recorded: RecordedTable): TriggerFunction => {
  const name = `tokligence_record_${recorded.object}`;
  const source = bodyOf(schema, recorded);
  const create = [
    `CREATE OR REPLACE FUNCTION ${qualified(schema, name)}() RETURNS trigger
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
      AS $tokligence$${source}$tokligence$`,
    `REVOKE ALL ON FUNCTION ${qualified(schema, name)}() FROM PUBLIC`,
  ];
  return { name, source, create };
};

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

const firing = (event: Event): Pick<TriggerDefinition, 'fires' | 'each'> => {
  // After a TRUNCATE there are no rows left to read; the other events have transition tables.
  const moment = event === 'TRUNCATE' ? 'BEFORE' : 'AFTER';
  const images = {
    INSERT: 'REFERENCING NEW TABLE AS new_rows',
    UPDATE: 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows',
    DELETE: 'REFERENCING OLD TABLE AS old_rows',
    TRUNCATE: '',
  }[event];
  return { fires: `${moment} ${event}`, each: `${images} FOR EACH STATEMENT` };
};
