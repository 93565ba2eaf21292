import type { Clock } from '../../domain/clock.ts';
import type { GatewayError } from '../../domain/errors.ts';
import type { Sink } from '../../domain/sink.ts';
import { Ring } from '../../domain/structures/ring.ts';
import type { FailedCall } from '../failed-call.ts';
import { answerHeaders, upstreamRequestId } from '../headers.ts';
import { noPlace } from '../metering/answer-reading.ts';
import { meteredUsage } from '../metering/charge.ts';
import { isEventStream } from '../metering/meter.ts';
import type { Forwarded, PutBack, UpstreamCall } from '../provider.ts';
import { ClientSide } from './client-side.ts';
import { faultEvent } from './fault-event.ts';
import { Progress } from './progress.ts';
import { sinkFor } from './restoring-sink.ts';
import { failureIn } from './retry-after.ts';
import { isPacked, meterOf } from './unpacking.ts';
import { faultIn, unwantedStatus } from './upstream-fault.ts';

/** The producer of an answer's bytes. */
export interface Source {
  pause(): void;
  resume(): void;
  /** Stop producing; `closed` is called once the upstream no longer counts the call. */
  stop(closed: () => void): void;
}

/** The parts that all calls of one provider share. */
export interface AnswerContext {
  readonly clock: Clock;
  /** How long a client may leave the answer unread before it counts as gone. */
  readonly stallMs: number;
  /** The answers that are not settled yet. */
  readonly running: Ring<Answer>;
}

interface Settle {
  readonly resolve: (forwarded: Forwarded | PutBack) => void;
  readonly reject: (error: GatewayError) => void;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** A success that has no body. */
const noContent = 204;
/** How long an unwanted body may take before its connection is closed. */
const unwantedBodyMs = 1_000;
/** How long an upstream may take to end a stream after its last event, when the client has closed already. */
const lastBytesMs = 1_000;

/**
 * The client's side of one call: writes the answer as it comes, holds the source back while the
 * client is slow, stops it when the client has left, and settles the call exactly once.
 *
 *   waiting ──start──▶ started ──end, fail──▶ ended ──all is read──▶ over, after a fault with an error event or a break
 *      │  │              └──client leaves after the last event──▶ left ──end, fail──▶ ended
 *      │  └──failing──▶ put back  ──end, fail──▶ over
 *      └──fail, redirect: rejects, or put back
 *      └──────────────────┴──client leaves: stop the source, wait until it is closed
 */
export class Answer {
  readonly #call: UpstreamCall;
  readonly #client: ClientSide;
  readonly #source: Source;
  readonly #context: AnswerContext;
  readonly #settled: Settle;
  /** Among those that are running. */
  readonly #place = new Ring<Answer>(this);
  #state: 'waiting' | 'started' | 'ended' | 'left' | 'put_back' | 'over' = 'waiting';
  #status: number | null = null;
  #upstreamRequestId: string | null = null;
  #progress: Progress | null = null;
  /** A fault can be reported inside it. */
  #takesErrorEvent = false;
  /** It is known how many bytes have to come. */
  #isLengthTold = false;
  /** Cancels what the state waits for, other than the client. */
  #cancelWait: (() => void) | null = null;

  constructor(call: UpstreamCall, sink: Sink, source: Source, context: AnswerContext, settled: Settle) {
    this.#call = call;
    this.#client = new ClientSide(sinkFor(call, sink), source, context);
    this.#source = source;
    this.#context = context;
    this.#settled = settled;
    context.running.append(this.#place);
    sink.onClosed(() => this.#leave());
  }

  start(status: number, headers: Headers): void {
    if (this.#state !== 'waiting') return;
    const unwanted = unwantedStatus(status, headers.location);
    if (unwanted !== null) this.#reject(unwanted);
    else this.#begin(status, headers);
  }

  #begin(status: number, headers: Headers): void {
    const failure = failureIn(status, headers, this.#context.clock);
    if (failure === null ? status === 401 && this.#call.onKeyRefused?.() : this.#call.onFailing(failure)) {
      this.#putBack();
      return;
    }
    if (failure === null) this.#call.onAnswer(status);
    this.#state = 'started';
    this.#status = status;
    this.#upstreamRequestId = upstreamRequestId(headers);
    this.#isLengthTold = headers['content-length'] !== undefined;
    const contentType = String(headers['content-type'] ?? '');
    if (status < 400 && status !== noContent) {
      this.#progress = new Progress(meterOf(contentType, headers['content-encoding']), this.#call);
    }
    const isStream = isEventStream(contentType);
    const own = this.#client.ownHeaders();
    // Asks nginx not to hold the events of a stream back.
    if (isStream || this.#call.stream) own['x-accel-buffering'] = 'no';
    this.#client.begin(status, answerHeaders(headers, own));
    if (isStream) this.#startStream(isPacked(headers['content-encoding']));
  }

  write(chunk: Buffer): void {
    if (this.#state === 'left') this.#progress?.feed(chunk);
    if (this.#state !== 'started') return;
    if (!this.#client.hasBytes) this.#call.onFirstByte?.();
    this.#progress?.feed(chunk);
    this.#client.write(chunk);
  }

  end(): void {
    if (this.#state === 'put_back') this.#settlePutBack();
    if (this.#state === 'started') this.#client.end();
    if (this.#state === 'started' || this.#state === 'left') this.#conclude(() => this.#settleAnswer());
  }

  /** The source broke off; `failure`: where the call may be made again. */
  fail(error: GatewayError, failure: FailedCall | null = null): void {
    switch (this.#state) {
      case 'waiting':
        this.#failUntold(error, failure);
        return;
      case 'started':
        if (!this.#client.isTold) this.#failUntold(error, failure);
        else this.#conclude(() => this.#endOrBreakOff(error));
        return;
      case 'left':
        // All that mattered had come.
        this.#conclude(() => this.#settleAnswer());
        return;
      case 'put_back':
        this.#settlePutBack();
    }
  }

  /** The client has been told nothing, so the call may be made again. */
  #failUntold(error: GatewayError, failure: FailedCall | null): void {
    this.#over();
    if (failure !== null && this.#call.onFailing(failure)) this.#settled.resolve({ outcome: 'put_back' });
    else this.#settled.reject(error);
  }

  /** Nothing more comes; what has come may still have to be unpacked to be read. */
  #conclude(then: () => void): void {
    this.#state = 'ended';
    this.#afterReading(then);
  }

  #afterReading(then: () => void): void {
    if (this.#progress === null) then();
    else this.#progress.whenRead(then);
  }

  #endOrBreakOff(error: GatewayError): void {
    // Nothing is missing where the last event has come, and nothing may follow it.
    if (!this.#progress?.isOver || this.#isLengthTold) {
      this.#breakOff(error);
      return;
    }
    this.#client.end();
    this.#settleAnswer();
  }

  #breakOff(error: GatewayError): void {
    // Asked before the meter takes what is there of an event for a whole one.
    const place = this.#progress?.place ?? noPlace;
    this.#settle(error.code, error);
    const stream = { call: this.#call, place, date: this.#context.clock.date() };
    if (this.#takesErrorEvent) this.#client.end(faultEvent(stream, error));
    else this.#client.breakOff();
  }

  /** Stops the source and reports the error to the client. */
  abort(error: GatewayError): void {
    if (this.#state === 'over') return;
    this.fail(error);
    this.#source.stop(() => {});
  }

  /** The whole has taken too long; where the client reads so slowly, that is its own doing. */
  expire(error: GatewayError): void {
    if (this.#client.isStalled) this.#client.breakOff();
    else this.abort(error);
  }

  #startStream(isPacked: boolean): void {
    // If the length is declared, or the bytes are no text, nothing may be added.
    this.#takesErrorEvent = !this.#isLengthTold && !isPacked;
    // The headers ride with the first bytes; those of a stream do not wait where its bytes do not come at once.
    queueMicrotask(() => {
      if (this.#state === 'started') this.#client.flush();
    });
  }

  #leave(): void {
    if (this.#state === 'over' || this.#state === 'ended') return;
    if (this.#state === 'started' && this.#progress !== null) {
      this.#state = 'left';
      this.#client.rest();
      this.#afterReading(() => this.#endLeft());
      return;
    }
    this.#stopSource();
  }

  /** The client has left: if it has all that matters, the upstream is let come to its end. */
  #endLeft(): void {
    if (this.#state !== 'left') return;
    if (!this.#progress?.isOver) {
      this.#stopSource();
      return;
    }
    this.#source.resume();
    this.#cancelWait = this.#context.clock.after(lastBytesMs, () => this.#source.stop(() => this.#settleAnswer()));
  }

  #stopSource(): void {
    this.#over();
    this.#source.stop(() => this.#settle('client_left'));
  }

  #reject(error: GatewayError): void {
    this.#over();
    this.#source.stop(() => this.#settled.reject(error));
  }

  /** The body is read to its end, which keeps the connection for the next call; within reason. */
  #putBack(): void {
    this.#state = 'put_back';
    this.#cancelWait = this.#context.clock.after(unwantedBodyMs, () => this.#source.stop(() => this.#settlePutBack()));
  }

  #settlePutBack(): void {
    if (this.#state === 'over') return;
    this.#over();
    this.#settled.resolve({ outcome: 'put_back' });
  }

  #over(): void {
    this.#state = 'over';
    this.#place.leave();
    this.#client.rest();
    this.#cancelWait?.();
  }

  /** The answer is complete: it says itself whether it is a success. */
  #settleAnswer(): void {
    if (this.#state === 'over') return;
    const reading = this.#progress?.read() ?? null;
    const fault = faultIn(reading);
    const isInside = reading !== null && (reading.isEmpty || reading.error !== null);
    const isError = isInside || (this.#status ?? 0) >= 400;
    this.#settle(isError ? 'upstream_error' : 'served', fault, reading);
  }

  #settle(
    outcome: Forwarded['outcome'],
    fault: GatewayError | null = null,
    reading = this.#progress?.read() ?? null,
  ): void {
    this.#over();
    const usage = reading === null ? null : meteredUsage(reading, this.#call);
    const upstreamRequestId = this.#upstreamRequestId;
    const forwarded = { status: this.#status, usage, outcome, fault, upstreamRequestId };
    const model = reading?.model ?? null;
    this.#settled.resolve(model === null ? forwarded : { ...forwarded, model });
  }
}
