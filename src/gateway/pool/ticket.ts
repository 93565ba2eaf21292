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

/** What work answers that the upstream has turned away, where Dispatcher.upstreamBusy() allowed it. */
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
  /** What the request has used in the end; without it the estimate stands. The last call counts. */
  settle(spent: Spent): void;
}
