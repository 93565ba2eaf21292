/**
 * Puts the name of the model that the client asked for into an answer, in the place of the provider's own name, while the
 * bytes pass. All other bytes stay unchanged. A name is replaced where the dialects have it:
 *
 *   model   of the outermost object, of its `message` (Anthropic) or `response` (Responses)
 *
 * Of a value that the end of a chunk cuts, the beginning is held until its end comes, within a bound. Answers that are
 * compressed, or are neither JSON nor an event stream, pass as they are.
 */
import { MemberNames } from '../../json/member-names.ts';
import { MemberScan, type MemberVisitor } from '../../json/member-scan.ts';
import type { Token } from '../../json/scanned-token.ts';
import { isEventStream } from '../metering/meter.ts';
import { type Replacement, withTexts } from '../replacement.ts';
import { isPacked } from './unpacking.ts';

export interface ModelRestorer {
  /** Returns what may go to the client now. */
  push(chunk: Buffer): Buffer;
  /** Nothing follows: returns what was held. */
  end(): Buffer;
}

const json = /^\s*application\/(?:json|jsonl|x-ndjson|[\w.-]+\+json)\s*(?:;|$)/i;

/** A flat list of names, in lower case, and values. */
type Headers = readonly (string | string[])[];

/** Null for an answer that passes as it is: by its headers, it is compressed or has another type. */
export function modelRestorer(model: string, headers: Headers): ModelRestorer | null {
  if (isPacked(headerIn(headers, 'content-encoding'))) return null;
  const type = headerIn(headers, 'content-type');
  const text = JSON.stringify(model);
  if (isEventStream(type)) return new EventModels(text);
  return json.test(type) ? new JsonModel(text) : null;
}

function headerIn(headers: Headers, name: string): string {
  const at = headers.findIndex((text, index) => index % 2 === 0 && text === name);
  return at === -1 ? '' : String(headers[at + 1]);
}

/** Headers that tell the length or the digest of other bytes than those that the client gets. */
const ofTheBytes: ReadonlySet<unknown> = new Set([
  'content-length',
  'content-md5',
  'content-digest',
  'digest',
  'repr-digest',
  'etag',
  'accept-ranges',
]);

/** Returns the headers of an answer that is rewritten. */
export const withoutLength = (headers: Headers): (string | string[])[] =>
  headers.filter((_, index) => !ofTheBytes.has(headers[index - (index % 2)]));

const names = new MemberNames(['model', 'message', 'response']);
const modelName = names.placeOf('model');
/** A longer value is no name of a model. */
const mostHeldBytes = 2_048;
const nothing = Buffer.alloc(0);

/** Rewrites JSON documents that follow each other. */
class JsonModel implements ModelRestorer, MemberVisitor {
  readonly keepBytes = 0;
  readonly #text: string;
  readonly #scan = new MemberScan(names, this, { isOneObject: false });
  /** The bytes that are not passed on yet, and the offset of the first. */
  #held: Buffer = nothing;
  #heldAt = 0;
  /** In the held bytes, by their offsets in the document. */
  #found: Replacement[] = [];
  /** The open container of depth 2 is one whose `model` counts. */
  #isOwn = false;

  constructor(text: string) {
    this.#text = text;
  }

  opened(name: number, depth: number): void {
    if (depth === 2) this.#isOwn = name !== modelName;
  }

  closed(depth: number): void {
    if (depth === 2) this.#isOwn = false;
  }

  value(name: number, depth: number, { isString, atByte: from, bytes }: Token): void {
    const isIts = name === modelName && isString && (depth === 1 || (depth === 2 && this.#isOwn));
    if (isIts && from >= this.#heldAt) this.#found.push({ from, to: from + bytes + 2, text: this.#text });
  }

  push(chunk: Buffer): Buffer {
    const end = this.#heldAt + this.#held.length + chunk.length;
    if (this.#scan.fault === null) this.#scan.push(chunk);
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const cut = this.#scan.fault === null ? this.#scan.cutValueAt : null;
    const isHeld = cut !== null && cut >= this.#heldAt && end - cut <= mostHeldBytes;
    return this.#passTo(isHeld ? cut : end);
  }

  end(): Buffer {
    return this.#passTo(this.#heldAt + this.#held.length);
  }

  #passTo(to: number): Buffer {
    const from = this.#heldAt;
    const passed = this.#held.subarray(0, to - from);
    this.#held = this.#held.subarray(to - from);
    this.#heldAt = to;
    if (this.#found.length === 0) return passed;
    const texts = this.#found.map(({ text, ...span }) => ({ from: span.from - from, to: span.to - from, text }));
    this.#found = [];
    return Buffer.concat(withTexts({ pieces: [passed], bytes: passed.length }, texts).pieces);
  }
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const dataField = Buffer.from('data:');
const byteOrderMark = [0xef, 0xbb, 0xbf];

/**
 * Rewrites the data of server-sent events: that of an event is one document, on one line or several. Lines end in LF, CRLF
 * or CR.
 */
class EventModels implements ModelRestorer {
  readonly #text: string;
  /** Of the event that is coming; null before its first line of data. */
  #document: JsonModel | null = null;
  #line: 'begin' | 'data' | 'other' = 'begin';
  /** At the begin of a line: so many bytes of it are those of `data:`. */
  #matched = 0;
  #isFirstLine = true;
  #isAfterReturn = false;

  constructor(text: string) {
    this.#text = text;
  }

  push(chunk: Buffer): Buffer {
    const passed: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      const from = at;
      if (this.#line !== 'data') {
        at = this.#readToData(chunk, from);
        passed.push(chunk.subarray(from, at));
        continue;
      }
      at = endOfLine(chunk, from);
      passed.push(this.#document?.push(chunk.subarray(from, at)) ?? nothing);
      if (at === chunk.length) break;
      passed.push(this.end());
      this.#line = 'other';
    }
    return Buffer.concat(passed);
  }

  end(): Buffer {
    return this.#document?.end() ?? nothing;
  }

  /** Returns where data begins. */
  #readToData(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) if (this.#beginsData(chunk[at])) return at + 1;
    return chunk.length;
  }

  /** Reads a byte that is not data; true: data follows. */
  #beginsData(byte: number | undefined): boolean {
    if (byte === lineFeed || byte === carriageReturn) {
      this.#endLine(byte);
      return false;
    }
    this.#isAfterReturn = false;
    if (this.#line !== 'begin' || this.#isOfMark(byte)) return false;
    if (byte !== dataField[this.#matched]) this.#line = 'other';
    else if (++this.#matched === dataField.length) this.#line = 'data';
    if (this.#line !== 'data') return false;
    this.#document ??= new JsonModel(this.#text);
    return true;
  }

  #endLine(byte: number): void {
    const isOfOneEnd = byte === lineFeed && this.#isAfterReturn;
    this.#isAfterReturn = byte === carriageReturn;
    if (isOfOneEnd) return;
    // An empty line ends the event.
    if (this.#line === 'begin' && this.#matched === 0) this.#document = null;
    this.#line = 'begin';
    this.#matched = 0;
    this.#isFirstLine = false;
  }

  #isOfMark(byte: number | undefined): boolean {
    return this.#isFirstLine && this.#matched === 0 && byte !== undefined && byteOrderMark.includes(byte);
  }
}

function endOfLine(chunk: Buffer, from: number): number {
  const feed = chunk.indexOf(lineFeed, from);
  const line = feed === -1 ? chunk : chunk.subarray(0, feed);
  const ret = line.indexOf(carriageReturn, from);
  return ret === -1 ? line.length : ret;
}
