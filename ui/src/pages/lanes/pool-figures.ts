import type { LiveLevel, LivePool, Point } from '../../../../src/http/admin/contract/live.ts';

export const waitingIn = (pool: LivePool): number => pool.levels.reduce((sum, { waiting }) => sum + waiting, 0);

/** Whether nothing happens in it now. */
export const isIdle = ({ waiting, running, granted_per_sec, refused_per_min }: LiveLevel): boolean =>
  waiting === 0 && running === 0 && granted_per_sec === 0 && refused_per_min === 0;

/** The anchor of the pool in the page's address. */
export const anchorOf = (pool: LivePool): string => `pool-${pool.name}`;

/** Whether there was no request now or in the last ten minutes. */
export const isQuiet = (pool: LivePool, points: readonly Point[]): boolean =>
  pool.levels.every(isIdle) && points.every(({ granted, refused, waiting }) => granted + refused + waiting === 0);

/** Returns the level with the most granted requests of the last ten minutes; null without any. */
export function busiestLevel(points: readonly Point[]): number | null {
  const granted = Array.from({ length: 10 }, () => 0);
  for (const point of points) {
    for (const [level, step] of point.levels.entries()) granted[level] = (granted[level] ?? 0) + step.granted;
  }
  const most = Math.max(...granted);
  return most > 0 ? granted.indexOf(most) : null;
}
