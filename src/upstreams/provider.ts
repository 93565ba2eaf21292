import type { IncomingHttpHeaders } from 'node:http';
import type { Body, BodyPlaces } from '../domain/body.ts';
import type { ErrorCode, GatewayError } from '../domain/errors.ts';
import type { Sink } from '../domain/sink.ts';
import type { MeteredUsage } from '../domain/usage.ts';
import type { Dialect, Level, StreamShape } from '../domain/vocabulary.ts';
import type { ListedModel } from './models/listed-model.ts';

/** One request on its way to an upstream. */
export interface UpstreamCall {
  readonly dialect: Dialect;
  readonly streamShape: StreamShape;
  readonly method: 'GET' | 'POST';
  /** Path and query below the provider's base_url: `/chat/completions`, `/v1/messages?beta=true`. */
  readonly path: string;
  /** As the client sent them. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Body | null;
  readonly bodyPlaces: BodyPlaces;
  readonly model: string;
  readonly stream: boolean;
  readonly requestId: string;
  readonly level: Level;
  /** Input tokens to report for an answer that tells no usage. */
  readonly inputEstimate: number;
  /** Output tokens that the request allows; null: no limit. */
  readonly outputLimit: number | null;
  /** Whether tokens come out. */
  readonly producesTokens: boolean;
  /** While a stream passes: its pieces of output so far, told once for so many of them. */
  readonly onOutput: (outputTokens: number) => void;
  /** The upstream answers with this status; not told of an answer that `onBusy` is asked of. */
  readonly onAnswer: (status: number) => void;
  /**
   * The upstream has no room: its answer is a 429, 503 or 529, and says when to come back, or null. Asked
   * before anything is written. True puts the request back: its call is made again later, or never.
   */
  readonly onBusy: (status: number, retryAfterMs: number | null) => boolean;
}

export interface Forwarded {
  /** The status that the client got; null when it left before there was one. */
  readonly status: number | null;
  /** What the upstream told, or what was counted or estimated instead; null where nothing is to be charged. */
  readonly usage: MeteredUsage | null;
  readonly outcome: 'served' | 'upstream_error' | 'client_left' | ErrorCode;
  /** Why an answer that had begun was broken off, or what in it is the provider's failure. */
  readonly fault: GatewayError | null;
  /** What the upstream calls the request; null where it says nothing that can be told. */
  readonly upstreamRequestId: string | null;
}

/** A client that left before its call began. */
export const clientGone: Forwarded = {
  status: null,
  usage: null,
  outcome: 'client_left',
  fault: null,
  upstreamRequestId: null,
};

/** `onBusy` has answered true: nothing was written, and the upstream does not count the call any more. */
export interface PutBack {
  readonly outcome: 'put_back';
}

export interface Provider {
  readonly name: string;
  readonly pool: string;
  /**
   * Sends the call and writes the answer. Settles when the upstream no longer counts the call, so a
   * seat may be held until then. Rejects with the GatewayError to answer while nothing has been
   * written; from then on a failure is told within the answer and shows in the outcome.
   */
  forward(call: UpstreamCall, sink: Sink): Promise<Forwarded | PutBack>;
}

/** A provider as its own room sees it. */
export interface Upstream extends Provider {
  /** Names or globs. */
  readonly models: readonly string[];
  serves(dialect: Dialect): boolean;
  /** What the upstream itself says that it serves; rejects where it cannot be asked. */
  listModels(): Promise<readonly ListedModel[]>;
  /** Ends all running calls with this error. */
  abortAll(error: GatewayError): void;
  close(): Promise<void>;
}
