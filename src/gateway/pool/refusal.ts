/** Why a request gets no seat: a code and its numbers, which any process can be told, and the sentence for its client. */
import { type Clock, momentOf } from '../../domain/clock.ts';
import { ClientLeft, errors } from '../../domain/errors.ts';
import type { Level } from '../../domain/vocabulary.ts';
import { shownModel } from '../../upstreams/upstreams.ts';

interface Later {
  readonly retryAfterSec: number;
}

interface TooLong extends Later {
  readonly timeoutMs: number;
}

interface Closed extends TooLong {
  /** The upstream has closed its model; else all of it. */
  readonly isOfModel: boolean;
  readonly closedForMs: number;
}

interface Full extends Later {
  readonly depth: number;
}

/** The numbers of each code. */
interface Numbers {
  readonly client_left: object;
  readonly shutting_down: Later;
  readonly not_put_back: Later;
  readonly no_such_pool: Later;
  readonly impossible: { readonly tokens: number; readonly most: number };
  readonly tenant_full: Full;
  readonly level_full: Full;
  readonly pool_full: Full & { readonly bytes: number };
  readonly evicted: Later;
  readonly tenant_too_late: TooLong;
  readonly tenant_timed_out: TooLong;
  readonly too_late: TooLong;
  readonly timed_out: TooLong;
  readonly closed_too_long: Closed;
  readonly closed_timed_out: Closed;
}

export type Code = keyof Numbers;

export type Refusal<One extends Code = Code> = { [Each in One]: { readonly code: Each } & Numbers[Each] }[One];

/** The request that is refused, and its pool. */
interface Refused {
  readonly pool: string;
  readonly asked: { readonly level: Level; readonly model: string };
  readonly clock: Clock;
}

/** Returns what the client is told. */
export const errorOf = <One extends Code>(refusal: Refusal<One>, refused: Refused): Error =>
  errorsOf[refusal.code](refusal, refused);

/** Codes come from other processes, too, which may be newer. */
export const isCode = (code: string): code is Code => Object.hasOwn(errorsOf, code);

const seconds = (ms: number) => `${ms / 1000} s`;

const errorsOf: { readonly [One in Code]: (refusal: Refusal<One>, refused: Refused) => Error } = {
  client_left: () => new ClientLeft('The client left before its request had a seat.'),
  shutting_down: ({ retryAfterSec }) => errors.unavailable('The gateway is shutting down.', retryAfterSec),
  not_put_back: ({ retryAfterSec }) =>
    errors.unavailable('The upstream has no room for this request, which could not be queued again.', retryAfterSec),
  no_such_pool: ({ retryAfterSec }, { pool }) =>
    errors.unavailable(`The gateway that grants the seats of all gateways has no pool '${pool}'.`, retryAfterSec),
  impossible: ({ tokens, most }) =>
    errors.invalidRequest(
      `This request needs about ${Math.ceil(tokens)} tokens; at most ${most} may be in flight at a time. Make it shorter or lower its token limit.`,
    ),
  tenant_full: ({ depth, retryAfterSec }) =>
    errors.tenantLimit(`The queue of this tenant is full: ${depth} of its requests may wait.`, retryAfterSec),
  level_full: ({ depth, retryAfterSec }, { asked: { level } }) =>
    errors.queueFull(`The queue of level P${level} is full: ${depth} requests may wait in it.`, retryAfterSec),
  pool_full: ({ depth, bytes, retryAfterSec }, { pool }) =>
    errors.queueFull(
      `The queue of pool '${pool}' is full: ${depth} requests of ${Math.round(bytes / 2 ** 20)} MiB together may wait in it.`,
      retryAfterSec,
    ),
  evicted: ({ retryAfterSec }, { asked: { level } }) =>
    errors.queueFull(
      `The queue is full, and this request of level P${level} had to make room for another.`,
      retryAfterSec,
    ),
  tenant_too_late: ({ timeoutMs, retryAfterSec }) =>
    errors.tenantLimit(
      `This tenant's own limits let it start nothing more within ${seconds(timeoutMs)}.`,
      retryAfterSec,
    ),
  tenant_timed_out: ({ timeoutMs, retryAfterSec }) =>
    errors.tenantLimit(`This tenant's own limits kept this request waiting for ${seconds(timeoutMs)}.`, retryAfterSec),
  too_late: ({ timeoutMs, retryAfterSec }, { asked: { level } }) =>
    errors.queueTimeout(
      `No seat will become free for level P${level} within ${seconds(timeoutMs)}, as things are.`,
      retryAfterSec,
    ),
  timed_out: ({ timeoutMs, retryAfterSec }, { asked: { level } }) =>
    errors.queueTimeout(`No seat became free for level P${level} within ${seconds(timeoutMs)}.`, retryAfterSec),
  closed_too_long: (refusal, refused) =>
    errors.queueTimeout(
      `${closedSentence(refusal, refused)} A request of level P${refused.asked.level} may wait for ${seconds(refusal.timeoutMs)}.`,
      refusal.retryAfterSec,
    ),
  closed_timed_out: (refusal, refused) =>
    errors.queueTimeout(
      `${closedSentence(refusal, refused)} This request of level P${refused.asked.level} has waited for ${seconds(refusal.timeoutMs)}.`,
      refusal.retryAfterSec,
    ),
};

function closedSentence({ isOfModel, closedForMs }: Closed, { asked, clock }: Refused): string {
  const moment = momentOf(clock, clock.now() + closedForMs);
  if (!isOfModel) return `The upstream has no room until ${moment}.`;
  return `The upstream takes no more requests for the model \`${shownModel(asked.model)}\` until ${moment}.`;
}
