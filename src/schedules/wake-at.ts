import type { Clock } from '../domain/clock.ts';

/** The longest time between two readings of the wall clock: the clock may be set by hand, and machines sleep. */
const lookAgainMs = 30_000;

/**
 * Calls `action` once, as soon as the wall clock has reached `moment` (ms since 1970); the returned function cancels
 * it.
 */
export function wakeAt(clock: Clock, moment: number, action: () => void): () => void {
  if (moment === Number.POSITIVE_INFINITY) return () => {};
  let cancel = () => {};
  const look = () => {
    const inMs = moment - clock.date().getTime();
    if (inMs <= 0) action();
    else cancel = clock.after(Math.min(inMs, lookAgainMs), look);
  };
  // Never called before this function returns: an overdue action runs in the next turn of the event loop.
  cancel = clock.after(Math.min(Math.max(moment - clock.date().getTime(), 0), lookAgainMs), look);
  return () => cancel();
}
