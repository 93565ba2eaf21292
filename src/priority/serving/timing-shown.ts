/** The boost and schedules of a listed mapping. */
import { isLevel } from '../../domain/vocabulary.ts';
import { type EffectiveSource, effectiveAt, noTiming, type Timing } from '../matching/timing.ts';

export interface ShownTiming {
  /** The boost that holds; null once it has ended. */
  readonly boost: {
    readonly priority: number;
    readonly until: string;
    readonly reason: string;
    readonly created_by: string | null;
  } | null;
  readonly effective_priority: number;
  readonly effective_source: EffectiveSource;
}

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
