/** The front door: what is in effect of every pool, changed while it runs. */
import type { Kysely } from 'kysely';
import type { Database } from '../db/schema.ts';
import { LivePools, type LivePoolsParts } from './live-pools.ts';
import { poolRestorers } from './pool-restore-store.ts';
import { PoolScheduleStore } from './pool-schedule-store.ts';
import { PoolSettingsStore } from './pool-settings-store.ts';
import { ScheduledPools, type ScheduledPoolsParts } from './scheduled-pools.ts';

export type { Configure, LivePools } from './live-pools.ts';
export type { ScheduledPools } from './scheduled-pools.ts';
export { pool, type ShownPool } from './shown-pool.ts';

/** `db`: either database, with its tables or without them until `start`. */
export const createLivePools = ({
  db,
  ...parts
}: Omit<LivePoolsParts, 'store'> & { readonly db: Kysely<Database> }): LivePools =>
  new LivePools({ ...parts, store: new PoolSettingsStore(db) });

/** For the history: how what belongs to `pools` is put back. */
export const createPoolRestorers = poolRestorers;

/** Schedules of the settings of `pools`. */
export const createScheduledPools = ({
  db,
  ...parts
}: Omit<ScheduledPoolsParts, 'store'> & { readonly db: Kysely<Database> }): ScheduledPools =>
  new ScheduledPools({ ...parts, store: new PoolScheduleStore(db) });
