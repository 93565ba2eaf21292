import type { SpanContext } from '@opentelemetry/api';
import type { IdGenerator } from '@opentelemetry/sdk-trace';
import type { Clock } from '../../domain/clock.ts';
import type { Outcome, TraceIds } from '../../domain/outcome.ts';
import type { RequestTrace } from '../../domain/request-trace.ts';
import type { Identity } from '../../domain/vocabulary.ts';
import { clientContext, type Headers, withContext } from './client-context.ts';
import type { FindPlace, PlaceInTrace } from './place-in-trace.ts';

/** What is known of a request when it comes. */
export interface Arrival {
  /** By the clock, as all times here. */
  readonly startedAt: number;
  readonly method: string;
  /** With a placeholder for a model's name. */
  readonly route: string;
  readonly dialect: string;
  /** In the words of OpenTelemetry's conventions; null: none of a model. */
  readonly operation: string | null;
  readonly headers: Headers;
}

/** A part of the request's time; `endedAt` is null if the request ended within it. */
interface Part {
  readonly startedAt: number;
  endedAt: number | null;
}

/** For a seat. */
export interface Wait extends Part {
  readonly place: { readonly position: number };
  /** It went on in another pool. */
  isMoved: boolean;
}

/** A call upstream. */
export interface Attempt extends Part {
  readonly context: SpanContext;
  readonly number: number;
  status: number | null;
  answeredAt: number | null;
  firstByteAt: number | null;
  isPutBack: boolean;
  model: string | null;
}

/** All that was recorded of a request. */
export interface Recording {
  readonly arrival: Arrival;
  readonly place: PlaceInTrace;
  /** Milliseconds since 1970 at the clock's zero. */
  readonly epochMs: number;
  readonly endedAt: number;
  readonly authentication: Part | null;
  readonly waits: readonly Wait[];
  readonly attempts: readonly Attempt[];
  readonly outcome: Outcome;
}

interface TracedParts {
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly findPlace: FindPlace;
  readonly sendsUpstream: boolean;
  /** Given each request that is recorded, when it has ended. */
  readonly recorded: (recording: Recording) => void;
}

/** Notes when each step of a request came; spans are made of it once it has ended. */
export class TracedRequest implements RequestTrace {
  readonly #parts: TracedParts;
  readonly #arrival: Arrival;
  readonly #epochMs: number;
  readonly #client: SpanContext | null;
  /** Decided as soon as its key is known, or at its end. */
  #place: PlaceInTrace | null = null;
  #authentication: Part | null = null;
  readonly #waits: Wait[] = [];
  readonly #attempts: Attempt[] = [];

  constructor(arrival: Arrival, parts: TracedParts) {
    this.#parts = parts;
    this.#arrival = arrival;
    this.#epochMs = parts.clock.date().getTime() - arrival.startedAt;
    this.#client = clientContext(arrival.headers);
  }

  authenticating(): void {
    this.#authentication = { startedAt: this.#now(), endedAt: null };
  }

  identified({ keyId }: Identity): void {
    if (this.#authentication !== null) this.#authentication.endedAt = this.#now();
    this.#place = this.#parts.findPlace(this.#client, keyId !== null);
  }

  queued(place: Wait['place']): void {
    if (!this.#isRecorded) return;
    const startedAt = this.#now();
    const before = this.#waits.at(-1);
    if (before?.endedAt === null) Object.assign(before, { endedAt: startedAt, isMoved: true });
    this.#waits.push({ startedAt, endedAt: null, place, isMoved: false });
  }

  called<H extends Headers>(headers: H): H {
    const context = this.#isRecorded ? this.#begun() : this.#settled.context;
    return withContext(headers, this.#parts.sendsUpstream ? context : null);
  }

  answered(status: number): void {
    const attempt = this.#attempts.at(-1);
    if (attempt === undefined) return;
    attempt.status = status;
    attempt.answeredAt = this.#now();
  }

  firstByte(): void {
    const attempt = this.#attempts.at(-1);
    if (attempt !== undefined) attempt.firstByteAt = this.#now();
  }

  putBack(): void {
    const attempt = this.#attempts.at(-1);
    if (attempt === undefined) return;
    attempt.endedAt = this.#now();
    attempt.isPutBack = true;
  }

  forwarded(model: string | null): void {
    const attempt = this.#attempts.at(-1);
    if (attempt === undefined) return;
    attempt.endedAt = this.#now();
    attempt.model = model;
  }

  ids(): TraceIds {
    return this.#settled.context;
  }

  ended(outcome: Outcome): void {
    const place = this.#settled;
    if (!place.isRecorded) return;
    this.#parts.recorded({
      arrival: this.#arrival,
      place,
      epochMs: this.#epochMs,
      endedAt: this.#now(),
      authentication: this.#authentication,
      waits: this.#waits,
      attempts: this.#attempts,
      outcome,
    });
  }

  /** It has its seat: the wait is over. */
  #begun(): SpanContext {
    const startedAt = this.#now();
    const wait = this.#waits.at(-1);
    if (wait !== undefined) wait.endedAt = startedAt;
    const context = { ...this.#settled.context, spanId: this.#parts.ids.generateSpanId() };
    const number = this.#attempts.length + 1;
    const unknown = { status: null, answeredAt: null, firstByteAt: null, model: null };
    this.#attempts.push({ startedAt, endedAt: null, context, number, isPutBack: false, ...unknown });
    return context;
  }

  get #isRecorded(): boolean {
    return this.#settled.isRecorded;
  }

  get #settled(): PlaceInTrace {
    this.#place ??= this.#parts.findPlace(this.#client, false);
    return this.#place;
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}
