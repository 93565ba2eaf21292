import type { Clock } from '../../domain/clock.ts';
import type { Events } from '../../telemetry/events.ts';
import type { Sqlite } from './sqlite.ts';

/*
 * SQLite notifies nobody of what other connections write, but counts it: a look costs some
 * microseconds. Twice a second, so that a change is seen within one with room to spare.
 */
const lookEveryMs = 500;

interface SqliteChangesOptions {
  readonly sqlite: Pick<Sqlite, 'dataVersion'>;
  readonly clock: Clock;
  readonly log: Pick<Events, 'warn'>;
  /** Another connection has written something, whatever it was; must not throw. */
  readonly onChange: () => void;
}

/** Looks until the answer is called. */
export function watchSqlite({ sqlite, clock, log, onChange }: SqliteChangesOptions): () => void {
  // Where the first look fails, the next one counts as a change.
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
  /** Null where the file cannot be read; what comes after that counts as changed. */
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
