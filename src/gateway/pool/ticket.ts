import type { Spent } from '../../domain/usage.ts';
import type { Asked, Wait } from './guest.ts';

export interface TicketFields extends Asked {
  /** The client's longest wait; null: as long as its level allows. */
  readonly maxWaitMs: number | null;
}

/** The result of work whose request is to be put back, if Ticket.upstreamBusy() has allowed it. */
export const putBack: unique symbol = Symbol('put back');

/** The result of work whose request goes on in another pool, or to another provider: its seat comes back uncharged. */
export const movedOn: unique symbol = Symbol('moved on');

/** One request's place in a pool, queued or seated. Its wait is told when it has a seat or a refusal. */
export interface Ticket extends Wait {
  /** It has a seat, or had one to its end; not while it is put back. */
  readonly isGranted: boolean;
  /** It waits for a seat. */
  readonly isWaiting: boolean;
  /** The longest that it waits in all, from when it enters. */
  readonly timeoutMs: number;
  /** What it is charged at present. */
  readonly spent: Spent;
  /** Called while it waits, when no endpoint of its provider takes requests any more. */
  onTargetDown: () => void;
  /** The client has left: gives the place up, unless the work has begun. May be called at any time. */
  leave(): void;
  /** While the work runs: the usage so far. The charge is raised to it, never lowered. */
  progress(spent: Spent): void;
  /**
   * Called by work whose upstream is busy: it has no room for the request. If the upstream names a time, no request for
   * that model (429), or for that provider, starts until then; of a provider with several endpoints, none for that model at
   * this endpoint. True allows the work to return `putBack`: the request then waits again, before all others of its flow.
   * Allowed once, and only if its deadline permits.
   */
  upstreamBusy(status: number, retryAfterMs: number | null): boolean;
  /**
   * Called by work whose call has failed at its endpoint: true allows the work to return `putBack`. The request then waits
   * again, before all others of its flow, for a seat at an endpoint where it has not failed.
   */
  avoidEndpoint(): boolean;
  /** Called by work whose upstream begins to answer and has room; this ends a probe (scheduler/closures/closure.ts). */
  upstreamAnswered(status: number): void;
  /** The final usage of the request; without it the estimate stands. The last call counts. */
  settle(spent: Spent): void;
}
