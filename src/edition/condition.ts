/** How the gateway serves, as far as the database decides it, and the database's faults. */
import type { Watcher } from '../db/changes/changes.ts';
import type { FaultsMet } from '../db/faults-met.ts';
import type { Sqlite } from '../db/sqlite/sqlite.ts';
import type { MapperStatus } from '../priority/priority.ts';

export interface Condition {
  /**
   * `ready`: everything works; `degraded`: requests are served, but not everything works; `starting`: requests cannot
   * be authenticated yet.
   */
  readonly status: 'starting' | 'ready' | 'degraded';
  /** A sentence each, without a full stop and without secrets; empty without faults. */
  readonly reasons: readonly string[];
  /** The database can be read. */
  readonly isUp: boolean;
}

export const starting = (reason: string | null): Condition => ({
  status: 'starting',
  reasons: reason === null ? [] : [reason],
  isUp: false,
});

export function teamCondition(watch: Watcher, { degraded }: MapperStatus, met: FaultsMet): Condition {
  const reasons = new Set([...watch.faults, ...met.reasons()]);
  if (degraded && reasons.size === 0) reasons.add('The mappings cannot be read; the log says why');
  const isUp = !degraded && watch.isUsable;
  if (!isUp && reasons.size === 0) reasons.add('The database can be neither listened to nor asked; the log says why');
  return { status: reasons.size === 0 ? 'ready' : 'degraded', reasons: [...reasons], isUp };
}

export function personalCondition({ faults }: Pick<Sqlite, 'faults'>): Condition {
  const { reading, writing } = faults();
  const reasons = new Set([reading, writing].filter(fault => fault !== null));
  return { status: reasons.size === 0 ? 'ready' : 'degraded', reasons: [...reasons], isUp: reading === null };
}
