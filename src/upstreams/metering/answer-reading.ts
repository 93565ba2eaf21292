import type { ToldError } from './answer-members.ts';
import type { UsageReport } from './usage-report.ts';

/** Reads what an answer says of itself while its bytes pass. */
export interface Meter {
  /** Events with a piece of output that have passed; 0 where the answer is no stream. */
  readonly outputEvents: number;
  /** The event has come that is a stream's last. */
  readonly isOver: boolean;
  feed(chunk: Buffer): void;
  /** Where its stream stands. */
  readonly place: StreamPlace;
  /** To be called once, when nothing more comes. */
  read(): AnswerReading;
}

/** What whoever goes on with a stream in the upstream's place has to know. */
export interface StreamPlace {
  /** Of a stream of Responses, once it has told it. */
  readonly responseId: string | null;
  /** The number of the next event: after the last one that was told, else after all that came whole. */
  readonly nextNumber: number;
  /** What came of the data of an event that was cut, in latin1; null where none was, or it is not held. */
  readonly cutData: string | null;
}

/** Of what is no stream. */
export const noPlace: StreamPlace = { responseId: null, nextNumber: 0, cutData: null };

export interface AnswerReading {
  readonly bytes: number;
  /** A stream without any event, or no byte at all. */
  readonly isEmpty: boolean;
  readonly error: ToldError | null;
  readonly usage: UsageReport;
  readonly outputEvents: number;
  /** How many there were when usage was told last. */
  readonly outputEventsWhenTold: number;
}
