import pg, { type ClientBase } from 'pg';
import { readCatalogue, type TableState } from './catalogue.ts';
import { historyTriggers } from './history-triggers.ts';
import { changeTriggers, qualified, type TriggerDefinition, type TriggerFunction } from './triggers.ts';

/*
 * Brings our triggers to what they have to be: those that are missing are created, those that notify are
 * enabled for the sessions in which they have to fire. What is right already is not touched, because every
 * change of a trigger locks its table against writes.
 *
 * Each table has a transaction of its own, so that no lock is held while another one is waited for, and no
 * lock is waited for any longer than `patienceMs`: whoever writes meanwhile waits behind us.
 */
export interface MendingOptions {
  readonly patienceMs: number;
  /**
   * Also replaces functions that are others than ours, as after an upgrade. Only at the start: gateways of two
   * versions that run at once would otherwise replace each other's without end.
   */
  readonly isStart: boolean;
}

/** What became of the tables whose triggers were not what they have to be. */
export interface Mending {
  readonly made: readonly string[];
  readonly locked: readonly string[];
  /** Why the server refused, by table. */
  readonly refused: ReadonlyMap<string, string>;
}

/** After somebody has kept one table locked for all of our patience, the others get this much of it. */
const littlePatienceMs = 200;

/** Throws whatever the connection met; then its transaction may be open. */
export const mendTriggers = async (
  client: ClientBase,
  schema: string,
  { patienceMs, isStart }: MendingOptions,
): Promise<Mending> => {
  const { tables } = await readCatalogue(client, schema);
  const made: string[] = [];
  const locked: string[] = [];
  const refused = new Map<string, string>();
  const functions = () => functionsToCreate(client, schema, [...tables.keys()], isStart);
  // Asked before anything is locked for it, and again once nobody else can change the answer.
  if ((await functions()).length > 0) await inTransaction(client, schema, patienceMs, functions);
  for (const table of tables.keys()) {
    if (statementsFor(schema, table, tables.get(table)).length === 0) continue;
    const patience = locked.length === 0 ? patienceMs : Math.min(patienceMs, littlePatienceMs);
    const outcome = await inTransaction(client, schema, patience, async () => {
      const now = await readCatalogue(client, schema);
      return statementsFor(schema, table, now.tables.get(table));
    });
    if (outcome === 'made') made.push(table);
    else if (outcome === 'locked') locked.push(table);
    else if (outcome !== 'right') refused.set(table, outcome.refusal);
  }
  return { made, locked, refused };
};

/** What the role may do about the triggers of a table; nothing where they are right. */
export const statementsFor = (schema: string, table: string, state: TableState | undefined): string[] =>
  state === undefined ? [] : triggersOf(schema, table).flatMap(trigger => mended(schema, table, trigger, state));

const triggersOf = (schema: string, table: string): TriggerDefinition[] => [
  ...changeTriggers(schema, table),
  ...historyTriggers(schema, table),
];

const mended = (schema: string, table: string, trigger: TriggerDefinition, state: TableState): string[] => {
  const { name, enabled, fires, each, calls } = trigger;
  const on = qualified(schema, table);
  const current = state.triggers.get(name);
  const enable = `ALTER TABLE ${on} ENABLE ${enabled === 'A' ? 'ALWAYS' : 'REPLICA'} TRIGGER ${name}`;
  const mayEnable = enabled !== 'O' && state.isOwned;
  if (current !== undefined) return mayEnable && current !== enabled ? [enable] : [];
  // A row trigger that may not be enabled for replication alone would fire for every row of ordinary statements.
  const mayCreate = state.mayHaveTriggers && (enabled !== 'R' || (state.isOwned && state.isPlain));
  if (!mayCreate) return [];
  const create = `CREATE TRIGGER ${name} ${fires} ON ${on} ${each} EXECUTE FUNCTION ${qualified(schema, calls.name)}()`;
  return mayEnable ? [create, enable] : [create];
};

const functionsToCreate = async (
  client: ClientBase,
  schema: string,
  tables: readonly string[],
  isStart: boolean,
): Promise<string[]> => {
  const functions = new Map<string, TriggerFunction>(
    tables.flatMap(table => triggersOf(schema, table)).map(({ calls }) => [calls.name, calls]),
  );
  const { rows } = await client.query<{ name: string; source: string }>(
    `SELECT p.proname AS name, p.prosrc AS source
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.proname = ANY($2)`,
    [schema, [...functions.keys()]],
  );
  const sources = new Map(rows.map(({ name, source }) => [name, source]));
  const isWanting = ({ name, source }: TriggerFunction) =>
    !sources.has(name) || (isStart && sources.get(name) !== source);
  return [...functions.values()].filter(isWanting).flatMap(({ create }) => create);
};

/** `right`: there was nothing left to do, because somebody else had done it. */
type Outcome = 'made' | 'right' | 'locked' | { readonly refusal: string };

/** All of the statements or none. */
const inTransaction = async (
  client: ClientBase,
  schema: string,
  patienceMs: number,
  statements: () => Promise<string[]>,
): Promise<Outcome> => {
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL lock_timeout = ${patienceMs}`);
    await client.query(migrationsLock, [schema]);
    const wanting = await statements();
    for (const statement of wanting) await client.query(statement);
    await client.query('COMMIT');
    return wanting.length > 0 ? 'made' : 'right';
  } catch (error) {
    if (!isServersWord(error)) throw error;
    await client.query('ROLLBACK');
    return lockedCodes.has(error.code) ? 'locked' : { refusal: error.message };
  }
};

/** One gateway at a time changes tables and triggers of a schema. */
export const migrationsLock = `SELECT pg_advisory_xact_lock(hashtext('tokligence_migrations'), hashtext($1))`;

/** Not had in time, or in exchange for somebody else's. */
const lockedCodes: ReadonlySet<string> = new Set(['55P03', '40P01']);

/** It refused a statement; it is neither leaving nor unreachable. */
const isServersWord = (error: unknown): error is pg.DatabaseError & { readonly code: string } =>
  error instanceof pg.DatabaseError && error.code !== undefined && !/^(08|53|57)/.test(error.code);
