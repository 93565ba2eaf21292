import type { ToldError } from './answer-members.ts';
import type { UsageReport } from './usage-report.ts';

/** Reads what an answer says of itself while its bytes pass. */
export interface Meter {
  /** Events with a piece of output that have passed; 0 where the answer is no stream. */
  readonly outputEvents: number;
  /** The event has come that is a stream's last, or the bracket that closes a JSON answer. */
  readonly isOver: boolean;
  /** The ID of the response in a stream of Responses, or of a JSON answer; null until it has come. */
  readonly id: string | null;
  feed(chunk: Buffer): void;
  /** The present place in its stream. */
  readonly place: StreamPlace;
  /** For a meter that reads later than it is fed: calls back once it has read everything fed so far. */
  whenRead?(then: () => void): void;
  /** To be called once, when nothing more comes. */
  read(): AnswerReading;
}

/** The facts needed to continue a stream in the upstream's place. */
export interface StreamPlace {
  /** For a stream of Responses, once it has sent it. */
  readonly responseId: string | null;
  /** The number of the next event: after the last number sent, else after all complete events. */
  readonly nextNumber: number;
  /** The received data of an event that was cut, in latin1; null if none was, or it is not held. */
  readonly cutData: string | null;
}

/** For an answer that is no stream. */
export const noPlace: StreamPlace = { responseId: null, nextNumber: 0, cutData: null };

export interface AnswerReading {
  readonly bytes: number;
  /** A stream without any event, or no byte at all. */
  readonly isEmpty: boolean;
  readonly error: ToldError | null;
  /** The name of the model that answered; null without one. */
  readonly model: string | null;
  readonly usage: UsageReport;
  readonly outputEvents: number;
  /** The count of output events when usage was last reported. */
  readonly outputEventsWhenTold: number;
}
