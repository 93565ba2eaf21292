/** What the status of an upstream's answer says of its limits. */

/** No upstream knows for longer; a probe asks it long before (scheduler/closures/closure.ts). */
const longestClosureMs = 86_400_000;

/** Where it has no room: of how much it takes nothing more. */
export const scopeOf = (status: number): 'model' | 'provider' => (status === 429 ? 'model' : 'provider');

/** Until when; null: it has not said so. */
export const closedUntil = (retryAfterMs: number | null, now: number): number | null =>
  retryAfterMs === null ? null : now + Math.min(retryAfterMs, longestClosureMs);

/**
 * Where it has room: whether it has taken the request, or holds something against the request itself. Null: it has
 * failed, or it is the gateway's key or the time that it took.
 */
export function toldBy(status: number): 'taken' | 'at fault' | null {
  if (status < 400) return 'taken';
  return status < 500 && status !== 401 && status !== 403 && status !== 408 ? 'at fault' : null;
}
