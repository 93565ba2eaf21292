/** Runs SQL on the gateway's PostgreSQL, for operators without psql. */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { loadProcessConfig } from '../config/config-loader.ts';
import { findEmbedded } from '../db/embedded/embedded.ts';
import { connectionOptions } from '../db/postgres/postgres.ts';
import { runStatements, type StatementResult, sqliteFile } from '../db/sqlite/sqlite.ts';
import type { Edition } from '../domain/vocabulary.ts';
import { commandLine } from './command-line.ts';

const help = `Usage: ${commandLine('sql', '[--config FILE | --url URL] "STATEMENT; …"')}

Runs statements on the database of the gateway. Team: the one that database.url names, else the embedded
PostgreSQL in data_dir, which runs while the gateway does. Personal: the SQLite file in data_dir. Without
--config a PostgreSQL that runs in data_dir, the quickstart's for example, is taken in any case. Shows rows
as a table, or how many changed.

  --config FILE  the ini file (default: config/setting.ini); TOKLIGENCE_DATABASE_URL and
                 TOKLIGENCE_GATEWAY_DATA_DIR win over it
  --url URL      another database, postgres://…
  --help         this text

Exit codes: 0 done, 1 the statement or the connection failed, 2 wrong usage or configuration.`;

/** A statement may take long, but a lost database must not hold the terminal for ever. */
const silenceMs = 600_000;

interface Command {
  readonly statement: string;
  readonly edition: Edition;
  readonly url: string | null;
  readonly dataDir: string;
}

/** Returns null if help was requested. Throws on wrong usage or configuration. */
const readCommand = async (): Promise<Command | null> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { config: { type: 'string' }, url: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return null;
  const [statement, ...more] = positionals;
  if (statement === undefined || statement.trim() === '' || more.length > 0) {
    throw new Error('give one argument: the SQL, in quotes (--help tells more)');
  }
  if (values.url !== undefined) return { statement, edition: 'team', url: values.url, dataDir: '' };
  const { gateway, database } = loadProcessConfig(values.config ?? 'config/setting.ini').config;
  const { edition, dataDir } = gateway;
  // The quickstart has a configuration of its own, which is not named without an option.
  const embedded = values.config === undefined && edition === 'personal' ? await findEmbedded(dataDir) : null;
  return { statement, edition: embedded === null ? edition : 'team', url: embedded ?? database.url, dataDir };
};

const run = async (command: Command): Promise<void> =>
  command.edition === 'team' ? runOnPostgres(command) : runOnSqlite(command);

const runOnSqlite = ({ statement, dataDir }: Command): void => {
  const file = sqliteFile(dataDir);
  if (!existsSync(file)) throw new Error(`there is no ${file} yet: start the gateway first (--help tells more)`);
  for (const { command, rows, changes } of runStatements(file, statement)) show({ command, rows, changes });
};

const runOnPostgres = async ({ statement, url, dataDir }: Command): Promise<void> => {
  const isEmbedded = url === null;
  const target = url ?? (await findEmbedded(dataDir));
  if (target === null) {
    throw new Error(`no embedded PostgreSQL is running in ${dataDir}: start the gateway first (--help tells more)`);
  }
  const client = new pg.Client({
    ...connectionOptions(target, silenceMs, { isEmbedded }),
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    // Several statements in one text produce an array, which the types omit.
    const answer: pg.QueryResult | pg.QueryResult[] = await client.query(statement);
    for (const { command, fields, rows, rowCount } of [answer].flat())
      show({ command, rows: fields.length === 0 ? null : rows, changes: rowCount });
  } finally {
    await client.end();
  }
};

const show = ({ command, rows, changes }: StatementResult): void => {
  if (rows === null) {
    console.log(changes === null ? command : `${command}: ${changes} ${changes === 1 ? 'row' : 'rows'}`);
  } else if (rows.length === 0) {
    console.log('no rows');
  } else {
    console.table(rows);
  }
};

const fail = (code: 1 | 2, error: unknown): void => {
  console.error(`sql: ${error instanceof Error ? describe(error) : String(error)}`);
  process.exitCode = code;
};

/** Adds PostgreSQL's own hint; several refused addresses come as one error without a text. */
const describe = (error: Error): string => {
  if (error instanceof AggregateError) return error.errors.map(String).join('; ');
  return error instanceof pg.DatabaseError && error.hint ? `${error.message} (${error.hint})` : error.message;
};

const main = async (): Promise<void> => {
  let command: Command | null;
  try {
    command = await readCommand();
  } catch (error) {
    return fail(2, error);
  }
  if (command === null) console.log(help);
  else await run(command).catch(error => fail(1, error));
};

await main();
