import type { ToldError } from './answer-members.ts';
import type { UsageReport } from './usage-report.ts';

/** Reads what an answer says of itself while its bytes pass. */
export interface Meter {
  /** Events with a piece of output that have passed; 0 where the answer is no stream. */
  readonly outputEvents: number;
  /** The event has come that is a stream's last, or the bracket that closes a JSON answer. */
  readonly isOver: boolean;
  feed(chunk: Buffer): void;
  /** Of a meter that reads later than it is fed: calls back once it has read all that it was fed so far. */
  whenRead?(then: () => void): void;
  /** To be called once, when nothing more comes. */
  read(): AnswerReading;
}

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
