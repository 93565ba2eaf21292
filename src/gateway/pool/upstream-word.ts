/** The meaning of the status of an upstream's answer for its limits. */

/** The longest closure; a probe asks the upstream long before (scheduler/closures/closure.ts). */
const longestClosureMs = 86_400_000;

/** For a busy upstream: the scope that takes nothing more. */
export const scopeOf = (status: number): 'model' | 'provider' => (status === 429 ? 'model' : 'provider');

/** The end of the closure; null: the upstream named none. */
export const closedUntil = (retryAfterMs: number | null, now: number): number | null =>
  retryAfterMs === null ? null : now + Math.min(retryAfterMs, longestClosureMs);

/**
 * For an upstream with room: whether it has taken the request, or found a fault in it. Null: it has failed, or the
 * fault is the gateway's key or the time it took.
 */
export function toldBy(status: number): 'taken' | 'at fault' | null {
  if (status < 400) return 'taken';
  return status < 500 && status !== 401 && status !== 403 && status !== 408 ? 'at fault' : null;
}
