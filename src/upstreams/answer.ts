import type { ServerResponse } from 'node:http';
import type { Clock } from '../domain/clock.ts';
import { errorBody, type GatewayError } from '../domain/errors.ts';
import { answerHeaders } from './headers.ts';
import type { Forwarded, TakenBack, UpstreamCall } from './provider.ts';
import { retryAfterMs } from './retry-after.ts';
import { meterFor, type UsageMeter } from './sse.ts';

/** Whoever produces the bytes of an answer. */
export interface Source {
  pause(): void;
  resume(): void;
  /** Stop producing; `closed` is called once the upstream no longer counts the call. */
  stop(closed: () => void): void;
}

/** What all calls of one provider share. */
export interface AnswerContext {
  readonly clock: Clock;
  /** How long a client may leave the answer unread before it counts as gone. */
  readonly stallMs: number;
  /** The answers that are not settled yet. */
  readonly running: Set<Answer>;
}

interface Settle {
  readonly resolve: (forwarded: Forwarded | TakenBack) => void;
  readonly reject: (error: GatewayError) => void;
}

/** Too many requests, no room at the moment, and Anthropic's word for the latter. */
const isBusy = (status: number): boolean => status === 429 || status === 503 || status === 529;
/** How long the body of an answer that nobody gets may take, before its connection is given up. */
const unwantedBodyMs = 1_000;
/** A stream's output is told once for so many pieces: as often as the scheduler takes it into account. */
const piecesPerReport = 8;

/**
 * The client's side of one call: writes the answer as it comes, holds the source back while the
 * client is slow, stops it when the client has left, and settles the call exactly once.
 *
 *   waiting ──start──▶ started ──end──▶ over
 *      │  └──busy──▶ taken back ──end, fail──▶ over
 *      └──fail: rejects   └──fail: error event, or the connection breaks
 *      └──────────────────┴──client leaves: stop the source, wait until it is closed
 */
export class Answer {
  readonly #call: UpstreamCall;
  readonly #res: ServerResponse;
  readonly #source: Source;
  readonly #context: AnswerContext;
  readonly #settled: Settle;
  #state: 'waiting' | 'started' | 'taken_back' | 'over' = 'waiting';
  #status: number | null = null;
  #meter: UsageMeter | null = null;
  #isStream = false;
  #hasWritten = false;
  #reportAt = piecesPerReport;
  #cancelStall: (() => void) | null = null;

  constructor(call: UpstreamCall, res: ServerResponse, source: Source, context: AnswerContext, settled: Settle) {
    this.#call = call;
    this.#res = res;
    this.#source = source;
    this.#context = context;
    this.#settled = settled;
    context.running.add(this);
    res.on('close', () => this.#leave());
  }

  start(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    if (this.#state !== 'waiting') return;
    if (!isBusy(status)) this.#call.onAnswer(status);
    else if (this.#call.onBusy(status, retryAfterMs(headers, this.#context.clock.date()))) {
      this.#takeBack();
      return;
    }
    const contentType = String(headers['content-type'] ?? '');
    this.#res.writeHead(status, answerHeaders(headers, this.#call.answerHeaders));
    this.#state = 'started';
    this.#status = status;
    this.#isStream = contentType.startsWith('text/event-stream');
    if (status < 400) this.#meter = meterFor(contentType);
    // The headers ride with the first bytes; those of a stream do not wait where its bytes do not come at once.
    if (this.#isStream) {
      queueMicrotask(() => {
        if (!this.#hasWritten && this.#state === 'started') this.#res.flushHeaders();
      });
    }
  }

  write(chunk: Buffer): void {
    if (this.#state !== 'started') return;
    this.#hasWritten = true;
    const meter = this.#meter;
    if (meter !== null) {
      meter.feed(chunk);
      if (meter.outputEvents >= this.#reportAt) this.#report(meter.outputEvents);
    }
    if (!this.#res.write(chunk)) this.#holdBack();
  }

  end(): void {
    if (this.#state === 'taken_back') this.#giveBack();
    if (this.#state !== 'started') return;
    this.#res.end();
    this.#settle((this.#status ?? 0) < 400 ? 'served' : 'upstream_error');
  }

  /** The source broke off. */
  fail(error: GatewayError): void {
    if (this.#state === 'over') return;
    if (this.#state === 'taken_back') {
      this.#giveBack();
      return;
    }
    if (this.#state === 'waiting') {
      this.#over();
      this.#settled.reject(error);
      return;
    }
    this.#settle(error.code, error);
    if (this.#isStream) this.#res.end(errorEvent(this.#call.dialect, error));
    else this.#res.destroy();
  }

  /** Stops the source and tells the client why. */
  abort(error: GatewayError): void {
    if (this.#state === 'over') return;
    this.fail(error);
    this.#source.stop(() => {});
  }

  #leave(): void {
    if (this.#state === 'over') return;
    this.#over();
    this.#source.stop(() => this.#settle('client_left'));
  }

  #report(outputTokens: number): void {
    this.#reportAt = outputTokens + piecesPerReport;
    this.#call.onOutput(outputTokens);
  }

  /** The body is read to its end, which keeps the connection for the next call; within reason. */
  #takeBack(): void {
    this.#state = 'taken_back';
    this.#cancelStall = this.#context.clock.after(unwantedBodyMs, () => this.#source.stop(() => this.#giveBack()));
  }

  #giveBack(): void {
    if (this.#state === 'over') return;
    this.#over();
    this.#settled.resolve({ outcome: 'taken_back' });
  }

  #over(): void {
    this.#state = 'over';
    this.#context.running.delete(this);
    this.#cancelStall?.();
  }

  #settle(outcome: Forwarded['outcome'], fault: GatewayError | null = null): void {
    this.#over();
    this.#settled.resolve({
      status: this.#status,
      usage: this.#meter?.usage(this.#call.inputEstimate) ?? null,
      outcome,
      fault,
    });
  }

  #holdBack(): void {
    if (this.#cancelStall) return;
    const { clock, stallMs } = this.#context;
    this.#source.pause();
    this.#cancelStall = clock.after(stallMs, () => this.#res.destroy());
    this.#res.once('drain', () => {
      this.#cancelStall?.();
      this.#cancelStall = null;
      this.#source.resume();
    });
  }
}

/** How a fault after the status is told within a stream. */
function errorEvent(dialect: UpstreamCall['dialect'], error: GatewayError): string {
  const data = `data: ${JSON.stringify(errorBody(dialect, error))}\n\n`;
  // The blank line first ends an event that was cut in the middle.
  return dialect === 'anthropic' ? `\n\nevent: error\n${data}` : `\n\n${data}`;
}

/** A client that left before its call began. */
export const clientGone: Forwarded = { status: null, usage: null, outcome: 'client_left', fault: null };
