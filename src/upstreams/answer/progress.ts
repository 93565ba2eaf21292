import type { AnswerReading, Meter, StreamPlace } from '../metering/answer-reading.ts';
import type { UpstreamCall } from '../provider.ts';

/** A stream's output is reported once per this many pieces, as often as the scheduler uses it. */
const piecesPerReport = 8;

/** What is read of an answer while it comes, and told to those who count the call. */
export class Progress {
  readonly #meter: Meter;
  readonly #call: Pick<UpstreamCall, 'onOutput' | 'onId'>;
  #hasToldId = false;
  #reportAt = piecesPerReport;

  constructor(meter: Meter, call: Pick<UpstreamCall, 'onOutput' | 'onId'>) {
    this.#meter = meter;
    this.#call = call;
  }

  get isOver(): boolean {
    return this.#meter.isOver;
  }

  get place(): StreamPlace {
    return this.#meter.place;
  }

  feed(chunk: Buffer): void {
    this.#meter.feed(chunk);
    this.#tellId();
    const { outputEvents } = this.#meter;
    if (outputEvents < this.#reportAt) return;
    this.#reportAt = outputEvents + piecesPerReport;
    this.#call.onOutput(outputEvents);
  }

  /** What has come may still have to be unpacked to be read. */
  whenRead(then: () => void): void {
    if (this.#meter.whenRead === undefined) then();
    else this.#meter.whenRead(then);
  }

  read(): AnswerReading {
    const reading = this.#meter.read();
    // What was packed is read late.
    this.#tellId();
    return reading;
  }

  #tellId(): void {
    const { onId } = this.#call;
    if (onId === undefined || this.#hasToldId) return;
    const id = this.#meter.id ?? null;
    if (id === null) return;
    this.#hasToldId = true;
    onId(id);
  }
}
