import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type Watcher, watchChanges } from '../../src/db/changes/changes.ts';
import { migratePostgres } from '../../src/db/migrations/migrations.ts';
import { openPostgres, type Postgres } from '../../src/db/postgres/postgres.ts';
import { type TableName, tableNames } from '../../src/db/schema.ts';
import { type Clock, systemClock } from '../../src/domain/clock.ts';
import { ManualClock } from './manual-clock.ts';
import { type RecordedLog, recordedLog } from './recorded-log.ts';
import { until } from './until.ts';

/** Reports in order of arrival; each is returned once. */
export class Reports {
  readonly #arrived: ReadonlySet<TableName>[] = [];
  #wake: (() => void) | null = null;

  add(tables: ReadonlySet<TableName>): void {
    this.#arrived.push(tables);
    this.#wake?.();
  }

  get waiting(): number {
    return this.#arrived.length;
  }

  async next(): Promise<TableName[]> {
    for (;;) {
      const first = this.#arrived.shift();
      if (first !== undefined) return [...first].sort();
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }
}

export interface Watched extends Postgres {
  readonly watch: Watcher;
  readonly reports: Reports;
  readonly log: RecordedLog;
}

interface WatchedOptions {
  readonly listenUrl?: string;
  readonly schema?: string;
  readonly clock?: Clock;
  /** Called beside the migration, when everything is created again. */
  readonly renewing?: () => Promise<void>;
}

/** Watches the tables of a database, without a gateway around it. */
export const watched = (
  t: TestContext,
  url: string,
  { listenUrl = url, schema = 'public', clock = systemClock, renewing = async () => {} }: WatchedOptions = {},
): Watched => {
  const postgres = openPostgres(url);
  const { pool } = postgres;
  const reports = new Reports();
  const log = recordedLog();
  const onChange = (tables: ReadonlySet<TableName>) => reports.add(tables);
  const renew = async () => {
    const migrated = await migratePostgres(pool, { allOrNothing: true });
    await renewing();
    return migrated.schema;
  };
  const watch = watchChanges({ pool, schema, listenUrl, clock, onChange, renew, log });
  t.after(async () => {
    await watch.stop();
    await postgres.close();
  });
  return { ...postgres, watch, reports, log };
};

export const everything: readonly TableName[] = [...tableNames].sort();

/** Waits until the listener is ready. It then reports all tables, because it cannot know earlier changes. */
export const listening = async ({ watch, reports }: Watched): Promise<void> => {
  do assert.deepEqual(await reports.next(), everything);
  while (watch.mode !== 'listen');
  // The first look and the listener may each have reported everything.
  if (reports.waiting > 0) assert.deepEqual(await reports.next(), everything);
};

export interface WatchedByHand extends Watched {
  /** Advances the clock in small steps, and waits after each for the queries it started. */
  pass(ms: number): Promise<void>;
  /** Advances until something is reported; resolves to the time that took, and the tables. */
  reported(): Promise<{ ms: number; tables: TableName[] }>;
}

const stepMs = 50;

/** The same on a clock that stands still, as soon as it listens and has reported everything. */
export const watchedByHand = async (
  t: TestContext,
  url: string,
  options: Omit<WatchedOptions, 'clock'> = {},
): Promise<WatchedByHand> => {
  const clock = new ManualClock();
  const gateway = watched(t, url, { ...options, clock });
  const { pool, reports, watch } = gateway;
  const step = async () => {
    clock.advance(stepMs);
    // Work that a timer began takes its connection within a turn.
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    await until(() => pool.idleCount === pool.totalCount && pool.waitingCount === 0);
  };
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += stepMs) await step();
  };
  const reported = async () => {
    for (let ms = 0; ; ms += stepMs) {
      if (reports.waiting > 0) return { ms, tables: await reports.next() };
      assert.ok(ms < 60_000, 'nothing was reported within a minute');
      await step();
    }
  };
  await until(() => watch.mode === 'listen');
  await pass(100);
  while (reports.waiting > 0) await reports.next();
  return { ...gateway, pass, reported };
};
