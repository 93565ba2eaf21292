import { type Kysely, sql } from 'kysely';
import type pg from 'pg';
import { toldWait, type WaitParts } from '../../telemetry/told-wait.ts';
import { type Database, tableNames } from '../schema.ts';
import { readCatalogue } from './catalogue.ts';
import { historyTable } from './history.ts';
import { isAllRecorded } from './history-triggers.ts';
import { isNeeded, ledger, missingParts, postgresTables, sqliteTables, type TableDefinition } from './tables.ts';
import { mendTriggers, migrationsLock } from './trigger-mending.ts';
import { tellsAll } from './triggers.ts';
import { type Migration, migrations } from './versions.ts';

const latestVersion = Math.max(...migrations.map(({ version }) => version));

/** The database cannot be used as it is, and a retry would not change that. */
export class SchemaFault extends Error {
  override readonly name = 'SchemaFault';
}

export interface Migrated {
  /** The first schema of the search path, which holds our tables. */
  readonly schema: string;
  /** Whether every change of our tables is notified; if not, the gateway must poll for changes. */
  readonly triggers: boolean;
  readonly created: readonly string[];
  readonly recording: Recording;
  readonly isReadOnly: boolean;
}

/**
 * The writer of the history: triggers; the gateway, for changes made through it; none, if the role has the rights for
 * neither.
 */
type Recording = 'triggers' | 'gateway' | 'none';

export interface MigrationOptions {
  /** Creates all tables or none: if some exist already, the others may be about to be restored. */
  readonly allOrNothing?: boolean;
  /** Called when it waits for another gateway. */
  readonly waits?: WaitParts;
}

/** Brings a Team database up to date. Throws `SchemaFault`, or the error of the connection. */
export const migratePostgres = async (pool: pg.Pool, options: MigrationOptions = {}): Promise<Migrated> => {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { schema, created } = await migrateInTransaction(client, options);
    await client.query('COMMIT');
    await mendTriggers(client, schema, { patienceMs: lockPatienceMs, isStart: true });
    const migrated = { schema, created, ...(await whatTriggersDo(client, schema)) };
    client.release();
    return migrated;
  } catch (error) {
    // Closing the connection rolls back, even if the connection itself has failed.
    client.release(true);
    throw asFault(error);
  }
};

/** None of our statements may wait for long behind an operator's open transaction. */
const lockPatienceMs = 2_000;

const whatTriggersDo = async (
  client: pg.PoolClient,
  schema: string,
): Promise<Pick<Migrated, 'triggers' | 'recording' | 'isReadOnly'>> => {
  const catalogue = await readCatalogue(client, schema);
  const { isReadOnly } = catalogue;
  const triggers = tableNames.every(name => {
    const state = catalogue.tables.get(name);
    return state === undefined ? !isNeeded(name) : tellsAll(state);
  });
  if (isAllRecorded(catalogue)) return { isReadOnly, triggers, recording: 'triggers' };
  const { rows } = await client.query<{ may: boolean }>(`SELECT has_table_privilege($1, 'INSERT') AS may`, [
    historyTable,
  ]);
  return { isReadOnly, triggers, recording: rows[0]?.may === true ? 'gateway' : 'none' };
};

const migrateInTransaction = async (
  client: pg.PoolClient,
  { allOrNothing = false, waits }: MigrationOptions,
): Promise<Pick<Migrated, 'schema' | 'created'>> => {
  const { schema, role, mayCreate, mayAlterFleets, isReadOnly } = await whereAndWho(client);
  const locking = client.query(migrationsLock, [schema]);
  await (waits === undefined ? locking : toldWait('another gateway to bring the database up to date', locking, waits));
  await client.query(`SET LOCAL lock_timeout = ${lockPatienceMs}`);
  const columns = await readColumns(client, schema);
  const existing = new Set(columns.keys());
  refuseMissing(
    postgresTables.filter(table => existing.has(table.name)),
    columns,
  );

  const recorded = existing.has(ledger) ? await recordedVersions(client) : new Set<number>();
  const mayMore = mayCreate && !isReadOnly && !(allOrNothing && existing.size > 0);
  const mayDo = ({ isOptional, altersFleets }: Migration) =>
    isOptional !== true || (mayMore && (altersFleets !== true || mayAlterFleets));
  const pending = migrationsWithout(recorded).filter(mayDo);
  const statements = pending.flatMap(migration => migration.postgres(existing));
  if (allOrNothing && existing.size > 0 && statements.length > 0) {
    throw new SchemaFault(`${[...existing].join(', ')} came to be meanwhile: the other tables are not created`);
  }
  if (isReadOnly && statements.length > 0) throw new Error(readOnlySentence(existing));
  if (!mayCreate && statements.length > 0) {
    throw new SchemaFault(
      `the role ${role} may not create tables in schema ${schema}, and ${missingIn(existing)} must be created; ` +
        `grant it CREATE on the schema, or start the gateway once with a role that has it`,
    );
  }
  if (mayCreate && !isReadOnly) {
    if (!existing.has(ledger)) await createLedger(client);
    for (const statement of statements) await client.query(statement);
    for (const { version, name } of pending) {
      await client.query(`INSERT INTO ${ledger} (version, name) VALUES ($1, $2)`, [version, name]);
    }
  }
  const after = await readColumns(client, schema);
  refuseMissing(postgresTables, after);
  return { schema, created: [...after.keys()].filter(name => !existing.has(name)) };
};

const createLedger = async (client: pg.PoolClient): Promise<void> => {
  await client.query(ledgerTable('TIMESTAMPTZ NOT NULL DEFAULT NOW()'));
  // A gateway whose role may not create tables must still see that they fit.
  await client.query(`GRANT SELECT ON ${ledger} TO PUBLIC`);
};

const missingIn = (existing: ReadonlySet<string>): string =>
  postgresTables
    .map(table => table.name)
    .filter(name => !existing.has(name))
    .join(', ');

/** A standby receives them from its primary, so the gateway waits for them. */
const readOnlySentence = (existing: ReadonlySet<string>): string =>
  `the database is read-only, and ${missingIn(existing)} must be created: let it take changes, or, where it is a ` +
  'standby, start a gateway of this version on its primary';

const whereAndWho = async (client: pg.PoolClient) => {
  const { rows } = await client.query<{
    schema: string | null;
    role: string;
    mayCreate: boolean | null;
    mayAlterFleets: boolean;
    isReadOnly: boolean;
  }>(
    `SELECT current_schema() AS schema, current_user AS role,
      current_setting('transaction_read_only')::bool AS "isReadOnly",
      has_schema_privilege(current_schema(), 'CREATE') AS "mayCreate",
      NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relname = 'gateway_fleets'
          AND NOT pg_has_role(c.relowner, 'USAGE')) AS "mayAlterFleets"`,
  );
  const row = rows[0];
  if (row === undefined || row.schema === null) {
    throw new SchemaFault(
      'no schema of the search path exists (or the role may not use it): create one, or set search_path',
    );
  }
  return { ...row, schema: row.schema, mayCreate: row.mayCreate === true };
};

const ledgerTable = (appliedAt: string): string =>
  `CREATE TABLE ${ledger} (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at ${appliedAt})`;

type Columns = Map<string, Set<string>>;

const readColumns = async (client: pg.PoolClient, schema: string): Promise<Columns> => {
  const { rows } = await client.query<{ table: string; column: string }>(
    `SELECT c.relname AS "table", a.attname AS "column"
       FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE n.nspname = $1 AND c.relname = ANY($2) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
    [schema, [ledger, ...postgresTables.map(table => table.name)]],
  );
  return byTable(rows);
};

const byTable = (rows: readonly { table: string; column: string }[]): Columns => {
  const columns: Columns = new Map();
  for (const { table, column } of rows) {
    const found = columns.get(table) ?? new Set();
    columns.set(table, found.add(column));
  }
  return columns;
};

const refuseMissing = (tables: readonly TableDefinition[], columns: Columns): void => {
  const missing = missingParts(tables, columns);
  if (missing.length > 0) throw new SchemaFault(`the database does not fit: ${missing.join('; ')}`);
};

const recordedVersions = async (client: pg.PoolClient): Promise<ReadonlySet<number>> => {
  const { rows } = await client.query<{ version: number }>(`SELECT version FROM ${ledger}`);
  return new Set(rows.map(({ version }) => version));
};

const migrationsWithout = (recorded: ReadonlySet<number>): readonly Migration[] => {
  const version = Math.max(0, ...recorded);
  if (version > latestVersion) {
    throw new SchemaFault(
      `the database is at version ${version}, made by a newer gateway; this one knows up to version ${latestVersion}: ` +
        'start the newer gateway, or restore the database as it was before',
    );
  }
  // An optional one may have been left out before a later one.
  const isPending = (one: Migration) =>
    one.version > version || (one.isOptional === true && !recorded.has(one.version));
  return migrations.filter(isPending);
};

const insufficientPrivilege = '42501';

/** A missing right is reported to the operator; a retry would not grant it. */
const asFault = (error: unknown): unknown =>
  hasCode(error, insufficientPrivilege)
    ? new SchemaFault(`the database role lacks a right: ${error.message}`, { cause: error })
    : error;

const hasCode = (error: unknown, code: string): error is Error =>
  error instanceof Error && 'code' in error && error.code === code;

/** Brings a Personal database up to date. Throws `SchemaFault`. */
export const migrateSqlite = async (db: Kysely<Database>): Promise<void> =>
  // The transaction begins with the lock of the file: of two processes that start at once, the second waits for the
  // first.
  db.transaction().execute(migrateFile);

const migrateFile = async (db: Kysely<Database>): Promise<void> => {
  const columns = await readFileColumns(db);
  const existing = new Set(columns.keys());
  refuseMissing(
    sqliteTables.filter(table => existing.has(table.name)),
    columns,
  );
  if (!existing.has(ledger)) {
    await sql.raw(ledgerTable(`TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))`)).execute(db);
  }
  const { rows } = await sql<{ version: number }>`SELECT version FROM ${sql.table(ledger)}`.execute(db);
  for (const migration of migrationsWithout(new Set(rows.map(({ version }) => version)))) {
    for (const statement of migration.sqlite(existing)) await sql.raw(statement).execute(db);
    await sql`INSERT INTO ${sql.table(ledger)} (version, name) VALUES (${migration.version}, ${migration.name})`.execute(
      db,
    );
  }
  refuseMissing(sqliteTables, await readFileColumns(db));
};

const readFileColumns = async (db: Kysely<Database>): Promise<Columns> => {
  const { rows } = await sql<{ table: string; column: string }>`
    SELECT m.name AS "table", c.name AS "column"
      FROM sqlite_master m, pragma_table_info(m.name) c
     WHERE m.type IN ('table', 'view')`.execute(db);
  return byTable(rows);
};
