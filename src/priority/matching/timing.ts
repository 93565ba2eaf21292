/**
 * The priority of a mapping at a moment: its boost's until that ends, else that of the schedule whose window is open,
 * else its row's. Decided here and nowhere else.
 */
import type { BoostRow, MappingScheduleRow } from '../../db/schema.ts';
import type { EffectiveSource } from '../../domain/mapping.ts';
import { isLevel, type Level } from '../../domain/vocabulary.ts';
import { compileSchedules, type Holding, holdingAt, type Schedule } from '../../schedules/schedules.ts';

export interface Boost {
  readonly priority: Level;
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly reason: string;
  readonly createdBy: string | null;
}

/** The boost and the schedules beside the row of one mapping. */
export interface Timing {
  readonly boost: Boost | null;
  readonly schedules: readonly Schedule<Level>[];
  /** The faults of omitted rows, by `boost` or `schedule <id>`. */
  readonly faults: ReadonlyMap<string, string>;
  /** The rows that it was compiled from. */
  readonly rows: string;
}

/** Returns the timing with this boost instead of its own. */
export const withBoost = (timing: Timing, boost: Boost): Timing => ({ ...timing, boost });

export const noTiming: Timing = { boost: null, schedules: [], faults: new Map(), rows: '' };

export interface Effective {
  readonly level: Level;
  readonly source: EffectiveSource;
  /** The schedule that holds, if the source is one. */
  readonly scheduleId: number | null;
  /** When (ms since 1970) the result may change; Infinity if only a change of rows can change it. */
  readonly until: number;
}

export function effectiveAt(own: Level, { boost, schedules }: Timing, now: number): Effective {
  if (boost !== null && boost.until > now)
    return { level: boost.priority, source: 'boost', scheduleId: null, until: boost.until };
  if (schedules.length === 0) return byRow(own);
  const { schedule, until } = heldAt(schedules, now);
  if (schedule === null) return { ...byRow(own), until };
  return { level: schedule.what, source: 'schedule', scheduleId: schedule.id, until };
}

const byRow = (level: Level): Effective => ({
  level,
  source: 'row',
  scheduleId: null,
  until: Number.POSITIVE_INFINITY,
});

/** The last result of each mapping's schedules: when one of them changes, the others need no new evaluation. */
const lastHeld = new WeakMap<readonly Schedule<Level>[], Holding<Level> & { readonly from: number }>();

function heldAt(schedules: readonly Schedule<Level>[], now: number): Holding<Level> {
  const last = lastHeld.get(schedules);
  if (last && last.from <= now && now < last.until) return last;
  const holding = { ...holdingAt(schedules, now), from: now };
  lastHeld.set(schedules, holding);
  return holding;
}

/** By the ID of the mapping; unchanged rows reuse the result in `previous`. */
export function compileTimings(
  boosts: readonly BoostRow[],
  schedules: readonly MappingScheduleRow[],
  { now, previous }: { now: number; previous: ReadonlyMap<number, Timing> },
): Map<number, Timing> {
  const boostOf = new Map(boosts.map(boost => [boost.mapping_id, boost]));
  const schedulesOf = Map.groupBy(schedules, schedule => schedule.mapping_id);
  const timings = new Map<number, Timing>();
  for (const id of new Set([...boostOf.keys(), ...schedulesOf.keys()])) {
    const boost = boostOf.get(id) ?? null;
    const own = schedulesOf.get(id) ?? [];
    const rows = JSON.stringify([boost, own]);
    const before = previous.get(id);
    timings.set(id, before?.rows === rows ? before : compileTiming(boost, own, { now, rows }));
  }
  return timings;
}

function compileTiming(
  boost: BoostRow | null,
  schedules: readonly MappingScheduleRow[],
  { now, rows }: { now: number; rows: string },
): Timing {
  const sources = schedules
    .toSorted((a, b) => a.id - b.id)
    .map(({ id, priority, weekdays, start_time, end_time, zone }) => {
      const what = isLevel(priority) ? priority : { fault: noLevel(priority) };
      return { id, weekdays, start_time, end_time, zone, what };
    });
  const compiled = compileSchedules<Level>(sources, now);
  const faults = new Map([...compiled.faults].map(([id, fault]) => [`schedule ${id}`, fault]));
  const until = Date.parse(boost?.until ?? '');
  if (boost !== null && Number.isNaN(until)) faults.set('boost', 'it says no moment until which it holds');
  if (boost !== null && !isLevel(boost.priority)) faults.set('boost', noLevel(boost.priority));
  return { boost: usableBoost(boost, until), schedules: compiled.usable, faults, rows };
}

const noLevel = (priority: number): string => `a priority is a whole number from 0 to 9, not ${priority}`;

function usableBoost(row: BoostRow | null, until: number): Boost | null {
  if (row === null || !isLevel(row.priority) || Number.isNaN(until)) return null;
  return { priority: row.priority, until, reason: row.reason, createdBy: row.created_by };
}
