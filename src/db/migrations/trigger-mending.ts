import pg, { type ClientBase } from 'pg';
import { tableNames } from '../schema.ts';
import { readCatalogue, type TableState } from './catalogue.ts';
import { historyTriggers } from './history-triggers.ts';
import {
  endingTriggers,
  notifyingTriggers,
  qualified,
  type TriggerDefinition,
  type TriggerFunction,
} from './triggers.ts';

/* Brings our triggers to their required state: missing ones are created, and notifying ones are enabled for the
   sessions in which they must fire. Correct triggers are not touched, because every change of a trigger locks its
   table against writes.

   Each table has transactions of its own, so that no lock is held while another one is waited for, and no lock is
   waited for longer than `patienceMs`, because writes queue behind the request. Triggers that notify, that end
   boosts and schedules, and that record are created separately, because the role may have the rights for one set
   alone. */
export interface MendingOptions {
  readonly patienceMs: number;
  /**
   * Also replaces functions that differ from ours, as after an upgrade. Only at the start: gateways of two versions
   * that run at once would otherwise replace each other's functions endlessly.
   */
  readonly isStart: boolean;
}

/** The result for the tables whose triggers were not in their required state. */
export interface Mending {
  readonly made: readonly string[];
  readonly locked: readonly string[];
  /** The server's reason for refusing, by table. */
  readonly refused: ReadonlyMap<string, string>;
}

/** After one table stayed locked for the whole patience, each other table gets this much. */
const littlePatienceMs = 200;

/** Throws the error of the connection; its transaction may then be open. */
export const mendTriggers = async (
  client: ClientBase,
  schema: string,
  { patienceMs, isStart }: MendingOptions,
): Promise<Mending> => {
  const { tables } = await readCatalogue(client, schema);
  const made = new Set<string>();
  const locked = new Set<string>();
  const refused = new Map<string, string>();
  const lacking = await createFunctions(client, schema, { patienceMs, isStart });
  for (const { table, triggers } of wanting(schema, tables)) {
    const patience = locked.size === 0 ? patienceMs : Math.min(patienceMs, littlePatienceMs);
    const outcome = await inTransaction(client, schema, patience, async () => {
      const now = await readCatalogue(client, schema);
      return statementsFor(schema, table, triggers, now.tables.get(table));
    });
    // A missing right is the cause of the refusal.
    const cause = typeof outcome === 'object' ? (lacking ?? outcome) : outcome;
    if (cause === 'made') made.add(table);
    else if (cause === 'locked') locked.add(table);
    else if (cause !== 'right') refused.set(table, cause.refusal);
  }
  return { made: [...made], locked: [...locked], refused };
};

type Tables = ReadonlyMap<string, TableState>;

/** Whether the role can improve the triggers of a table. */
export const isWanting = (schema: string, table: string, state: TableState): boolean =>
  wanting(schema, new Map([[table, state]])).length > 0;

const wanting = (schema: string, tables: Tables) =>
  [...tables].flatMap(([table, state]) =>
    setsOf(schema, table)
      .filter(triggers => statementsFor(schema, table, triggers, state).length > 0)
      .map(triggers => ({ table, triggers })),
  );

/** Sets of triggers; each set is created as a whole or not at all. */
const setsOf = (schema: string, table: string): TriggerDefinition[][] => [
  notifyingTriggers(schema, table),
  endingTriggers(schema, table),
  historyTriggers(schema, table),
];

const statementsFor = (
  schema: string,
  table: string,
  triggers: readonly TriggerDefinition[],
  state: TableState | undefined,
): string[] => (state === undefined ? [] : triggers.flatMap(trigger => mended(schema, table, trigger, state)));

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

/** Returns why one of them cannot be created; null if all exist. */
const createFunctions = async (
  client: ClientBase,
  schema: string,
  { patienceMs, isStart }: MendingOptions,
): Promise<Exclude<Outcome, 'made' | 'right'> | null> => {
  let failure: Exclude<Outcome, 'made' | 'right'> | null = null;
  // Checked before anything is locked, and again when no other session can change the result.
  for (const { name } of await functionsToCreate(client, schema, isStart)) {
    const outcome = await inTransaction(client, schema, patienceMs, async () => {
      const left = await functionsToCreate(client, schema, isStart);
      return left.find(one => one.name === name)?.create ?? [];
    });
    if (outcome !== 'made' && outcome !== 'right') failure ??= outcome;
  }
  return failure;
};

const functionsToCreate = async (client: ClientBase, schema: string, isStart: boolean): Promise<TriggerFunction[]> => {
  const triggers = tableNames.flatMap(table => setsOf(schema, table).flat());
  const functions = new Map(triggers.map(({ calls }) => [calls.name, calls]));
  const { rows } = await client.query<{ name: string; source: string }>(
    `SELECT p.proname AS name, p.prosrc AS source
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.proname = ANY($2)`,
    [schema, [...functions.keys()]],
  );
  const sources = new Map(rows.map(({ name, source }) => [name, source]));
  const isWanted = ({ name, source }: TriggerFunction) =>
    !sources.has(name) || (isStart && sources.get(name) !== source);
  return [...functions.values()].filter(isWanted);
};

/** `right`: nothing was left to do, because another session had done it. */
type Outcome = 'made' | 'right' | 'locked' | { readonly refusal: string };

/** Runs all statements or none. */
const inTransaction = async (
  client: ClientBase,
  schema: string,
  patienceMs: number,
  statements: () => Promise<readonly string[]>,
): Promise<Outcome> => {
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL lock_timeout = ${patienceMs}`);
    await client.query(migrationsLock, [schema]);
    const texts = await statements();
    for (const text of texts) await client.query(text);
    await client.query('COMMIT');
    return texts.length > 0 ? 'made' : 'right';
  } catch (error) {
    if (!isServersWord(error)) throw error;
    await client.query('ROLLBACK');
    return lockedCodes.has(error.code) ? 'locked' : { refusal: error.message };
  }
};

/** Only one gateway at a time changes tables and triggers of a schema. */
export const migrationsLock = `SELECT pg_advisory_xact_lock(hashtext('tokligence_migrations'), hashtext($1))`;

/** The lock was not granted in time, or a deadlock was resolved against us. */
const lockedCodes: ReadonlySet<string> = new Set(['55P03', '40P01']);

/** The server refused a statement; it is neither stopping nor unreachable. */
const isServersWord = (error: unknown): error is pg.DatabaseError & { readonly code: string } =>
  error instanceof pg.DatabaseError && error.code !== undefined && !/^(08|53|57)/.test(error.code);
