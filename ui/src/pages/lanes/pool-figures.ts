import type { LiveLevel, LivePool, Point } from '../../../../src/http/admin/contract/live-contract.ts';

export const waitingIn = (pool: LivePool): number => pool.levels.reduce((sum, { waiting }) => sum + waiting, 0);

/** Nothing happens in it now. */
export const isIdle = ({ waiting, running, granted_per_sec, refused_per_min }: LiveLevel): boolean =>
  waiting === 0 && running === 0 && granted_per_sec === 0 && refused_per_min === 0;

/** Where the page's address finds it. */
export const anchorOf = (pool: LivePool): string => `pool-${pool.name}`;

/** Neither now nor in the last ten minutes has anybody asked for anything. */
export const isQuiet = (pool: LivePool, points: readonly Point[]): boolean =>
  pool.levels.every(isIdle) && points.every(({ granted, refused, waiting }) => granted + refused + waiting === 0);

/** The level that was granted most in the last ten minutes; null without any. */
export function busiestLevel(points: readonly Point[]): number | null {
  const granted = Array.from({ length: 10 }, () => 0);
  for (const point of points) {
    for (const [level, step] of point.levels.entries()) granted[level] = (granted[level] ?? 0) + step.granted;
  }
  const most = Math.max(...granted);
  return most > 0 ? granted.indexOf(most) : null;
}
