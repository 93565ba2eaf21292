/**
 * Reads a stream while its bytes pass: usage (Anthropic reports it in the first event and the last, others at the end
 * or in every event), errors, and its end. Events are recognised by their name or `type`, never by a text that may
 * occur anywhere in them; the text search only selects the events to parse.
 */
import type { MemberScan } from '../../json/member-scan.ts';
import { AnswerMembers, scanAnswer, type ToldError } from './answer-members.ts';
import type { AnswerReading, Meter, StreamPlace } from './answer-reading.ts';
import { type EventReader, EventSplitter } from './event-splitter.ts';
import { UsageReport } from './usage-report.ts';

/** A piece of output in an event: chat, completions and Anthropic; then Responses, whose other events repeat it. */
const pieceOfOutput =
  /"(?:content|text|arguments|name|partial_json|thinking|reasoning|reasoning_content|refusal)": ?"[^"]/;
const responsesPiece = /"delta": ?"[^"]/;
const responsesType = /"type": ?"response\./;
/** The possible place of a response's ID. */
const responseMember = /"response":/;
/** The events to parse. Most servers write `"usage":null` into every event except the last. */
const worthALook = /"(?:usage|error|message_stop|response\.(?:completed|incomplete|failed))"(?!\s*:\s*null)/;
/** A piece or a name may be cut between two parts of a long event. */
const overlapChars = 64;

const done = '[DONE]';
const lastEvents: ReadonlySet<string> = new Set([
  'message_stop',
  'response.completed',
  'response.incomplete',
  'response.failed',
  'speech.audio.done',
  'transcript.text.done',
]);
const failedEvents: ReadonlySet<string> = new Set(['error', 'response.failed']);
const unnamed: ToldError = { type: '', code: '' };

interface LongEvent {
  readonly members: AnswerMembers;
  readonly scan: MemberScan;
  hasOutput: boolean;
  tail: string;
}

export class StreamMeter implements Meter, EventReader {
  outputEvents = 0;
  readonly #splitter = new EventSplitter(this);
  readonly #usage = new UsageReport();
  #bytes = 0;
  #events = 0;
  #isOver = false;
  #error: ToldError | null = null;
  #outputEventsWhenTold = 0;
  /** The pieces of output to count: the first event decides. */
  #pattern: RegExp | null = null;
  /** The state of an event that comes in parts. */
  #long: LongEvent | null = null;
  /** The last complete event: its data, or the parsed part of a long one. */
  #last: string | AnswerMembers = '';
  #responseId: string | null = null;
  /** Of the last event that was parsed and names one. */
  #model: string | null = null;

  get isOver(): boolean {
    // Many clients close as soon as they have read this; the blank line after it may never be waited for, or sent.
    return this.#isOver || this.#splitter.pendingData === done;
  }

  get id(): string | null {
    return this.#responseId;
  }

  get place(): StreamPlace {
    const last = typeof this.#last === 'string' ? scanned(this.#last, new UsageReport()) : this.#last;
    return {
      responseId: this.#responseId,
      nextNumber: (last.sequenceNumber ?? this.#events - 1) + 1,
      cutData: this.#long === null ? this.#splitter.cutData : null,
    };
  }

  feed(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#splitter.feed(chunk);
  }

  read(): AnswerReading {
    this.#splitter.end();
    return {
      bytes: this.#bytes,
      isEmpty: this.#events === 0,
      error: this.#error,
      model: this.#model,
      usage: this.#usage,
      outputEvents: this.outputEvents,
      outputEventsWhenTold: this.#outputEventsWhenTold,
    };
  }

  part(data: string): void {
    this.#long ??= this.#beginLong();
    this.#addPart(this.#long, data);
  }

  event(name: string, data: string): void {
    if (data === done && this.#long === null) {
      this.#isOver = true;
      return;
    }
    this.#events++;
    const long = this.#long;
    this.#long = null;
    if (long === null) {
      if (this.#hasOutput(name, data)) this.outputEvents++;
      this.#last = data;
      this.#judge(name, this.#isWorthALook(data) ? scanned(data, this.#usage) : null);
      return;
    }
    this.#addPart(long, data);
    if (long.hasOutput) this.outputEvents++;
    this.#last = long.members;
    this.#judge(name, long.members);
  }

  #isWorthALook(data: string): boolean {
    if (worthALook.test(data)) return true;
    return this.#responseId === null && this.#pattern === responsesPiece && responseMember.test(data);
  }

  #beginLong(): LongEvent {
    const members = new AnswerMembers(this.#usage);
    return { members, scan: scanAnswer(members), hasOutput: false, tail: '' };
  }

  #addPart(long: LongEvent, data: string): void {
    long.hasOutput ||= this.#hasOutput('', long.tail + data);
    long.tail = data.slice(-overlapChars);
    long.scan.push(Buffer.from(data, 'latin1'));
  }

  #hasOutput(name: string, data: string): boolean {
    this.#pattern ??= name.startsWith('response.') || responsesType.test(data) ? responsesPiece : pieceOfOutput;
    return this.#pattern.test(data);
  }

  /** Must be called after the event's output was counted: its usage includes that output. */
  #judge(name: string, members: AnswerMembers | null): void {
    const kind = name === '' ? (members?.type ?? '') : name;
    this.#responseId ??= members?.responseId ?? null;
    this.#model = members?.model ?? this.#model;
    if (members?.hasUsage) this.#outputEventsWhenTold = this.outputEvents;
    if (members?.error || failedEvents.has(kind)) this.#error ??= members?.error ?? unnamed;
    this.#isOver ||= lastEvents.has(kind) || this.#error !== null;
  }
}

function scanned(data: string, usage: UsageReport): AnswerMembers {
  const members = new AnswerMembers(usage);
  scanAnswer(members).push(Buffer.from(data, 'latin1'));
  return members;
}
