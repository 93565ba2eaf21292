import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { UpstreamProxy } from '../config/config.ts';
import type { Body } from '../domain/body.ts';
import type { Clock } from '../domain/clock.ts';
import { errors, type GatewayError } from '../domain/errors.ts';
import type { Sink } from '../domain/sink.ts';
import { Answer, type AnswerContext, type Source } from './answer/answer.ts';
import { upstreamFault } from './answer/upstream-fault.ts';
import { type Connection, type Connections, holdWrites } from './connections.ts';
import type { CallWatch, WatchedCall } from './endpoints/endpoint.ts';
import { type FailureFacts, failureOf } from './endpoints/failure.ts';
import { refusedBy } from './forward-proxy.ts';
import type { Forwarded, PutBack, UpstreamCall } from './provider.ts';
import { upstreamPath } from './upstream-path.ts';

/** How long an upstream may take to close a call's connection after the client left. */
const closeGraceMs = 5_000;
/**
 * A connection that was closed as an idle one breaks within a round trip, or at the first packet that is sent again. Where
 * it breaks later, the upstream may have worked on the request.
 */
const staleMs = 1_000;

export interface ProxyContext extends AnswerContext {
  readonly connections: Connections;
  /** Hears of what each call meets. */
  readonly watch: CallWatch;
  /** The longest total time of a call: a slow upstream would otherwise hold its seat for ever. */
  readonly totalTimeoutMs: number;
  /** The path of base_url, or all of it where a proxy is sent the calls; without a slash at its end. */
  readonly basePath: string;
  /** The one that is sent the calls; null: the upstream itself is. */
  readonly proxy: UpstreamProxy | null;
}

/**
 * Sends a call over a connection of its own and its answer to the client, byte for byte. Where that connection had served
 * before and closes at once without a byte of an answer, the call is sent again over a new one; a call that leaves traces
 * upstream has a new one from the begin.
 */
export function proxy(
  call: UpstreamCall,
  headers: string[],
  sink: Sink,
  context: ProxyContext,
  body = call.body,
): Promise<Forwarded | PutBack> {
  return new Promise((resolve, reject) => {
    const options = { path: upstreamPath(context.basePath, call), method: call.method, ...sent(body, headers) };
    const proxied = new ProxiedCall(options, context, call);
    proxied.answer = new Answer(call, sink, proxied, context, { resolve, reject });
    proxied.send();
  });
}

/** Several pieces are written one after the other, as fast as the upstream takes them; undici needs their length. */
function sent(body: Body | null, headers: string[]): Pick<Dispatcher.DispatchOptions, 'headers' | 'body'> {
  if (body === null || body.pieces.length < 2) return { headers, body: body?.pieces[0] ?? null };
  // Its types know iterables of requests by their streams only.
  const pieces = body.pieces as unknown as Readable;
  return { headers: [...headers, 'content-length', String(body.bytes)], body: pieces };
}

/** undici's handler of one call: one object, no stream and no AbortController in between. */
class ProxiedCall implements Dispatcher.DispatchHandler, Source, WatchedCall {
  answer: Answer | null = null;
  readonly flowId: string;
  readonly startedAt: number;
  readonly #connection: Connection;
  readonly #options: Dispatcher.DispatchOptions;
  readonly #watch: CallWatch;
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #proxy: UpstreamProxy | null;
  /** Null until the request goes out, and again when all is over. */
  #controller: Dispatcher.DispatchController | null = null;
  #isSentAgain = false;
  #hasAnswered = false;
  #isStopped = false;
  #isOver = false;
  #closed: (() => void) | null = null;
  #cancelGrace: (() => void) | null = null;
  readonly #cancelTotal: () => void;

  constructor(options: Dispatcher.DispatchOptions, context: ProxyContext, call: UpstreamCall) {
    this.flowId = call.flowId;
    this.startedAt = context.clock.now();
    this.#options = options;
    this.#watch = context.watch;
    this.#watch.began();
    this.#connections = context.connections;
    this.#connection = context.connections.take(call.leavesTraces);
    this.#clock = context.clock;
    this.#proxy = context.proxy;
    this.#cancelTotal = context.clock.after(context.totalTimeoutMs, () => this.answer?.expire(tooLong(context)));
  }

  send(): void {
    holdWrites(this.#connection);
    this.#connection.client.dispatch(this.#options, this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isStopped) controller.abort(new Error('nobody waits for this call any more'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    const refusal = this.#proxy === null ? null : refusedBy(this.#proxy, status, headers);
    this.#hasAnswered = true;
    if (refusal === null) {
      this.#watch.answered(this, { status, hasRetryAfter: headers['retry-after'] !== undefined });
      this.answer?.start(status, headers);
    } else {
      this.#watch.broke(this, refusal, this.#facts);
      this.answer?.abort(upstreamFault(refusal));
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.answer?.write(chunk);
  }

  onResponseEnd(): void {
    // Our half of this connection is closed: no further call can use it. (After an error undici closes it.)
    if (this.#isStopped) this.#connection.socket?.destroy();
    this.#over();
    this.answer?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const facts = this.#facts;
    const kind = failureOf(error, facts);
    if (kind === 'reused' && !this.#isSentAgain && !this.#isStopped) {
      this.#sendAgain();
      return;
    }
    if (!this.#hasAnswered && !this.#isStopped) this.#watch.broke(this, error, facts);
    this.#over();
    this.answer?.fail(upstreamFault(error), kind === null ? null : { kind, status: null, retryAfterMs: null });
  }

  /** An upstream may close a connection that it thinks idle just as a request goes out on it: no client may see that. */
  #sendAgain(): void {
    this.#isSentAgain = true;
    this.#controller = null;
    // undici is in the middle of closing the connection, and opens another one for the next call.
    queueMicrotask(() => {
      if (this.#isStopped) this.#over();
      else this.send();
    });
  }

  get #facts(): FailureFacts {
    const { isReused, interimAnswers } = this.#connection;
    const isAtOnce = this.#clock.now() - this.startedAt < staleMs;
    return { isSent: this.#controller !== null, isReused: isReused && isAtOnce && !interimAnswers.hasBegun };
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /**
   * Says "no more" by closing our half of the connection and waits until the upstream has closed its
   * own: only then does it surely not count the call any more. What it still sends is thrown away.
   */
  stop(closed: () => void): void {
    this.#isStopped = true;
    const { socket } = this.#connection;
    // Over, or not sent yet: a call that still waits for a connection is unknown to the upstream.
    if (this.#isOver || this.#controller === null || socket === null) {
      closed();
      return;
    }
    this.#closed = closed;
    if (socket.writableLength > 0) {
      this.#breakOff();
      return;
    }
    this.#controller.resume();
    socket.end();
    this.#cancelGrace = this.#clock.after(closeGraceMs, () => this.#breakOff());
  }

  #breakOff(): void {
    this.#controller?.abort(new Error('the client left'));
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller = null;
    this.#connections.give(this.#connection);
    this.#cancelGrace?.();
    this.#cancelTotal();
    this.#closed?.();
  }
}

const tooLong = ({ totalTimeoutMs }: ProxyContext): GatewayError =>
  errors.upstreamFailed(`The upstream's answer took longer than ${totalTimeoutMs / 1000} s.`);
