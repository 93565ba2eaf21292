import { errors } from '../domain/errors.ts';
import type { Level } from '../domain/vocabulary.ts';

/** What a request is told that gets no seat: which limit it met, and when to try again. */
export const refusals = {
  levelFull: (level: Level, depth: number, retryAfterSec: number) =>
    errors.queueFull(`The queue of level P${level} is full: ${depth} requests may wait in it.`, retryAfterSec),
  poolFull: (pool: string, bytes: number, retryAfterSec: number) =>
    errors.queueFull(
      `The queue of pool '${pool}' is full: ${Math.round(bytes / 2 ** 20)} MiB of requests may wait in it.`,
      retryAfterSec,
    ),
  timedOut: (level: Level, timeoutMs: number, retryAfterSec: number) =>
    errors.queueTimeout(`No seat became free for level P${level} within ${timeoutMs / 1000} s.`, retryAfterSec),
  shuttingDown: () => errors.unavailable('The gateway is shutting down.', 1),
};
