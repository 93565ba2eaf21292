import type { MappingWindow, PoolWindow } from '../../api/schedules.ts';
import type { WeekWindow } from './week-layout.ts';

/** A window of a mapping or of a pool, as the week shows it. */
export interface ShownWindow extends WeekWindow {
  readonly scheduleId: number;
  /** Null: a window of a pool. */
  readonly mappingId: number | null;
  /** For a mapping. */
  readonly priority: number | null;
  /** The subject: a tenant, or a pool's setting. */
  readonly name: string;
  /** Further details of the subject. */
  readonly detail: string;
  readonly localStart: string;
  readonly localEnd: string;
}

export const mappingWindow = (window: MappingWindow): ShownWindow => ({
  id: `mapping ${window.schedule_id}`,
  scheduleId: window.schedule_id,
  mappingId: window.mapping_id,
  priority: window.priority,
  ...mappingNames(window),
  ...momentsOf(window),
});

export const poolWindow = (window: PoolWindow, pool: string): ShownWindow => ({
  id: `pool ${window.schedule_id}`,
  scheduleId: window.schedule_id,
  mappingId: null,
  priority: null,
  name: `${pool}: ${window.key}`,
  detail: valueText(window.value),
  ...momentsOf(window),
});

const momentsOf = ({ start, end, local_start, local_end }: MappingWindow | PoolWindow) => ({
  start,
  end,
  localStart: local_start,
  localEnd: local_end,
});

type OfMapping = Pick<MappingWindow, 'mapping_id' | 'mapping'>;

/** Named by the tenant if there is one, else by the pattern. */
export function mappingNames({ mapping_id, mapping }: OfMapping): { readonly name: string; readonly detail: string } {
  if (mapping === null) return { name: `#${mapping_id}`, detail: '' };
  const { pattern, tenant_id, tenant_name } = mapping;
  const tenant = tenant_name ?? tenant_id;
  return tenant === null ? { name: pattern, detail: `#${mapping_id}` } : { name: tenant, detail: pattern };
}

/** Formats a pool's value as the configuration writes it. */
export const valueText = (value: PoolWindow['value']): string =>
  Array.isArray(value) ? value.join(',') : String(value);
