import type { Spent } from '../../domain/usage.ts';
import type { Level } from '../../domain/vocabulary.ts';

/** `cost` and `tokens` are estimated, see domain/usage.ts. */
export interface TicketFields extends Spent {
  /** By which an operator finds it while it is here. */
  readonly requestId: string;
  readonly flowId: string;
  readonly level: Level;
  /** Where it goes to: what an upstream without room closes. */
  readonly provider: string;
  readonly model: string;
  readonly bodyBytes: number;
  /** How long the client would wait at most; null: as long as its level may. */
  readonly maxWaitMs: number | null;
}

/** The result of work whose request is to be put back, as Ticket.upstreamBusy() has allowed. */
export const putBack: unique symbol = Symbol('put back');

/** One request's place in a pool, queued or seated. */
export interface Ticket {
  /** All its time in the queue, up to now its seat or its refusal; 0 for who did not have to wait. */
  readonly waitMs: number;
  readonly wasQueued: boolean;
  /** 1 + the requests that were waiting in its own and better levels when it came. */
  readonly position: number;
  /** The client is gone: gives the place up, unless the work has begun. May be called at any time. */
  leave(): void;
  /** While the work runs: what it has used by now. The charge is raised by it, never lowered. */
  progress(spent: Spent): void;
  /**
   * To be called by work whose upstream is busy: it has no room for the request. Where the upstream says for how long,
   * nothing more of that model (429), or of that provider, starts until then, and true allows the work to return
   * `putBack`: the request then waits again, before all others of its flow. Once only, and not where it would be too late.
   */
  upstreamBusy(status: number, retryAfterMs: number | null): boolean;
  /** To be called by work whose upstream begins to answer and has room: a probe (scheduler/closures/closure.ts) shows it. */
  upstreamAnswered(status: number): void;
  /** What the request has used in the end; without it the estimate stands. The last call counts. */
  settle(spent: Spent): void;
}
