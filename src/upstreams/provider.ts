import type { IncomingHttpHeaders } from 'node:http';
import type { Body, BodyPlaces } from '../domain/body.ts';
import type { ErrorCode, GatewayError } from '../domain/errors.ts';
import type { Sink } from '../domain/sink.ts';
import type { MeteredUsage } from '../domain/usage.ts';
import type { Affinity, Dialect, Level, StreamShape } from '../domain/vocabulary.ts';
import type { FailedCall } from './failed-call.ts';
import type { ListedModel } from './models/listed-model.ts';

/** One request on its way to an upstream. */
export interface UpstreamCall {
  readonly dialect: Dialect;
  readonly streamShape: StreamShape;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Path and query below the provider's base_url: `/chat/completions`, `/v1/messages?beta=true`. */
  readonly path: string;
  /** The path lies beside the `/v1` with which base_url ends, not below it. */
  readonly isAtRoot: boolean;
  /** As the client sent them. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Body | null;
  readonly bodyPlaces: BodyPlaces;
  /** As the client asks for it. */
  readonly model: string;
  /** As the provider calls it; where it differs, it takes the other's place in the body. */
  readonly upstreamModel: string;
  /** Whether the answer is to name the model as the client asked for it. */
  readonly restoresModel: boolean;
  /** The endpoint that its seat is at (domain/endpoint.ts); null: the provider's first. */
  readonly endpoint: string | null;
  /** The flow that it belongs to: the failures of one alone are no outage. */
  readonly flowId: string;
  /** The upstream keeps what comes of it, or goes on with it by itself: it must not get it twice. */
  readonly leavesTraces?: boolean;
  readonly stream: boolean;
  readonly requestId: string;
  readonly level: Level;
  /** The input tokens to report for an answer without usage. */
  readonly inputEstimate: number;
  /** The output tokens that the request allows; null: no limit. */
  readonly outputLimit: number | null;
  /** Whether the answer contains produced tokens. */
  readonly producesTokens: boolean;
  /** Called during a stream with the output so far, once for so many pieces. */
  readonly onOutput: (outputTokens: number) => void;
  /** Called with the status of the upstream's answer, except for an answer that goes to `onFailing`. */
  readonly onAnswer: (status: number) => void;
  /** Called once, when the body of an answer that is passed on begins to come. */
  readonly onFirstByte?: () => void;
  /** Called once, with the ID that the answer gives to itself; absent: nobody asks for it. */
  readonly onId?: (id: string) => void;
  /**
   * The call has failed, or its answer has one of the statuses of `isFailed` (failed-call.ts). Asked once, before
   * anything is written. True puts the request back: it is sent again, elsewhere or later, or never.
   */
  readonly onFailing: (failure: FailedCall) => boolean;
  /** Asked once the upstream has refused one of several keys: whether the call is made again with another one. */
  readonly mayUseOtherKey?: () => boolean;
  /** The answer is a 401, and nothing is written yet. True puts the call back; absent: the answer is passed on. */
  readonly onKeyRefused?: () => boolean;
}

export interface Forwarded {
  /** The status that the client got; null if it left before one was sent. */
  readonly status: number | null;
  /** The usage as reported, counted or estimated; null if nothing is to be charged. */
  readonly usage: MeteredUsage | null;
  readonly outcome: 'served' | 'upstream_error' | 'client_left' | ErrorCode;
  /** Why an answer was broken off after its begin, or the provider's failure inside it. */
  readonly fault: GatewayError | null;
  /** The upstream's ID of the request; null if it sent none that can be passed on. */
  readonly upstreamRequestId: string | null;
  /** The model that the answer names; absent: it names none, or was not read. */
  readonly model?: string;
}

/** The result for a client that left before its call began. */
export const clientGone: Forwarded = {
  status: null,
  usage: null,
  outcome: 'client_left',
  fault: null,
  upstreamRequestId: null,
};

/** `onFailing` has answered true: nothing was written, and the upstream does not count the call any more. */
export interface PutBack {
  readonly outcome: 'put_back';
}

export interface Provider {
  readonly name: string;
  readonly pool: string;
  /** Whether it takes operations beyond chat, completions, embeddings, Responses and messages. */
  readonly passthrough: boolean;
  /** Whether a request that the upstream may have begun is sent again. */
  readonly retriesUnsafe: boolean;
  /** Whether it has an endpoint that takes requests now, beside these. */
  hasOther(avoid: readonly string[]): boolean;
  /** The moment of the next probe while none of several endpoints is up, by the clock; null: one is, or there is one only. */
  downUntil(now: number): number | null;
  /** `none` also while it has one endpoint. */
  readonly affinity: Affinity;
  /** Until when its requests had better go to another target, as it is down or its lone endpoint has failed; null: they may come. */
  restsUntil(now: number): number | null;
  /**
   * Sends the call and writes the answer. Settles when the upstream no longer counts the call, so a seat may be held
   * until then. Rejects with the GatewayError to answer while nothing has been written; after that a failure is
   * reported inside the answer and in the outcome.
   */
  forward(call: UpstreamCall, sink: Sink): Promise<Forwarded | PutBack>;
}

/** A provider under the name that it has for the model. */
export interface Target {
  readonly provider: Provider;
  readonly model: string;
}

/** The way of the requests for one name of a model: they go to the first target that takes them. */
export interface Route {
  /** The name of `[model.NAME]`; null: the provider was found by its own `models`. */
  readonly name: string | null;
  readonly targets: readonly [Target, ...Target[]];
  /** What may go to the next target, as it would wait too long in the pool before that one; null: nothing. */
  readonly spill: Spill | null;
}

export interface Spill {
  readonly afterMs: number;
  readonly levels: ReadonlySet<Level>;
}

/** A provider as seen inside this room. */
export interface Upstream extends Provider {
  /** Names or globs. */
  readonly models: readonly string[];
  serves(dialect: Dialect): boolean;
  /** Lists the models that the upstream reports; rejects if it cannot be asked. */
  listModels(): Promise<readonly ListedModel[]>;
  /** Ends all running calls with this error. */
  abortAll(error: GatewayError): void;
  close(): Promise<void>;
}
