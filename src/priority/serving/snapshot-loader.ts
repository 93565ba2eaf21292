/** From the tables' rows to a snapshot, in slices that leave the event loop free for requests. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../domain/clock.ts';
import {
  type Compiled,
  type CompiledRow,
  compileRows,
  compileSteps,
  type MappingSource,
  type Snapshot,
} from '../matching/matcher.ts';
import { compileTimings, type Timing } from '../matching/timing.ts';
import type { MappingStore } from '../rows/mapping-store.ts';
import type { StoredSetting } from '../rows/settings.ts';

export interface Loaded {
  /** Enabled rows in order of id, usable or not. */
  readonly rows: readonly CompiledRow[];
  readonly rowById: ReadonlyMap<number, CompiledRow>;
  readonly compiled: Compiled;
  /** Boosts and schedules by the id of their mapping, enabled or not. */
  readonly timings: ReadonlyMap<number, Timing>;
  readonly storedSettings: readonly StoredSetting[];
  /** `clock.now()` and wall-clock time when the rows were asked for: they are no newer than this. */
  readonly readAt: number;
  readonly readDate: Date;
}

/**
 * Work at a stretch, in milliseconds; a step that begins within it may take a little longer. A collection of garbage
 * that falls into it moves the rows that are being loaded, 4 ms at 10,000, and leaves no room for more.
 */
const sliceMs = 0.5;

/** `before` lends what it has compiled already; where no row changed its snapshot goes on serving. */
export async function loadSnapshot(
  store: Pick<MappingStore, 'readAll'>,
  clock: Clock,
  before: Loaded | null,
): Promise<Loaded> {
  const readAt = clock.now();
  const readDate = clock.date();
  const { mappings, settings, boosts, schedules } = await store.readAll();
  const timings = compileTimings(boosts, schedules, {
    now: readDate.getTime(),
    previous: before?.timings ?? new Map(),
  });
  const rows = await inSlices(compileRows(mappings, before?.rowById ?? new Map(), timings), clock);
  const now = clock.date().getTime();
  const isSame = before && before.rows.length === rows.length && rows.every((row, at) => row === before.rows[at]);
  const compiled =
    isSame && now < before.compiled.validUntil ? before.compiled : await inSlices(compileSteps(rows, now), clock);
  const rowById = isSame ? before.rowById : await inSlices(byId(rows), clock);
  return { rows, rowById, compiled, timings, storedSettings: settings, readAt, readDate };
}

export function* byId(rows: readonly CompiledRow[]): Generator<void, ReadonlyMap<number, CompiledRow>> {
  const rowById = new Map<number, CompiledRow>();
  for (const row of rows) {
    rowById.set(row.source.id, row);
    if (rowById.size % 1_024 === 0) yield;
  }
  return rowById;
}

/** Runs the steps to their end, with pauses in which requests are served. */
export async function inSlices<T>(steps: Generator<void, T>, clock: Clock): Promise<T> {
  let sliceEnd = clock.now() + sliceMs;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    if (clock.now() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = clock.now() + sliceMs;
  }
}

/** Compiles the snapshot that these enabled rows, in order of ID, would give with these boosts and schedules. */
export async function compiledWith(
  mappings: readonly MappingSource[],
  clock: Clock,
  serving: Pick<Loaded, 'rowById' | 'timings'>,
): Promise<{ rows: readonly CompiledRow[]; snapshot: Snapshot }> {
  const rows = await inSlices(compileRows(mappings, serving.rowById, serving.timings), clock);
  const { snapshot } = await inSlices(compileSteps(rows, clock.date().getTime()), clock);
  return { rows, snapshot };
}
