import type { Level } from '../domain/vocabulary.ts';

export interface TicketFields {
  readonly flowId: string;
  readonly level: Level;
  /** Estimated cost, see domain/usage.ts. */
  readonly cost: number;
  readonly bodyBytes: number;
}

/** One request's place in a pool, queued or seated. */
export interface Ticket {
  /** From entering the queue to the seat or the refusal; 0 for who did not have to wait. */
  readonly waitMs: number;
  readonly wasQueued: boolean;
  /** 1 + the requests that were waiting in its own and better levels when it came. */
  readonly position: number;
  /** The client is gone: gives the place up, unless the work has begun. May be called at any time. */
  leave(): void;
  /** What the request has cost in the end; without it the estimate stands. The last call counts. */
  settle(actualCost: number): void;
}
