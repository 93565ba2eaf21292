/** Which of a pool's stored schedules hold at a moment, and their values. */
import type { PoolConfig } from '../config/config.ts';
import { type PoolKey, type PoolValues, poolKeys } from '../config/keys.ts';
import { type PoolFault, poolFaults, toPoolSettings } from '../config/pools/pool-rules.ts';
import type { PoolScheduleRow } from '../db/schema.ts';
import { compileSchedules, holdingAt, type Schedule } from '../schedules/schedules.ts';
import { type EffectivePool, isPoolKey, sentenceOf } from './effective-pool.ts';

/** A setting with the text that holds in a window, as its file would spell it. */
export interface ScheduledValue {
  readonly key: PoolKey;
  readonly text: string;
}

export interface PoolSchedules {
  /** Schedules of one key never hold at once. */
  readonly byKey: ReadonlyMap<PoolKey, readonly Schedule<ScheduledValue>[]>;
  /** Why rows are left out, by id. */
  readonly faults: ReadonlyMap<number, string>;
  /** The rows that it was made of. */
  readonly rows: readonly PoolScheduleRow[];
}

export const noSchedules: PoolSchedules = { byKey: new Map(), faults: new Map(), rows: [] };

export function compilePoolSchedules(rows: readonly PoolScheduleRow[], now: number): PoolSchedules {
  const byKey = new Map<PoolKey, readonly Schedule<ScheduledValue>[]>();
  const faults = new Map<number, string>();
  for (const [key, own] of Map.groupBy(rows, row => row.key)) {
    const sources = own.map(({ id, value, weekdays, start_time, end_time, zone }) => {
      const what = scheduledValue(key, value);
      return { id, weekdays, start_time, end_time, zone, what };
    });
    const compiled = compileSchedules<ScheduledValue>(sources, now);
    for (const [id, fault] of compiled.faults) faults.set(id, fault);
    if (isPoolKey(key)) byKey.set(key, compiled.usable);
  }
  return { byKey, faults, rows };
}

function scheduledValue(key: string, text: string): ScheduledValue | { readonly fault: string } {
  if (!isPoolKey(key)) return { fault: `${JSON.stringify(key.slice(0, 40))} is no setting of pools` };
  const { parse, allowed } = poolKeys[key];
  return text.trim() === '' || parse(text.trim()) === undefined
    ? { fault: `${key} must be ${allowed}` }
    : { key, text: text.trim() };
}

interface HeldValues {
  readonly values: readonly ScheduledValue[];
  /** The time at which it may change (ms since 1970). */
  readonly until: number;
}

export function heldAt({ byKey }: PoolSchedules, now: number): HeldValues {
  const values: ScheduledValue[] = [];
  let until = Number.POSITIVE_INFINITY;
  for (const schedules of byKey.values()) {
    const held = holdingAt(schedules, now);
    if (held.schedule) values.push(held.schedule.what);
    until = Math.min(until, held.until);
  }
  return { values, until };
}

/** Returns the values that contradict each other when these values replace those without schedules. */
export const unfitUnder = (configured: PoolConfig, base: PoolValues, held: readonly ScheduledValue[]): PoolFault[] =>
  poolFaults(configured.seats, over(base, held));

interface Scheduled {
  readonly configured: PoolConfig;
  readonly base: EffectivePool;
  readonly schedules: PoolSchedules;
}

/** Scheduled values over those in effect without them; where they do not fit together none of them holds. */
export function scheduledPool(
  { configured, base, schedules }: Scheduled,
  held: readonly ScheduledValue[],
): EffectivePool {
  const unfit = held.length === 0 ? [] : unfitUnder(configured, base.values, held);
  const faults = [
    ...(base.fault === null ? [] : [base.fault]),
    ...[...schedules.faults].map(([id, reason]) => `schedule ${id}: ${reason}`),
    ...unfit.map(one => `the schedules that hold now are left out: ${sentenceOf(one)}`),
  ];
  const fault = faults.length === 0 ? null : faults.join('; ');
  if (held.length === 0 || unfit.length > 0) return { ...base, fault };
  const values = over(base.values, held);
  const settings = toPoolSettings(configured.seats, values);
  return { ...base, values, settings, fault, scheduled: new Set(held.map(({ key }) => key)) };
}

const over = (base: PoolValues, held: readonly ScheduledValue[]): PoolValues => {
  const parsed = held.map(({ key, text }) => [key, { value: poolKeys[key].parse(text), source: 'database' }]);
  return { ...base, ...Object.fromEntries(parsed) };
};
