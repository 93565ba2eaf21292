import type { TFunction } from 'i18next';
import type { ShownPool } from '../../api/pools.ts';
import type { PoolSchedule, Schedule, ScheduleWrite } from '../../api/schedules.ts';
import { mappingNames, valueText } from './shown-windows.ts';
import { readerZone } from './zones.ts';

/** The subject of the panel; a window leads to its schedule. */
export type Edited =
  | { readonly of: 'new' }
  | { readonly of: 'mapping'; readonly schedule: Schedule }
  | { readonly of: 'pool'; readonly schedule: PoolSchedule }
  | { readonly of: 'window'; readonly id: number; readonly mappingId: number };

export type Pools = readonly ShownPool[];

/** The values of the form; `value` as it is typed. */
export interface Values {
  readonly of: 'mapping' | 'pool';
  readonly mapping_id: number | null;
  readonly priority: number | null;
  readonly pool: string | null;
  readonly key: string | null;
  readonly value: string;
  readonly weekdays: string[];
  readonly start: string;
  readonly end: string;
  readonly zone: string;
  readonly description: string;
}

/** The fields to which an error of the gateway can belong. */
export const formFields = [
  'mapping_id',
  'priority',
  'key',
  'value',
  'weekdays',
  'start',
  'end',
  'zone',
  'description',
] as const;

interface Given {
  readonly isTeam: boolean;
  readonly pools: Pools;
  readonly mappingId: number | null;
}

export type EditedSchedule = Exclude<Edited, { readonly of: 'window' }>;

export function valuesOf(edited: EditedSchedule, { isTeam, pools, mappingId }: Given): Values {
  const nothing: Values = {
    of: isTeam ? 'mapping' : 'pool',
    mapping_id: mappingId,
    priority: null,
    pool: pools[0]?.name ?? null,
    key: null,
    value: '',
    weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'],
    start: '',
    end: '',
    zone: readerZone(),
    description: '',
  };
  if (edited.of === 'new') return nothing;
  const { weekdays, start, end, zone, description } = edited.schedule;
  const rule = { weekdays, start, end, zone, description: description ?? '' };
  if (edited.of === 'mapping') {
    const { mapping_id, priority } = edited.schedule;
    return { ...nothing, ...rule, of: 'mapping', mapping_id, priority };
  }
  const { pool, key, value } = edited.schedule;
  return { ...nothing, ...rule, of: 'pool', pool, key, value: valueText(value) };
}

/**
 * Returns the request; the gateway reports missing fields. For an existing schedule only the fields that changed since
 * `before` are sent, so that concurrent changes of other fields are kept.
 */
export function writeOf(edited: EditedSchedule, values: Values, before: Values): ScheduleWrite {
  const { of, pool } = values;
  const id = edited.of === 'new' ? null : edited.schedule.id;
  const old = sentOf(before);
  const isSent = ([name, value]: [string, unknown]) =>
    id === null ? value !== null : JSON.stringify(value) !== JSON.stringify(old[name]);
  const body = Object.fromEntries(Object.entries(sentOf(values)).filter(isSent));
  return { of, id, body, ...(of === 'pool' ? { pool: pool ?? '' } : {}) } as ScheduleWrite;
}

function sentOf(values: Values): Readonly<Record<string, unknown>> {
  const { of, mapping_id, priority, key, value, weekdays, start, end, zone, description } = values;
  const rule = { weekdays, start, end, zone, description: description === '' ? null : description };
  return of === 'mapping' ? { ...rule, mapping_id, priority } : { ...rule, key, value: typedValue(value) };
}

/** Parses `true`, `12.5`, `10,9,8` or a word, as the configuration writes values. */
function typedValue(text: string): string | number | boolean | number[] {
  const trimmed = text.trim();
  if (trimmed === 'true' || trimmed === 'false') return trimmed === 'true';
  if (trimmed.includes(',')) return trimmed.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)));
  return trimmed === '' || Number.isNaN(Number(trimmed)) ? trimmed : Number(trimmed);
}

/** Returns `Production (mapping #5)`, `weights of pool local`. */
export const targetText = (schedule: Schedule | PoolSchedule, t: TFunction<'schedules'>): string =>
  'pool' in schedule
    ? t('targetPool', { pool: schedule.pool, key: schedule.key })
    : t('targetMapping', { id: schedule.mapping_id, name: mappingNames(schedule).name });
