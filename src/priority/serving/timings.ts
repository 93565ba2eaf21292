import type { Clock } from '../../domain/clock.ts';
import { errors } from '../../domain/errors.ts';
import type { ShownMapping } from '../../domain/mapping.ts';
import type { HeldBoost } from '../../domain/shown/live.ts';
import { isLevel, type Level } from '../../domain/vocabulary.ts';
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
} from '../../schedules/schedules.ts';
import type { Events } from '../../telemetry/events.ts';
import { boostOf, type NewBoost } from '../rows/boost-rules.ts';
import { isStorable, noMapping } from '../rows/mapping-writes.ts';
import type {
  CheckSchedule,
  ScheduledMapping,
  ScheduleFilter,
  StoredSchedule,
  TimingStore,
} from '../rows/timing-store.ts';
import type { Mapper } from './mapper.ts';

export interface TimingsParts {
  readonly store: Pick<TimingStore, keyof TimingStore>;
  readonly mapper: Pick<Mapper, 'find' | 'written' | 'serving'>;
  readonly clock: Clock;
  readonly events: Pick<Events, 'mappingBoosted'>;
}

export type NewSchedule = Required<RulePatch> & {
  readonly mapping_id: number;
  readonly priority: number;
  readonly description?: string | null | undefined;
};
/** A field that is absent stays; a schedule stays with its mapping. */
export type SchedulePatch = RulePatch & {
  readonly priority?: number | undefined;
  readonly description?: string | null | undefined;
};

type RowColumns = 'weekdays' | 'start_time' | 'end_time';
type ListedSchedule = Omit<StoredSchedule, RowColumns> &
  ShownRule & {
    /** Its window is open now. */
    readonly is_open: boolean;
    /** Why it is left out; null if it is not. */
    readonly fault: string | null;
  };

type MappingWindow = Omit<PreviewedWindow<Level>, 'schedule'> & {
  readonly schedule_id: number;
  readonly mapping_id: number;
  /** Null where none of this id serves. */
  readonly mapping: ScheduledMapping | null;
  readonly priority: number;
};

/** Boosts and schedules of mappings. Each write resolves when it serves here. */
export class Timings {
  readonly #parts: TimingsParts;

  constructor(parts: TimingsParts) {
    this.#parts = parts;
  }

  async boost(mappingId: number, boost: NewBoost, actor: string): Promise<ShownMapping> {
    const { store, mapper, events } = this.#parts;
    const { priority, reason, ...held } = boostOf(boost, { now: this.#now(), actor });
    const until = new Date(held.until).toISOString();
    const row = { mapping_id: mappingId, priority, until, reason, created_by: actor };
    const isThere = isStorable(mappingId) && (await mapper.written(store.boost(row, actor)));
    if (!isThere) throw noMapping(mappingId);
    events.mappingBoosted({ id: mappingId, priority, until, reason, by: actor });
    return mapper.find(mappingId);
  }

  /** Returns the boosts in effect, the one that ends first before the others. */
  heldBoosts(): HeldBoost[] {
    const serving = this.#parts.mapper.serving();
    const now = this.#now();
    const held: HeldBoost[] = [];
    for (const { source, timing } of serving?.rows ?? []) {
      const { boost } = timing;
      if (boost === null || boost.until <= now) continue;
      const { priority, until } = boost;
      const row = { mapping_id: source.id, tenant_id: source.tenant_id, own_priority: source.priority };
      held.push({ ...row, priority, until: new Date(until).toISOString() });
    }
    return held.sort((a, b) => Date.parse(a.until) - Date.parse(b.until));
  }

  async endBoost(mappingId: number, actor: string): Promise<void> {
    const { store, mapper } = this.#parts;
    const ended =
      isStorable(mappingId) && (await mapper.written(store.endBoost(mappingId, { now: this.#now(), actor })));
    if (ended) return;
    await mapper.find(mappingId);
    throw errors.notFound(`Mapping ${mappingId} has no boost.`);
  }

  async list(filter: ScheduleFilter): Promise<{ schedules: ListedSchedule[]; total: number }> {
    const { schedules, total } = await this.#parts.store.list(filter);
    return { schedules: schedules.map(row => this.#listed(row)), total };
  }

  async create(
    { mapping_id, priority, description = null, ...rule }: NewSchedule,
    actor: string,
  ): Promise<ListedSchedule> {
    checkPriority(priority);
    const fields = { mapping_id, priority, description, ...textsOf(rule) };
    const { store, mapper } = this.#parts;
    const row = isStorable(mapping_id) && (await mapper.written(store.create(fields, this.#check, actor)));
    if (!row) throw noMapping(mapping_id);
    return this.#listed(row);
  }

  async update(id: number, patch: SchedulePatch, actor: string): Promise<ListedSchedule> {
    const { priority, description, ...rule } = patch;
    if (priority !== undefined) checkPriority(priority);
    const { store, mapper } = this.#parts;
    const updating = store.update(
      id,
      before => ({
        mapping_id: before.mapping_id,
        priority: priority ?? before.priority,
        description: description === undefined ? before.description : description,
        ...textsOf(rule, before),
      }),
      { check: this.#check, actor },
    );
    const row = await mapper.written(updating);
    if (!row) throw noSchedule(id);
    return this.#listed(row);
  }

  async remove(id: number, actor: string): Promise<void> {
    const { store, mapper } = this.#parts;
    if (!(await mapper.written(store.remove(id, actor)))) throw noSchedule(id);
  }

  /** The windows of the next seven days, of one mapping or of all, as what serves knows them. */
  preview({ mapping_id, limit, offset }: ScheduleFilter) {
    const from = this.#now();
    const serving = this.#parts.mapper.serving();
    const windows: MappingWindow[] = [];
    for (const [mappingId, { schedules }] of serving?.timings ?? []) {
      if (mapping_id !== undefined && mapping_id !== mappingId) continue;
      const mapping = scheduledMapping(serving?.rowById.get(mappingId)?.source);
      for (const { schedule, ...window } of preview(schedules, from))
        windows.push({ schedule_id: schedule.id, mapping_id: mappingId, mapping, priority: schedule.what, ...window });
    }
    windows.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.schedule_id - b.schedule_id));
    return {
      from: new Date(from).toISOString(),
      until: new Date(from + previewMs).toISOString(),
      windows: windows.slice(offset, offset + limit),
      total: windows.length,
    };
  }

  readonly #check: CheckSchedule = (fields, others) => refuseOverlap(fields, others, this.#now());

  #now(): number {
    return this.#parts.clock.date().getTime();
  }

  #listed(row: StoredSchedule): ListedSchedule {
    const { weekdays, start_time, end_time, ...shown } = row;
    const hasMapping = row.mapping !== null;
    const timing = this.#parts.mapper.serving()?.timings.get(row.mapping_id);
    const own = timing?.schedules.filter(({ id }) => id === row.id) ?? [];
    const fault = hasMapping ? timing?.faults.get(`schedule ${row.id}`) : `there is no mapping ${row.mapping_id}`;
    return {
      ...shown,
      ...shownRule(row),
      is_open: hasMapping && holdingAt(own, this.#now()).schedule !== null,
      fault: fault ?? null,
    };
  }
}

function checkPriority(priority: number): void {
  if (!isLevel(priority)) throw errors.invalidRequest('priority must be a whole number from 0 (best) to 9', 'priority');
}

const scheduledMapping = (row: ScheduledMapping | undefined): ScheduledMapping | null =>
  row === undefined ? null : { pattern: row.pattern, tenant_id: row.tenant_id, tenant_name: row.tenant_name };

const noSchedule = (id: number) => errors.notFound(`There is no schedule ${id}.`);
