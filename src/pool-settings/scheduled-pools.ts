import { poolKeys } from '../config/keys.ts';
import { isPoolValue, type JsonSetting, spelled } from '../config/pools/pool-rules.ts';
import type { PoolScheduleRow } from '../db/schema.ts';
import type { Clock } from '../domain/clock.ts';
import { errors } from '../domain/errors.ts';
import {
  holdingAt,
  type PreviewedWindow,
  preview,
  previewMs,
  type RulePatch,
  refuseOverlap,
  type ShownRule,
  shownRule,
  textsOf,
} from '../schedules/schedules.ts';
import { isPoolKey, sentenceOf } from './effective-pool.ts';
import type { LivePools } from './live-pools.ts';
import type { CheckPoolSchedule, PoolScheduleStore } from './pool-schedule-store.ts';
import { type ScheduledValue, unfitUnder } from './pool-schedules.ts';
import { shownText } from './shown-pool.ts';

export interface ScheduledPoolsParts {
  readonly store: Pick<PoolScheduleStore, keyof PoolScheduleStore>;
  readonly pools: Pick<LivePools, 'reload' | 'known'>;
  readonly clock: Clock;
}

export type NewPoolSchedule = Required<RulePatch> & {
  readonly key: string;
  readonly value: JsonSetting;
  readonly description?: string | null | undefined;
};
/** A field that is absent stays; a schedule stays with its setting. */
export type PoolSchedulePatch = RulePatch & {
  readonly value?: JsonSetting | undefined;
  readonly description?: string | null | undefined;
};
interface Page {
  readonly limit: number;
  readonly offset: number;
}

type RowColumns = 'weekdays' | 'start_time' | 'end_time' | 'value';
type ListedPoolSchedule = Omit<PoolScheduleRow, RowColumns> &
  ShownRule & { readonly value: JsonSetting; readonly is_open: boolean; readonly fault: string | null };
type PoolWindow = Omit<PreviewedWindow<ScheduledValue>, 'schedule'> & {
  readonly schedule_id: number;
  readonly key: string;
  readonly value: JsonSetting;
};

/** Schedules of the settings of pools. Each write resolves when it is in effect here. */
export class ScheduledPools {
  readonly #parts: ScheduledPoolsParts;

  constructor(parts: ScheduledPoolsParts) {
    this.#parts = parts;
  }

  list(pool: string, { limit, offset }: Page): { schedules: ListedPoolSchedule[]; total: number } {
    const { rows } = this.#parts.pools.known(pool).schedules;
    return { schedules: rows.slice(offset, offset + limit).map(row => this.#listed(row)), total: rows.length };
  }

  async create(
    pool: string,
    { key, value, description = null, ...rule }: NewPoolSchedule,
    actor: string,
  ): Promise<ListedPoolSchedule> {
    this.#parts.pools.known(pool);
    const fields = { pool, key, value: valueText(key, value), description, ...textsOf(rule) };
    const row = await this.#written(this.#parts.store.create(fields, this.#write(actor)));
    return this.#listed(row);
  }

  async update(pool: string, id: number, patch: PoolSchedulePatch, actor: string): Promise<ListedPoolSchedule> {
    this.#parts.pools.known(pool);
    const { value, description, ...rule } = patch;
    const change = (before: PoolScheduleRow) => ({
      pool,
      key: before.key,
      value: value === undefined ? before.value : valueText(before.key, value),
      description: description === undefined ? before.description : description,
      ...textsOf(rule, before),
    });
    const row = await this.#written(this.#parts.store.update(pool, id, change, this.#write(actor)));
    if (!row) throw noSchedule(pool, id);
    return this.#listed(row);
  }

  async remove(pool: string, id: number, actor: string): Promise<void> {
    this.#parts.pools.known(pool);
    if (!(await this.#written(this.#parts.store.remove(pool, id, actor)))) throw noSchedule(pool, id);
  }

  /** The windows of the next seven days. */
  preview(pool: string, { limit, offset }: Page) {
    const from = this.#now();
    const { byKey } = this.#parts.pools.known(pool).schedules;
    const windows = preview([...byKey.values()].flat(), from).map(({ schedule, ...window }): PoolWindow => {
      const { key, text } = schedule.what;
      return { schedule_id: schedule.id, key, value: shownText(key, text), ...window };
    });
    return {
      from: new Date(from).toISOString(),
      until: new Date(from + previewMs).toISOString(),
      windows: windows.slice(offset, offset + limit),
      total: windows.length,
    };
  }

  #write(actor: string) {
    const check: CheckPoolSchedule = (fields, others) => {
      refuseOverlap(fields, others, this.#now());
      const { configured, base } = this.#parts.pools.known(fields.pool);
      if (!isPoolKey(fields.key)) return;
      const unfit = unfitUnder(configured, base.values, [{ key: fields.key, text: fields.value }]);
      if (unfit.length > 0) throw errors.invalidRequest(`${unfit.map(sentenceOf).join('; ')}.`, 'value');
    };
    return { check, actor, now: new Date(this.#now()).toISOString() };
  }

  async #written<T>(writing: Promise<T>): Promise<T> {
    const written = await writing;
    await this.#parts.pools.reload();
    return written;
  }

  #now(): number {
    return this.#parts.clock.date().getTime();
  }

  #listed(row: PoolScheduleRow): ListedPoolSchedule {
    const { weekdays: _days, start_time: _start, end_time: _end, value, ...shown } = row;
    const { byKey, faults } = this.#parts.pools.known(row.pool).schedules;
    const own = isPoolKey(row.key) ? (byKey.get(row.key) ?? []).filter(({ id }) => id === row.id) : [];
    return {
      ...shown,
      ...shownRule(row),
      value: shownText(row.key, value),
      is_open: holdingAt(own, this.#now()).schedule !== null,
      fault: faults.get(row.id) ?? null,
    };
  }
}

function valueText(key: string, value: JsonSetting): string {
  if (!isPoolKey(key)) throw errors.invalidRequest(`key must be one of ${Object.keys(poolKeys).join(', ')}.`, 'key');
  if (!isPoolValue(key, value))
    throw errors.invalidRequest(`value must be ${poolKeys[key].allowed}, for ${key}.`, 'value');
  return spelled(value);
}

const noSchedule = (pool: string, id: number) => errors.notFound(`Pool ${pool.slice(0, 64)} has no schedule ${id}.`);
