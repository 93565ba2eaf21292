/**
 * Reads JSON that comes in pieces, without building it: a visitor is told of the members whose names it watches and of
 * nothing else. A native search finds the end of a string, so a long prompt costs almost nothing.
 *
 * Resumable at every byte: each piece is read once, as it comes. If a token is cut by the end of a piece, only the part
 * that a visitor may see is carried over.
 *
 * Strict about the members of the outermost value. Below it only brackets must match and strings must end; the parser
 * that reads the document later reports other faults.
 */
import { type MemberNames, maxNameBytes } from './member-names.ts';
import { ScannedToken, type Token } from './scanned-token.ts';
import { quote, StringEnd } from './string-end.ts';

/** Deeper nesting is a fault: no honest document needs it, and parsers upstream may fail on it. */
const maxDepth = 512;

/** Receives values with watched names; `name` is a place in `MemberNames`. Elements of an array have its name. */
export interface MemberVisitor {
  /** The most bytes of a token that the visitor reads. */
  readonly keepBytes: number;
  /** An object or array begins at this byte of the document; its content has this depth. */
  opened(name: number, depth: number, atByte: number): void;
  /** An object or array of this depth, with any name, ends with this byte. */
  closed(depth: number, atByte: number): void;
  /** A string, number or word, in the container of this depth. */
  value(name: number, depth: number, token: Token): void;
}

export interface JsonFault {
  readonly what: string;
  /** The byte count from the beginning of the document. */
  readonly atByte: number;
}

interface ScanRules {
  /** The document must be one object with nothing after it; otherwise values may follow each other. */
  readonly isOneObject: boolean;
}

export const notAnObject = 'it is not an object';
export const endsTooEarly = 'it ends too early';

const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** The kind of a byte outside of strings; 0: a byte that JSON does not have. */
const scalar = 1;
const blank = 2;
const separating = 3;
const structural = 4;
const kinds = new Uint8Array(256);
for (const char of '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-.')
  kinds[char.charCodeAt(0)] = scalar;
for (const char of ' \t\n\r') kinds[char.charCodeAt(0)] = blank;
for (const char of ',:') kinds[char.charCodeAt(0)] = separating;
for (const char of '"[]{}') kinds[char.charCodeAt(0)] = structural;

/** The tokens that may come next in the innermost container. */
type Expected = 'root' | 'end' | 'first name' | 'name' | 'colon' | 'value' | 'first element' | 'element' | 'separator';
const missing: Record<Expected, string> = {
  root: 'a value is missing',
  end: 'something follows the end of the object',
  'first name': 'a member must begin with a quoted name',
  name: 'a member must begin with a quoted name',
  colon: 'a name must be followed by a colon',
  value: 'a value is missing',
  'first element': 'a value is missing',
  element: 'a value is missing',
  separator: 'members must be separated by commas',
};
const isValueExpected = (expected: Expected): boolean =>
  expected === 'value' || expected === 'element' || expected === 'first element' || expected === 'root';
const isFirstExpected = (expected: Expected): boolean => expected === 'first name' || expected === 'first element';
const isNameExpected = (expected: Expected): boolean => expected === 'name' || expected === 'first name';

const byteOrderMark = [0xef, 0xbb, 0xbf];

export class MemberScan {
  /** The fault that stopped the scan; null if there is none. */
  fault: JsonFault | null = null;
  /** The offset of the last closing bracket; at the end of the document, that of the outermost value. */
  closedAt = -1;
  readonly #names: MemberNames;
  readonly #visitor: MemberVisitor;
  readonly #rules: ScanRules;
  /** For each open container: twice its name, plus one for an object. */
  readonly #containers: number[] = [];
  #expected: Expected = 'root';
  /** The name of the next value. */
  #name = 0;
  /** The bytes of all earlier pieces. */
  #before = 0;
  /** The token that the end of the last piece cut. */
  #cut: 'name' | 'string' | 'scalar' | null = null;
  readonly #stringEnd = new StringEnd();
  readonly #token = new ScannedToken();

  constructor(names: MemberNames, visitor: MemberVisitor, rules: ScanRules) {
    this.#names = names;
    this.#visitor = visitor;
    this.#rules = rules;
  }

  /** Returns false after a fault. */
  push(piece: Buffer): boolean {
    let at = this.#cut === null ? 0 : this.#resume(piece);
    while (at < piece.length && this.fault === null) {
      const byte = piece[at] ?? 0;
      const kind = kinds[byte];
      if (kind === blank) at++;
      else if (byte === quote) at = this.#string(piece, at);
      else if (kind === separating || kind === structural) this.#mark(byte, at++);
      else at = this.#scalar(piece, at, byte);
    }
    this.#before += piece.length;
    return this.fault === null;
  }

  /** Ends the document; returns false if it is incomplete or had a fault. */
  end(): boolean {
    if (this.#cut === 'scalar') this.#endCut();
    const isWhole = this.#expected === 'end' || (this.#expected === 'root' && !this.#rules.isOneObject);
    if (!isWhole || this.#cut !== null) this.#fail(endsTooEarly, 0);
    return this.fault === null;
  }

  /** An object or array has ended, and nothing has begun after it. */
  get isWhole(): boolean {
    return this.closedAt !== -1 && this.#containers.length === 0 && this.#cut === null && this.fault === null;
  }

  /** The offset of the value with a watched name that the end of the last piece cut; null if it cut none. */
  get cutValueAt(): number | null {
    const isCut = this.#cut === 'string' || this.#cut === 'scalar';
    return isCut && this.#name !== 0 ? this.#token.atByte : null;
  }

  /** Only blanks have come. */
  get isEmpty(): boolean {
    return this.#expected === 'root' && this.fault === null && this.closedAt === -1;
  }

  #fail(what: string, at: number): void {
    this.fault ??= { what, atByte: this.#before + at };
  }

  /** Reports a fault if the outermost value is read strictly and this token is not expected here. */
  #isDue(isExpected: boolean, at: number): boolean {
    if (isExpected || this.#containers.length > 1) return true;
    this.#fail(missing[this.#expected], at);
    return false;
  }

  #mark(byte: number, at: number): void {
    if (byte === comma) this.#comma(at);
    else if (byte === colon) this.#colon(at);
    else if (byte === openBrace || byte === openBracket) this.#open(byte === openBrace, at);
    else this.#close(byte === closeBrace, at);
  }

  #comma(at: number): void {
    if (!this.#isDue(this.#expected === 'separator', at)) return;
    const container = this.#containers.at(-1) ?? 0;
    const isObject = (container & 1) === 1;
    this.#expected = isObject ? 'name' : 'element';
    this.#name = isObject ? 0 : container >> 1;
  }

  #colon(at: number): void {
    if (this.#isDue(this.#expected === 'colon', at)) this.#expected = 'value';
  }

  #open(isObject: boolean, at: number): void {
    if (!this.#isDue(isValueExpected(this.#expected), at) || !this.#mayBeRoot(isObject, at)) return;
    const depth = this.#containers.push(this.#name * 2 + (isObject ? 1 : 0));
    if (depth > maxDepth) {
      this.#fail(`it is nested deeper than ${maxDepth} levels`, at);
      return;
    }
    if (this.#name !== 0) this.#visitor.opened(this.#name, depth, this.#before + at);
    this.#expected = isObject ? 'first name' : 'first element';
    if (isObject) this.#name = 0;
  }

  #close(isObject: boolean, at: number): void {
    const isFull = this.#expected === 'separator' || isFirstExpected(this.#expected);
    if (!this.#isDue(isFull, at)) return;
    const depth = this.#containers.length;
    const container = this.#containers.pop() ?? 0;
    if (((container & 1) === 1) !== isObject) {
      this.#fail('brackets do not match', at);
      return;
    }
    this.closedAt = this.#before + at;
    this.#visitor.closed(depth, this.closedAt);
    this.#ended();
  }

  #mayBeRoot(isObject: boolean, at: number): boolean {
    if (isObject || this.#containers.length > 0 || !this.#rules.isOneObject) return true;
    this.#fail(notAnObject, at);
    return false;
  }

  /** Reads the string that begins at this quote; returns where to go on. */
  #string(piece: Buffer, at: number): number {
    const isName = isNameExpected(this.#expected);
    if (!this.#isDue(isName || isValueExpected(this.#expected), at) || !this.#mayBeRoot(false, at)) return at;
    const end = this.#stringEnd.find(piece, at + 1);
    if (end !== -1) {
      if (isName) this.#named(piece, at + 1, end);
      else this.#valued(true, piece, at + 1, end);
      return end + 1;
    }
    this.#cut = isName ? 'name' : 'string';
    this.#token.begin(true, this.#before + at, isName ? maxNameBytes : this.#visitor.keepBytes);
    return this.#carry(piece, at + 1, piece.length);
  }

  /** Reads a number or word that begins here, or faults at another byte. */
  #scalar(piece: Buffer, at: number, byte: number): number {
    const depth = this.#containers.length;
    if (depth > 1 && this.#name === 0) return this.#skipScalar(piece, at);
    if (depth === 0 && byte === byteOrderMark[this.#before + at]) return at + 1;
    const isDue = this.#isDue(isValueExpected(this.#expected) && kinds[byte] === scalar, at);
    if (!isDue || !this.#mayBeRoot(false, at)) return at;
    if (kinds[byte] !== scalar) return at + 1;
    const end = endOfScalar(piece, at);
    if (end < piece.length) {
      this.#valued(false, piece, at, end);
      return end;
    }
    this.#cut = 'scalar';
    this.#token.begin(false, this.#before + at, this.#visitor.keepBytes);
    return this.#carry(piece, at, end);
  }

  /** Skips a scalar that no visitor watches; in an array, also the numbers and words that follow it. */
  #skipScalar(piece: Buffer, from: number): number {
    const most = ((this.#containers.at(-1) ?? 0) & 1) === 1 ? scalar : separating;
    let at = from + 1;
    while (at < piece.length && (kinds[piece[at] ?? 0] ?? 0) <= most) at++;
    this.#expected = 'separator';
    return at;
  }

  /** Reads the rest of the token that the last piece cut; returns where to go on. */
  #resume(piece: Buffer): number {
    const isScalar = this.#cut === 'scalar';
    const end = isScalar ? endOfScalar(piece, 0) : this.#stringEnd.find(piece, 0);
    if (end === -1 || end === piece.length) return this.#carry(piece, 0, piece.length);
    this.#carry(piece, 0, end);
    this.#endCut();
    return isScalar ? end : end + 1;
  }

  #carry(piece: Buffer, from: number, to: number): number {
    this.#token.add(piece, from, to);
    return to;
  }

  #endCut(): void {
    const { source, bytes, to } = this.#token;
    const isName = this.#cut === 'name';
    this.#cut = null;
    if (!isName) this.#told(this.#token);
    else if (bytes > maxNameBytes) this.#named(source, 0, 0);
    else this.#named(source, 0, to);
  }

  #named(text: Buffer, from: number, to: number): void {
    this.#name = to - from > maxNameBytes ? 0 : this.#names.find(text, from, to);
    this.#expected = 'colon';
  }

  #valued(isString: boolean, piece: Buffer, from: number, to: number): void {
    if (this.#name !== 0) {
      this.#token.whole(isString, piece, from, to, this.#visitor.keepBytes);
      this.#token.atByte = this.#before + (isString ? from - 1 : from);
    }
    this.#told(this.#token);
  }

  #told(token: Token): void {
    if (this.#name !== 0) this.#visitor.value(this.#name, this.#containers.length, token);
    this.#ended();
  }

  /** Called when a value has ended. */
  #ended(): void {
    this.#name = 0;
    if (this.#containers.length > 0) this.#expected = 'separator';
    else this.#expected = this.#rules.isOneObject ? 'end' : 'root';
  }
}

function endOfScalar(piece: Buffer, from: number): number {
  let at = from;
  while (at < piece.length && kinds[piece[at] ?? 0] === scalar) at++;
  return at;
}
