/**
 * Splits a multipart body (RFC 7578) into its parts while it comes in, without holding any of it beyond the head of one
 * part: contents are told of by their offsets.
 *
 *   preamble ──--boundary──▶ line ──CRLF──▶ head ──CRLF CRLF──▶ content ──CRLF --boundary──▶ line ──--──▶ end
 *
 * A line that begins with the boundary ends a part. Where readers differ in whether it does (a line that ends otherwise
 * than in CRLF, more text after the boundary, a boundary within a line before the first part, parts after the end), the
 * body is refused: an upstream could find a model in it that the gateway does not see. A sender chooses a boundary that
 * does not occur in what it sends, so only forged bodies are refused for it.
 */
import { errors, type GatewayError } from '../../../domain/errors.ts';
import { type PartHead, partHead } from './part-head.ts';

export interface PartVisitor {
  /** A part begins; its content begins at this byte of the body. */
  began(head: PartHead, atByte: number): void;
  /** From this offset on a piece of the body has content of the part, and perhaps what follows it. */
  came(piece: Buffer, from: number): void;
  /** The content of the part ends before this byte of the body. */
  ended(atByte: number): void;
}

/** The longest head of a part. */
const mostHeadBytes = 8 * 1024;
const mostParts = 1_000;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const hyphen = 0x2d;
/** No byte has come yet. */
const none = -1;

export class PartScan {
  readonly #visitor: PartVisitor;
  readonly #boundary: Buffer;
  #state: 'preamble' | 'line' | 'head' | 'content' | 'end line' | 'end' = 'preamble';
  /** The bytes of all earlier pieces. */
  #offset = 0;
  /** The last bytes of the earlier pieces: a boundary may be cut, and the two bytes before it are looked at. */
  #edge: Buffer = Buffer.alloc(0);
  /** The next boundary begins here or later. */
  #from = 0;
  /** Where the last boundary begins. */
  #boundaryAt = 0;
  #contentAt = 0;
  #parts = 0;
  /** The first byte after the boundary, or after the end. */
  #first = none;
  readonly #head = Buffer.allocUnsafe(mostHeadBytes);
  #headBytes = 0;

  constructor(boundary: string, visitor: PartVisitor) {
    this.#boundary = Buffer.from(`--${boundary}`, 'latin1');
    this.#visitor = visitor;
  }

  /** Throws `invalid_request` as soon as there is a fault. */
  push(piece: Buffer): void {
    if (this.#state === 'content') this.#visitor.came(piece, 0);
    for (let at = 0; at < piece.length; ) at = this.#take(piece, at);
    this.#keepEdge(piece);
    this.#offset += piece.length;
  }

  /** Ends the body; throws `invalid_request` if its end is missing. */
  end(): void {
    // The line break after the last boundary may be missing.
    if (this.#state === 'end' || (this.#state === 'end line' && this.#first === none)) return;
    throw errors.invalidRequest('The form ends too early: its last boundary, with -- after it, is missing.');
  }

  /** Returns where to go on. */
  #take(piece: Buffer, at: number): number {
    switch (this.#state) {
      case 'preamble':
      case 'content':
      case 'end':
        return this.#seek(piece);
      case 'line':
        this.#afterBoundary(piece[at] ?? 0);
        return at + 1;
      case 'head':
        return this.#readHead(piece, at);
      case 'end line':
        this.#afterEnd(piece[at] ?? 0);
        return at + 1;
    }
  }

  /** Looks for the next boundary with which a line begins. */
  #seek(piece: Buffer): number {
    const found = this.#find(piece);
    if (found === null) return piece.length;
    const end = found + this.#boundary.length;
    // It has no line break in itself, so none that begins a line begins within it.
    this.#from = this.#offset + end;
    if (this.#state === 'end') throw refused('has more after its end');
    if (!this.#beginsLine(piece, found)) {
      if (this.#state === 'preamble') throw refused('has its first boundary within a line');
      return end;
    }
    this.#boundaryAt = this.#offset + found;
    this.#state = 'line';
    this.#first = none;
    return end;
  }

  /** Returns the offset of a boundary in this piece, negative where it begins in an earlier one; null if there is none. */
  #find(piece: Buffer): number | null {
    const { length } = this.#boundary;
    const cutFrom = Math.max(this.#from - this.#offset, 1 - length, -this.#edge.length);
    if (cutFrom < 0) {
      const seam = Buffer.concat([this.#edge.subarray(cutFrom), piece.subarray(0, length - 1)]);
      const found = seam.indexOf(this.#boundary);
      if (found !== -1) return found + cutFrom;
    }
    const found = piece.indexOf(this.#boundary, Math.max(cutFrom, 0));
    return found === -1 ? null : found;
  }

  #beginsLine(piece: Buffer, at: number): boolean {
    if (this.#offset + at === 0) return true;
    const byteAt = (index: number) => (index < 0 ? this.#edge.at(index) : piece[index]);
    const last = byteAt(at - 1);
    if (last === lineFeed && byteAt(at - 2) === carriageReturn) return true;
    if (last !== lineFeed && last !== carriageReturn) return false;
    throw refused('has its boundary after a line that does not end in CR LF');
  }

  #afterBoundary(byte: number): void {
    const first = this.#first;
    if (first === none && (byte === carriageReturn || byte === hyphen)) this.#first = byte;
    else if (first === carriageReturn && byte === lineFeed) this.#beginPart();
    else if (first === hyphen && byte === hyphen) this.#beginEnd();
    else throw refused('has something else than CR LF or -- after its boundary');
  }

  #beginPart(): void {
    this.#endPart();
    this.#parts++;
    if (this.#parts > mostParts) throw refused(`has more than ${mostParts} parts`);
    this.#state = 'head';
    this.#headBytes = 0;
  }

  #beginEnd(): void {
    this.#endPart();
    this.#state = 'end line';
    this.#first = none;
  }

  #endPart(): void {
    if (this.#parts === 0) return;
    const endsAt = this.#boundaryAt - 2;
    if (endsAt < this.#contentAt) throw refused('has a part without a line break before its boundary');
    this.#visitor.ended(endsAt);
  }

  #afterEnd(byte: number): void {
    if (byte !== (this.#first === none ? carriageReturn : lineFeed)) {
      throw refused('has something else than CR LF after its end');
    }
    if (byte === lineFeed) this.#state = 'end';
    this.#first = byte;
  }

  #readHead(piece: Buffer, from: number): number {
    for (let at = from; at < piece.length; at++) {
      if (this.#headBytes === mostHeadBytes) {
        throw refused(`has a part with more than ${mostHeadBytes / 1024} KiB of headers`);
      }
      const byte = piece[at] ?? 0;
      this.#head[this.#headBytes++] = byte;
      if (byte === lineFeed && this.#isHeadWhole()) return this.#beginContent(piece, at + 1);
    }
    return piece.length;
  }

  /** A blank line ends it, which may be its first. */
  #isHeadWhole(): boolean {
    const text = this.#head.toString('latin1', Math.max(this.#headBytes - 4, 0), this.#headBytes);
    return text === '\r\n\r\n' || text === '\r\n';
  }

  #beginContent(piece: Buffer, at: number): number {
    this.#contentAt = this.#offset + at;
    this.#from = this.#contentAt;
    this.#state = 'content';
    this.#visitor.began(partHead(this.#head.toString('utf8', 0, Math.max(this.#headBytes - 4, 0))), this.#contentAt);
    this.#visitor.came(piece, at);
    return at;
  }

  #keepEdge(piece: Buffer): void {
    const most = this.#boundary.length + 1;
    const last = piece.length >= most ? piece : Buffer.concat([this.#edge, piece]);
    // A copy: the piece itself would be held by it.
    this.#edge = Buffer.from(last.subarray(-most));
  }
}

const refused = (what: string): GatewayError => errors.invalidRequest(`The form ${what}.`);
