import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
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
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
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
