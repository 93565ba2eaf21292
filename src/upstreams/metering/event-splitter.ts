/**
 * Splits bytes into server-sent events, in every framing that the format allows: lines that end in LF, CRLF or CR, cut
 * anywhere; several `data:` lines to an event; a byte order mark; no line break at the end. An event that is longer
 * than the buffer is passed on in parts, so that a huge one is never held whole.
 *
 * Texts are latin1: one character per byte, so that cutting them is free and the bytes can be restored.
 */
export interface EventReader {
  /** A piece of the data of an event that is longer than what is held. */
  part(data: string): void;
  /** The event is complete; `data` is its data, or what came after the last part. */
  event(name: string, data: string): void;
}

/** The limit of one line and of one event. */
const mostHeldChars = 64 * 1024;
const longestNameChars = 128;

const lineFeed = 0x0a;
const byteOrderMark = '\u00ef\u00bb\u00bf';
const dataField = 'data:';
const eventField = 'event:';

export class EventSplitter {
  readonly #reader: EventReader;
  /** The unfinished last line, as far as it has not been handed on. */
  #rest = '';
  /** The unfinished last line is too long to be held, and what it holds. */
  #longLine: 'data' | 'other' | null = null;
  #isFirstLine = true;
  /** A CR was the last byte: an LF right after it ends no further line. */
  #endedInReturn = false;
  #name = '';
  /** Null until the event has a line of data. */
  #data: string | null = null;

  constructor(reader: EventReader) {
    this.#reader = reader;
  }

  /** The held part of the incomplete event, its unfinished line included; null without any. */
  get pendingData(): string | null {
    if (this.#longLine !== null || !this.#rest.startsWith(dataField)) return this.#data;
    const value = valueIn(this.#rest, dataField);
    return this.#data === null ? value : `${this.#data}\n${value}`;
  }

  /** The received data of an event that stops in the middle of a line; null if none does, or it is not held. */
  get cutData(): string | null {
    if (this.#longLine !== null || !this.#rest.startsWith(dataField)) return null;
    const line = valueIn(this.#rest, dataField);
    return this.#data === null ? line : `${this.#data}\n${line}`;
  }

  feed(chunk: Buffer): void {
    const text = chunk.toString('latin1');
    const skipsFeed = this.#endedInReturn && text.charCodeAt(0) === lineFeed;
    let from = skipsFeed ? 1 : 0;
    if (text !== '') this.#endedInReturn = false;
    let feed = text.indexOf('\n', from);
    let ret = text.indexOf('\r', from);
    while (feed !== -1 || ret !== -1) {
      const isReturn = ret !== -1 && (feed === -1 || ret < feed);
      const end = isReturn ? ret : feed;
      this.#endLine(text.slice(from, end));
      from = isReturn && feed === end + 1 ? end + 2 : end + 1;
      this.#endedInReturn = isReturn && from === text.length && feed !== end + 1;
      if (feed !== -1 && feed < from) feed = text.indexOf('\n', from);
      if (isReturn) ret = text.indexOf('\r', from);
    }
    if (from < text.length) this.#rest += text.slice(from);
    if (this.#rest.length > mostHeldChars) this.#handOnRest();
  }

  /** Nothing follows: what is there counts as complete. */
  end(): void {
    if (this.#rest !== '' || this.#longLine !== null) this.#endLine('');
    this.#dispatch();
  }

  #endLine(end: string): void {
    this.#rest = this.#rest === '' ? end : this.#rest + end;
    if (this.#longLine === null) this.#line(this.#withoutMark());
    else this.#handOnRest();
    this.#rest = '';
    this.#longLine = null;
  }

  #line(line: string): void {
    if (line === '') this.#dispatch();
    else if (line.startsWith(dataField)) this.#addLine(valueIn(line, dataField));
    else if (line.startsWith(eventField)) this.#name = valueIn(line, eventField).slice(0, longestNameChars);
  }

  #addLine(value: string): void {
    this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
    this.#handOnData();
  }

  /** For a line that is too long to be held. */
  #handOnRest(): void {
    if (this.#longLine === null) {
      const line = this.#withoutMark();
      this.#longLine = line.startsWith(dataField) ? 'data' : 'other';
      if (this.#longLine === 'data') this.#addLine(valueIn(line, dataField));
    } else if (this.#longLine === 'data') {
      this.#data = (this.#data ?? '') + this.#rest;
      this.#handOnData();
    }
    this.#rest = '';
  }

  #handOnData(): void {
    if (this.#data === null || this.#data.length <= mostHeldChars) return;
    this.#reader.part(this.#data);
    this.#data = '';
  }

  #withoutMark(): string {
    const isMarked = this.#isFirstLine && this.#rest.startsWith(byteOrderMark);
    this.#isFirstLine = false;
    return isMarked ? this.#rest.slice(byteOrderMark.length) : this.#rest;
  }

  #dispatch(): void {
    if (this.#data !== null) this.#reader.event(this.#name, this.#data);
    this.#name = '';
    this.#data = null;
  }
}

/** One space after the colon is not part of it. */
function valueIn(line: string, field: string): string {
  const from = line[field.length] === ' ' ? field.length + 1 : field.length;
  return line.slice(from);
}
