import type { Clock } from '../../src/domain/clock.ts';

/**
 * Starts `behindMs` in the past, and runs `speed` times as fast until it has reached the real time: effects that take
 * minutes show after seconds.
 */
export function catchUpClock(behindMs: number, speed: number): Clock & { readonly caughtUp: () => boolean } {
  const startedAt = performance.now();
  const epochMs = Date.now() - behindMs;
  const catchUpMs = behindMs / (speed - 1);
  const now = () => {
    const elapsed = performance.now() - startedAt;
    return Math.min(elapsed, catchUpMs) * speed + Math.max(0, elapsed - catchUpMs);
  };
  const after: Clock['after'] = (delayMs, action) => {
    const due = now() + delayMs;
    let timer = setTimeout(ring, delayMs / speed);
    function ring(): void {
      const left = due - now();
      if (left <= 0) action();
      else timer = setTimeout(ring, left);
    }
    return () => clearTimeout(timer);
  };
  return {
    now,
    date: () => new Date(epochMs + now()),
    after,
    caughtUp: () => performance.now() - startedAt >= catchUpMs,
  };
}
