import type { Clock } from '../../domain/clock.ts';
import type { Events } from '../../telemetry/events.ts';
import type { Sqlite } from './sqlite.ts';

/* SQLite does not notify a connection of the writes of others, but counts them; a check costs some microseconds.
   Checked twice a second, so that a change is seen well within one second. */
const lookEveryMs = 500;

interface SqliteChangesOptions {
  readonly sqlite: Pick<Sqlite, 'dataVersion'>;
  readonly clock: Clock;
  readonly log: Pick<Events, 'warn'>;
  /** Called when another connection has written anything; must not throw. */
  readonly onChange: () => void;
}

/** Checks until the returned function is called. */
export function watchSqlite({ sqlite, clock, log, onChange }: SqliteChangesOptions): () => void {
  // If the first check fails, the next one counts as a change.
  let last: number | null = null;
  last = read();
  let cancel = clock.after(lookEveryMs, look);

  function look(): void {
    cancel = clock.after(lookEveryMs, look);
    const now = read();
    const isChanged = now !== null && now !== last;
    last = now;
    if (isChanged) onChange();
  }
  /** Null if the file cannot be read; the next readable value counts as a change. */
  function read(): number | null {
    try {
      return sqlite.dataVersion();
    } catch (error) {
      if (last !== null) log.warn(`Cannot look for changes of the database (${error})`);
      return null;
    }
  }
  return () => cancel();
}
