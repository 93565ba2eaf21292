/** Reads an answer's usage and errors while its bytes pass. */
import { AnswerMembers, scanAnswer } from './answer-members.ts';
import { type AnswerReading, type Meter, noPlace, type StreamPlace } from './answer-reading.ts';
import { StreamMeter } from './stream-meter.ts';
import { UsageReport } from './usage-report.ts';

const eventStream = /^\s*text\/event-stream\b/i;
export const isEventStream = (contentType: string): boolean => eventStream.test(contentType);

export const meterFor = (contentType: string): Meter =>
  isEventStream(contentType) ? new StreamMeter() : new UnlabelledMeter(oneDocument.test(contentType));

/** One JSON document; what comes line by line is called otherwise. */
const oneDocument = /^\s*application\/json\b/i;

/** Some servers call a stream something else: its first bytes tell. */
const beginsLikeEvents = /^(?:\u00ef\u00bb\u00bf)?\s*(?:data|event|id|retry|):/;
const decisiveBytes = 32;

class UnlabelledMeter implements Meter {
  readonly #isOneDocument: boolean;
  #head: Buffer = nothing;
  #meter: Meter | null = null;

  constructor(isOneDocument: boolean) {
    this.#isOneDocument = isOneDocument;
  }

  get outputEvents(): number {
    return this.#meter?.outputEvents ?? 0;
  }

  get isOver(): boolean {
    return this.#meter?.isOver ?? false;
  }

  get id(): string | null {
    return this.#meter?.id ?? null;
  }

  get place(): StreamPlace {
    return this.#meter?.place ?? noPlace;
  }

  feed(chunk: Buffer): void {
    if (this.#meter !== null) {
      this.#meter.feed(chunk);
      return;
    }
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    if (this.#head.length >= decisiveBytes) this.#decide();
  }

  read(): AnswerReading {
    return (this.#meter ?? this.#decide()).read();
  }

  #decide(): Meter {
    const isStream = beginsLikeEvents.test(this.#head.toString('latin1', 0, decisiveBytes));
    this.#meter = isStream ? new StreamMeter() : new JsonMeter(this.#isOneDocument);
    this.#meter.feed(this.#head);
    return this.#meter;
  }
}

const nothing = Buffer.alloc(0);

/** JSON, and lines of it; of anything else nothing is read. */
class JsonMeter implements Meter {
  readonly outputEvents = 0;
  readonly place = noPlace;
  readonly #isOneDocument: boolean;
  readonly #usage = new UsageReport();
  readonly #members = new AnswerMembers(this.#usage);
  readonly #scan = scanAnswer(this.#members);
  #bytes = 0;

  constructor(isOneDocument: boolean) {
    this.#isOneDocument = isOneDocument;
  }

  get id(): string | null {
    return this.#members.id;
  }

  get isOver(): boolean {
    return this.#isOneDocument && this.#scan.isWhole;
  }

  feed(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#scan.fault === null) this.#scan.push(chunk);
  }

  read(): AnswerReading {
    this.#scan.end();
    return {
      bytes: this.#bytes,
      isEmpty: this.#bytes === 0,
      error: this.#members.error,
      model: this.#members.model,
      usage: this.#usage,
      outputEvents: 0,
      outputEventsWhenTold: 0,
    };
  }
}
