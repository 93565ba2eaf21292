import { errors } from '../../domain/errors.ts';
import type { Level } from '../../domain/vocabulary.ts';
import { shownModel } from '../../upstreams/upstreams.ts';

const seconds = (ms: number) => `${ms / 1000} s`;

/** `model` null: the upstream as a whole. */
interface ClosedUntil {
  readonly model: string | null;
  readonly moment: string;
}

function closedSentence({ model, moment }: ClosedUntil): string {
  if (model === null) return `The upstream has no room until ${moment}.`;
  return `The upstream takes no more requests for the model \`${shownModel(model)}\` until ${moment}.`;
}

/** The refusals of requests without a seat: the limit they met, and when to retry. */
export const refusals = {
  impossible: (tokens: number, most: number) =>
    errors.invalidRequest(
      `This request needs about ${Math.ceil(tokens)} tokens; at most ${most} may be in flight at a time. Make it shorter or lower its token limit.`,
    ),
  tenantFull: (depth: number, retryAfterSec: number) =>
    errors.tenantLimit(`The queue of this tenant is full: ${depth} of its requests may wait.`, retryAfterSec),
  tenantTooLate: (timeoutMs: number, retryAfterSec: number) =>
    errors.tenantLimit(
      `This tenant's own limits let it start nothing more within ${seconds(timeoutMs)}.`,
      retryAfterSec,
    ),
  tenantTimedOut: (timeoutMs: number, retryAfterSec: number) =>
    errors.tenantLimit(`This tenant's own limits kept this request waiting for ${seconds(timeoutMs)}.`, retryAfterSec),
  levelFull: (level: Level, depth: number, retryAfterSec: number) =>
    errors.queueFull(`The queue of level P${level} is full: ${depth} requests may wait in it.`, retryAfterSec),
  poolFull: (pool: string, limits: { depth: number; bytes: number }, retryAfterSec: number) =>
    errors.queueFull(
      `The queue of pool '${pool}' is full: ${limits.depth} requests of ${Math.round(limits.bytes / 2 ** 20)} MiB together may wait in it.`,
      retryAfterSec,
    ),
  evicted: (level: Level, retryAfterSec: number) =>
    errors.queueFull(
      `The queue is full, and this request of level P${level} had to make room for another.`,
      retryAfterSec,
    ),
  timedOut: (level: Level, timeoutMs: number, retryAfterSec: number) =>
    errors.queueTimeout(`No seat became free for level P${level} within ${seconds(timeoutMs)}.`, retryAfterSec),
  tooLate: (level: Level, timeoutMs: number, retryAfterSec: number) =>
    errors.queueTimeout(
      `No seat will become free for level P${level} within ${seconds(timeoutMs)}, as things are.`,
      retryAfterSec,
    ),
  closedTooLong: (closed: ClosedUntil, level: Level, timeoutMs: number, retryAfterSec: number) =>
    errors.queueTimeout(
      `${closedSentence(closed)} A request of level P${level} may wait for ${seconds(timeoutMs)}.`,
      retryAfterSec,
    ),
  closedTimedOut: (closed: ClosedUntil, level: Level, timeoutMs: number, retryAfterSec: number) =>
    errors.queueTimeout(
      `${closedSentence(closed)} This request of level P${level} has waited for ${seconds(timeoutMs)}.`,
      retryAfterSec,
    ),
  shuttingDown: () => errors.unavailable('The gateway is shutting down.', 1),
};
