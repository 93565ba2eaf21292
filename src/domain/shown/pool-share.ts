/**
 * A tenant's share of a pool while all active tenants want more than the pool has. Caps, reserves and tenant limits are
 * not part of it; they bind first.
 */
import { allLevels, type Level, type Policy, type ShareBy } from '../vocabulary.ts';

export interface Sharing {
  readonly policy: Policy;
  readonly shareBy: ShareBy;
  /** One weight per level, P0 … P9. */
  readonly weights: readonly number[];
}

export interface PoolShare {
  /** 0…1, of what the levels before it leave. Null: its level is strict and takes everything it asks for. */
  readonly share: number | null;
  /** Strict levels with active tenants that are served first. */
  readonly behind: readonly Level[];
}

const isStrict: Record<Policy, (level: Level) => boolean> = {
  strict: () => true,
  hybrid: level => level === 0,
  wfq: () => false,
};

/**
 * `active`: for each level, the sum of the weights of its active tenants, including the tenant that the result is
 * computed for.
 */
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
