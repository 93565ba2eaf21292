/**
 * The seam at which the way of one request can be watched: the request path tells of each step as it happens, in this
 * order. It tells `untraced`, which forgets all of it, unless somebody wants to know.
 *
 *   authenticating → identified → queued → called → answered → firstByte → ended
 *                              ▲  └─┘         └────▶ putBack ─┐
 *                              └──────────────────────────────┘
 */
import type { Outcome, TraceIds } from './outcome.ts';
import type { Identity } from './vocabulary.ts';

export interface RequestTrace {
  authenticating(): void;
  /** Its key is known, or none is needed. */
  identified(identity: Identity): void;
  /** It enters the queue of a pool, again or another one. `place` is read when its wait is over. */
  queued(place: Place): void;
  /** It has its seat and goes upstream. Returns the headers to send, of those that the client sent. */
  called<H extends NodeJS.Dict<string | string[]>>(headers: H): H;
  /** The head of the upstream's answer has come. */
  answered(status: number): void;
  /** The first byte of its body. */
  firstByte(): void;
  /** The call has failed, and is made again. */
  putBack(): void;
  /** The upstream no longer counts it; `model` is the one that the answer names. */
  forwarded(model: string | null): void;
  /** By which log lines name its trace; null: they do not. Asked after all else but `ended`. */
  ids(): TraceIds | null;
  /** The last of all. */
  ended(outcome: Outcome): void;
}

interface Place {
  /** 1 + the requests that were waiting in its own and better levels when it came. */
  readonly position: number;
}

export const untraced: RequestTrace = {
  authenticating() {},
  identified() {},
  queued() {},
  called: headers => headers,
  answered() {},
  firstByte() {},
  putBack() {},
  forwarded() {},
  ids: () => null,
  ended() {},
};
