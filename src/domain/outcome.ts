import type { ErrorCode } from './errors.ts';
import type { Usage } from './usage.ts';
import type { Level, LevelSource } from './vocabulary.ts';

/**
 * How a request ended: `served` (the upstream's answer below 400 went through), `upstream_error`
 * (its 4xx or 5xx did), `client_left`, or the code of the error that the gateway answered.
 */
export type OutcomeKind = 'served' | 'upstream_error' | 'client_left' | ErrorCode;

/** The one record in which every request ends; metrics, log line and stats hang on it. */
export interface Outcome {
  readonly requestId: string;
  readonly outcome: OutcomeKind;
  /** The status sent; null when the client left before there was one. */
  readonly status: number | null;
  readonly method: string;
  readonly path: string;
  readonly keyId: number | null;
  /** The fields from here on are null as far as the request did not come to them. */
  readonly flowId: string | null;
  readonly mappingId: number | null;
  /** X-Priority as asked, cut to 16 characters. */
  readonly asked: string | null;
  readonly level: Level | null;
  readonly source: LevelSource | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly pool: string | null;
  /** It got a seat. */
  readonly isGranted: boolean;
  /** From entering the pool's queue to the seat, or to the refusal. */
  readonly waitMs: number | null;
  readonly durationMs: number;
  readonly usage: Usage | null;
  /** What the client was told went wrong with the upstream; null where nothing did. */
  readonly upstreamFault: string | null;
}
