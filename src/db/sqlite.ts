import { chmodSync, closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import { makeDataDir } from './data-dir.ts';
import type { Database } from './schema.ts';

/** Where Personal keeps its users and keys. */
export const sqliteFile = (dataDir: string): string => join(dataDir, 'gateway.db');

export interface Sqlite {
  readonly db: Kysely<Database>;
  /** Another number as soon as another connection has written to the file. */
  dataVersion(): number;
  close(): Promise<void>;
}

/** Opens the file, or creates it readable by its owner only. */
export const openSqlite = (file: string): Sqlite => {
  makeDataDir(dirname(file));
  // Before SQLite does it: it would create the file with the umask's mode, and -wal and -shm alike.
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const sqlite = new DatabaseSync(file, { timeout: 5_000, enableForeignKeyConstraints: true });
  sqlite.exec('PRAGMA journal_mode = WAL');
  const db = new Kysely<Database>({ dialect: new SqliteDialect({ database: forKysely(sqlite) }) });
  const dataVersion = sqlite.prepare('PRAGMA data_version');
  return {
    db,
    dataVersion: () => Number(dataVersion.get()?.data_version),
    // Kysely closes the file only if it has used it.
    close: async () => {
      await db.destroy();
      if (sqlite.isOpen) sqlite.close();
    },
  };
};

/** node:sqlite in the shape that Kysely expects of a SQLite driver. */
const forKysely = (sqlite: DatabaseSync): SqliteDatabase => ({
  close: () => sqlite.close(),
  prepare: (text: string): SqliteStatement => {
    const statement = sqlite.prepare(text);
    return {
      reader: statement.columns().length > 0,
      // Rows without a prototype would differ from PostgreSQL's.
      all: parameters => statement.all(...bind(parameters)).map(row => ({ ...row })),
      run: parameters => statement.run(...bind(parameters)),
      iterate: parameters => statement.iterate(...bind(parameters)),
    };
  },
});

const bind = (parameters: readonly unknown[]): SQLInputValue[] =>
  parameters.map(value => {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
      return value;
    }
    if (value instanceof Uint8Array) return value;
    throw new TypeError(`SQLite cannot store a value of type ${typeof value}`);
  });

export interface StatementResult {
  /** The statement's first word in capitals. */
  readonly command: string;
  /** Null for statements that answer no rows. */
  readonly rows: readonly object[] | null;
  /** Rows that were written; null for statements that write none. */
  readonly changes: number | null;
}

/** Runs one statement after the other on an existing file; each stands by itself, as in SQLite's own shell. */
export function* runStatements(file: string, text: string): Generator<StatementResult> {
  const sqlite = new DatabaseSync(file, { timeout: 5_000, enableForeignKeyConstraints: true });
  try {
    for (let rest = withoutComments(text); rest !== ''; ) {
      const statement = sqlite.prepare(rest);
      const [command = ''] = /^\w*/.exec(rest.toUpperCase()) ?? [];
      rest = withoutComments(rest.slice(statement.sourceSQL.length));
      if (statement.columns().length > 0) {
        yield { command, rows: statement.all().map(row => ({ ...row })), changes: null };
      } else {
        const { changes } = statement.run();
        yield { command, rows: null, changes: writing.has(command) ? Number(changes) : null };
      }
    }
  } finally {
    sqlite.close();
  }
}

const writing = new Set(['INSERT', 'REPLACE', 'UPDATE', 'DELETE']);
/** Without what stands before the next statement. */
const withoutComments = (text: string): string => text.replace(/^(?:[\s;]|--[^\n]*|\/\*[\s\S]*?\*\/)*/, '');
