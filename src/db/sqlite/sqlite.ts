import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { systemClock } from '../../domain/clock.ts';
import { makeDataDir } from '../data-dir.ts';
import type { Database } from '../schema.ts';
import { sqliteDialect } from './sqlite-driver.ts';
import { type HandleParts, SqliteHandle } from './sqlite-handle.ts';

/** The file of Personal's users and keys. */
export const sqliteFile = (dataDir: string): string => join(dataDir, 'gateway.db');

export interface Sqlite {
  readonly db: Kysely<Database>;
  /**
   * Returns a number that changes when another connection has written to the file. Throws if it cannot be read at once.
   */
  dataVersion(): number;
  /** The last faults of reads and writes; null if there is none. */
  faults(): { readonly reading: string | null; readonly writing: string | null };
  /** Aborts all waits for a lock. */
  close(): Promise<void>;
}

type SqliteOptions = Partial<Pick<HandleParts, 'clock' | 'random' | 'log'>>;

const silent = { info: () => {}, warn: () => {} };

/** Opens the file at its first use; creates it, readable by its owner only. */
export const openSqlite = (
  file: string,
  { clock = systemClock, random = Math.random, log = silent }: SqliteOptions = {},
): Sqlite => {
  makeDataDir(dirname(file));
  // Created here because SQLite would use the umask's mode for it, and the same mode for -wal and -shm.
  closeSync(openSync(file, 'a', 0o600));
  // Files of a backup, or files that SQLite created beside a database that was readable by others.
  for (const own of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(own)) chmodSync(own, 0o600);
  const closing = new AbortController();
  const parts = { file, clock, random, log, closing: closing.signal };
  const [writer, reader] = [new SqliteHandle(parts), new SqliteHandle(parts)];
  const db = new Kysely<Database>({ dialect: sqliteDialect({ writer, reader, clock }) });
  return {
    db,
    // Read on the writing connection, whose own writes do not count as changes.
    dataVersion: () => writer.runNow<{ data_version: number }>(dataVersion).rows[0]?.data_version ?? 0,
    faults: () => ({ reading: reader.fault, writing: writer.fault }),
    close: async () => {
      closing.abort();
      // Kysely closes the connections it has used, and fails if it was about to begin.
      await db.destroy().catch(() => {});
      for (const handle of [reader, writer]) handle.close();
    },
  };
};

const dataVersion = { text: 'PRAGMA data_version', parameters: [] };

export interface StatementResult {
  /** The statement's first word in capitals. */
  readonly command: string;
  /** Null for statements that return no rows. */
  readonly rows: readonly object[] | null;
  /** The number of rows written; null for statements that write none. */
  readonly changes: number | null;
}

/** Runs one statement after the other on an existing file; each is a transaction of its own, as in SQLite's shell. */
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
/** Removes blanks and comments before the next statement. */
const withoutComments = (text: string): string => text.replace(/^(?:[\s;]|--[^\n]*|\/\*[\s\S]*?\*\/)*/, '');
