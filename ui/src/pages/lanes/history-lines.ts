import { historyMs, type Point } from '../../api/live.ts';

/** Returns the steps of the last ten minutes at even distances; null for steps without data. */
export function stepsOf(points: readonly Point[], stepMs: number): readonly { at: number; point: Point | null }[] {
  const last = points.at(-1);
  if (last === undefined) return [];
  const lastAt = Date.parse(last.at);
  const before = new Map(points.map(point => [Math.round((lastAt - Date.parse(point.at)) / stepMs), point]));
  const size = Math.ceil(historyMs / stepMs);
  return Array.from({ length: size }, (_, index) => {
    const stepsAgo = size - 1 - index;
    return { at: lastAt - stepsAgo * stepMs, point: before.get(stepsAgo) ?? null };
  });
}
