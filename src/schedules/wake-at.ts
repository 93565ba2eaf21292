import type { Clock } from '../domain/clock.ts';

/** How long at most until the wall clock is looked at again: it is set by hand, and machines sleep. */
const lookAgainMs = 30_000;

/** Calls `action` once, as soon as the wall clock has reached `moment` (ms since 1970); the answer cancels it. */
export function wakeAt(clock: Clock, moment: number, action: () => void): () => void {
  if (moment === Number.POSITIVE_INFINITY) return () => {};
  let cancel = () => {};
  const look = () => {
    const inMs = moment - clock.date().getTime();
    if (inMs <= 0) action();
    else cancel = clock.after(Math.min(inMs, lookAgainMs), look);
  };
  // Never before the answer is there: what is late already is called with the next turn.
  cancel = clock.after(Math.min(Math.max(moment - clock.date().getTime(), 0), lookAgainMs), look);
  return () => cancel();
}
