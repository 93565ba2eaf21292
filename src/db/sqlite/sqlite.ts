import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { systemClock } from '../../domain/clock.ts';
import { makeDataDir } from '../data-dir.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from './sqlite-driver.ts';
import { type HandleParts, SqliteHandle } from './sqlite-handle.ts';

/** Where Personal keeps its users and keys. */
export const sqliteFile = (dataDir: string): string => join(dataDir, 'gateway.db');

export interface Sqlite {
  readonly db: Kysely<Database>;
  /** Another number as soon as another connection has written to the file. Throws where it cannot be read at once. */
  dataVersion(): number;
  /** As met last by who reads and who writes; null: all is well. */
  faults(): { readonly reading: string | null; readonly writing: string | null };
  /** Whoever still waits for a lock is sent away. */
  close(): Promise<void>;
}

type SqliteOptions = Partial<Pick<HandleParts, 'clock' | 'random' | 'log'>>;

const silent = { info: () => {}, warn: () => {} };

/** Names the file, which is read when it is first used; creates it, readable by its owner only. */
export const openSqlite = (
  file: string,
  { clock = systemClock, random = Math.random, log = silent }: SqliteOptions = {},
): Sqlite => {
  makeDataDir(dirname(file));
  // Before SQLite does it: it would create the file with the umask's mode, and -wal and -shm alike.
  closeSync(openSync(file, 'a', 0o600));
  // What a backup brought with it, or SQLite made beside a file that was open to others.
  for (const own of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(own)) chmodSync(own, 0o600);
  const closing = new AbortController();
  const parts = { file, clock, random, log, closing: closing.signal };
  const [writer, reader] = [new SqliteHandle(parts), new SqliteHandle(parts)];
  const db = new Kysely<Database>({ dialect: sqliteDialect({ writer, reader, clock }) });
  return {
    db,
    // As seen by the connection that writes: what it writes itself is no news.
    dataVersion: () => writer.runNow<{ data_version: number }>(dataVersion).rows[0]?.data_version ?? 0,
    faults: () => ({ reading: reader.fault, writing: writer.fault }),
    close: async () => {
      closing.abort();
      // Kysely closes what it has used, and fails where it was just about to begin.
      await db.destroy().catch(() => {});
      for (const handle of [reader, writer]) handle.close();
    },
  };
};

const dataVersion = { text: 'PRAGMA data_version', parameters: [] };

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
