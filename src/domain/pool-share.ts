/**
 * What a tenant gets of a pool while all that are active want more than there is. Caps, reserves and limits of
 * tenants bind first and are no part of it.
 */
import { allLevels, type Level, type Policy, type ShareBy } from './vocabulary.ts';

export interface Sharing {
  readonly policy: Policy;
  readonly shareBy: ShareBy;
  /** Of P0 … P9. */
  readonly weights: readonly number[];
}

export interface PoolShare {
  /** 0…1, of what the levels that it is behind leave. Null: its level is strict, and takes all that it asks for. */
  readonly share: number | null;
  /** Strict levels with active tenants that are served before. */
  readonly behind: readonly Level[];
}

const isStrict: Record<Policy, (level: Level) => boolean> = {
  strict: () => true,
  hybrid: level => level === 0,
  wfq: () => false,
};

/** `active`: by level, the weights of its active tenants together; the one that is asked about is among them. */
export function poolShares(sharing: Sharing, active: readonly number[]): (level: Level, weight: number) => PoolShare {
  const { policy, shareBy, weights } = sharing;
  const activeIn = (level: Level) => active[level] ?? 0;
  const strict = allLevels.filter(level => isStrict[policy](level) && activeIn(level) > 0);
  const parts = (level: Level) => (weights[level] ?? 0) * (shareBy === 'tenant' ? activeIn(level) : 1);
  const whole = allLevels
    .filter(level => !isStrict[policy](level) && activeIn(level) > 0)
    .reduce<number>((sum, level) => sum + parts(level), 0);
  return (level, weight) => {
    const behind = strict.filter(better => better < level);
    if (isStrict[policy](level)) return { share: null, behind };
    return { share: Math.min((parts(level) / whole) * (weight / activeIn(level)), 1), behind };
  };
}
