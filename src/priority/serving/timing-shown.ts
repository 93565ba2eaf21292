/** The boost and schedules of a listed mapping. */
import type { ShownMapping } from '../../domain/mapping.ts';
import { isLevel } from '../../domain/vocabulary.ts';
import { effectiveAt, noTiming, type Timing } from '../matching/timing.ts';

type ShownTiming = Pick<ShownMapping, 'boost' | 'effective_priority' | 'effective_source'>;

/** `priority`: that of the row, which hands may have written. */
export function shownTiming(priority: number, timing: Timing = noTiming, now: number): ShownTiming {
  const { boost } = timing;
  const holds = boost !== null && boost.until > now;
  const own = isLevel(priority) ? effectiveAt(priority, timing, now) : null;
  return {
    boost: holds
      ? {
          priority: boost.priority,
          until: new Date(boost.until).toISOString(),
          reason: boost.reason,
          created_by: boost.createdBy,
        }
      : null,
    effective_priority: own?.level ?? priority,
    effective_source: own?.source ?? 'row',
  };
}
