/** A call that has failed before its client was told anything, as those are asked who may make it again. */
import type { Failure } from './endpoints/failure.ts';

export interface FailedCall {
  readonly kind: Failure;
  /** Null where no answer came. */
  readonly status: number | null;
  /** When the upstream says to come back; null: it does not say. */
  readonly retryAfterMs: number | null;
}

/** Too many requests, no room at the moment, and Anthropic's word for the latter. */
export const isBusy = (status: number | null): boolean => status === 429 || status === 503 || status === 529;

/** The upstream has no room, or a gateway before it found none that works. */
export const isFailed = (status: number): boolean => isBusy(status) || status === 502 || status === 504;
