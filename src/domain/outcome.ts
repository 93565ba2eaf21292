import type { ErrorCode } from './errors.ts';
import type { MeteredUsage } from './usage.ts';
import type { Level, LevelSource } from './vocabulary.ts';

/**
 * How a request ended: `served` (the upstream's answer went through), `upstream_error` (an answer that is an error
 * did: a 4xx or 5xx, or a 200 that says so inside), `client_left`, or the code of the error that the gateway answered.
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
  /** X-Priority gave it a better level than its own. */
  readonly isRaised: boolean;
  readonly model: string | null;
  readonly provider: string | null;
  readonly pool: string | null;
  /** It got a seat. */
  readonly isGranted: boolean;
  /** From entering the pool's queue to the seat, or to the refusal. */
  readonly waitMs: number | null;
  readonly durationMs: number;
  readonly usage: MeteredUsage | null;
  /** What went wrong with the upstream, where that is its own fault and no status tells it; null where nothing did. */
  readonly upstreamFault: string | null;
}

/** A request that was answered with an error outside of the model routes. */
export interface RefusedRequest {
  readonly requestId: string;
  /** Null where nobody could read one. */
  readonly method: string | null;
  readonly path: string | null;
  readonly status: number;
  readonly code: ErrorCode;
  readonly durationMs: number;
}

export const outcomeOfRefused = ({ code, method, path, ...refused }: RefusedRequest): Outcome => ({
  ...refused,
  outcome: code,
  method: method ?? '-',
  path: path ?? '-',
  keyId: null,
  flowId: null,
  mappingId: null,
  asked: null,
  level: null,
  source: null,
  model: null,
  provider: null,
  pool: null,
  isGranted: false,
  waitMs: null,
  usage: null,
  upstreamFault: null,
});

/** An HTTP status that tells of the provider: it failed, had no room, or refused the gateway's key. */
export const isProviderStatus = (status: number): boolean =>
  (status >= 500 && status <= 599) || status === 401 || status === 403 || status === 408 || status === 429;
