import type { ErrorCode } from './errors.ts';
import type { MeteredUsage } from './usage.ts';
import type { Level, LevelSource } from './vocabulary.ts';

/**
 * How a request ended: `served` (the upstream's answer was passed on), `upstream_error` (an answer that reports an
 * error was passed on: a 4xx or 5xx, or a 200 with an error inside), `client_left`, or the code of the error that the
 * gateway answered.
 */
export type OutcomeKind = 'served' | 'upstream_error' | 'client_left' | ErrorCode;

/** One call of an upstream for a request. */
export interface Attempt {
  readonly provider: string;
  /** The `id` of domain/endpoint.ts; null: the provider has one only. */
  readonly endpoint: string | null;
  /** What it met before its client was told anything: the kind of upstreams/endpoints/failure.ts, or the status; null: nothing. */
  failure: string | null;
  /** From the seat until the upstream no longer counts it. */
  ms: number;
}

/** The one record in which every request ends; metrics, log line and stats are made from it. */
export interface Outcome {
  readonly requestId: string;
  readonly outcome: OutcomeKind;
  /** The status sent; null when the client left before one was sent. */
  readonly status: number | null;
  readonly method: string;
  readonly path: string;
  readonly keyId: number | null;
  /** The fields from here on are null where the request ended before they were known. */
  readonly flowId: string | null;
  readonly mappingId: number | null;
  /** The requested X-Priority, cut to 16 characters. */
  readonly asked: string | null;
  readonly level: Level | null;
  readonly source: LevelSource | null;
  /** X-Priority gave the request a better level than its own. */
  readonly isRaised: boolean;
  readonly model: string | null;
  readonly provider: string | null;
  readonly pool: string | null;
  /** The request got a seat. */
  readonly isGranted: boolean;
  /** From the entry into the pool's queue to the seat or the refusal. */
  readonly waitMs: number | null;
  readonly durationMs: number;
  readonly usage: MeteredUsage | null;
  /** The upstream's own ID of the request, where its answer carries one. */
  readonly upstreamRequestId: string | null;
  /** The fault of the upstream that no status shows; null if there was none. */
  readonly upstreamFault: string | null;
  /** All calls of upstreams for it, in their order; few. */
  readonly attempts: readonly Attempt[];
  /** The pool that it has left for the next target's, as it would have waited too long; null: none. */
  readonly spilledFrom: string | null;
  /** Null or absent where nothing is traced. */
  readonly trace?: TraceIds | null;
}

/** Of the first span of a request. Lowercase hexadecimal, as in W3C Trace Context. */
export interface TraceIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** A request outside the model routes that was answered with an error. */
export interface RefusedRequest {
  readonly requestId: string;
  /** Null if the method could not be read. */
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
  isRaised: false,
  model: null,
  provider: null,
  pool: null,
  isGranted: false,
  waitMs: null,
  usage: null,
  upstreamRequestId: null,
  upstreamFault: null,
  attempts: [],
  spilledFrom: null,
});

/** Whether an HTTP status concerns the provider: it failed, had no room, or refused the gateway's key. */
export const isProviderStatus = (status: number): boolean =>
  (status >= 500 && status <= 599) || status === 401 || status === 403 || status === 408 || status === 429;
