/**
 * Reads the few fields that the gateway needs out of a request's body without parsing the rest:
 * the bytes go upstream as they came, and JSON.parse of a long prompt would cost more than all else
 * on the request path. Strings are skipped whole, nested values by their brackets; only the members
 * of the outermost object are looked at. What is inside a nested value is the upstream's to check.
 */
import { errors, type GatewayError } from '../domain/errors.ts';

export interface ScannedBody {
  readonly model: string;
  readonly stream: boolean;
  /** The least of max_tokens, max_completion_tokens and max_output_tokens; null: not limited. */
  readonly outputLimit: number | null;
  /** Bytes of base64 data URIs, which say nothing about the number of input tokens. */
  readonly dataUriBytes: number;
}

/** Throws `invalid_request` that tells what is wrong, and the field in `param` where it is one. */
export function scanBody(body: Buffer): ScannedBody {
  const scanner = new BodyScanner(body);
  scanner.object();
  return {
    model: scanner.model(),
    stream: scanner.stream(),
    outputLimit: scanner.outputLimit(),
    dataUriBytes: scanner.dataUriBytes,
  };
}

const maxFieldBytes = 1024;
/** A string is looked through byte by byte so far; then the search for its end goes native. */
const nearBytes = 32;
const maxNearBytes = 2048;
const maxDataUriHead = 256;

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const lowerD = 0x64;
const openBrace = 0x7b;
const closeBrace = 0x7d;

const limitFields = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'] as const;
type Field = 'model' | 'stream' | (typeof limitFields)[number];
type Place = readonly [from: number, to: number];
const fieldsByLength: Readonly<Record<number, Field>> = {
  5: 'model',
  6: 'stream',
  10: 'max_tokens',
  17: 'max_output_tokens',
  21: 'max_completion_tokens',
};

class BodyScanner {
  dataUriBytes = 0;
  readonly #body: Buffer;
  #at = 0;
  /** Where the values of the fields stand; of a repeated key the last, as JSON.parse has it. */
  readonly #places: { [field in Field]: Place | null } = {
    model: null,
    stream: null,
    max_tokens: null,
    max_completion_tokens: null,
    max_output_tokens: null,
  };

  constructor(body: Buffer) {
    this.#body = body;
  }

  /** Reads the whole body, which is one object. */
  object(): void {
    this.#skipByteOrderMark();
    const first = this.#next();
    if (first === undefined) throw errors.invalidRequest('The request body is empty.');
    if (first !== openBrace) throw errors.invalidRequest('The request body must be a JSON object.');
    this.#at++;
    if (this.#next() === closeBrace) this.#at++;
    else while (this.#member() === comma);
    if (this.#next() !== undefined) throw this.#malformed('something follows the end of the object');
  }

  /** Reads a member and what follows it: a comma, or the brace that closes the object. */
  #member(): number {
    if (this.#next() !== quote) throw this.#malformed('a member must begin with a quoted name');
    const nameFrom = this.#at;
    this.#skipString();
    const field = this.#fieldNamed(nameFrom + 1, this.#at - 1);
    if (this.#next() !== colon) throw this.#malformed('a name must be followed by a colon');
    this.#at++;
    const first = this.#next();
    const from = this.#at;
    this.#skipValue(first);
    if (field !== undefined) this.#places[field] = [from, this.#at];
    const separator = this.#next();
    if (separator !== comma && separator !== closeBrace) throw this.#malformed('members must be separated by commas');
    this.#at++;
    return separator;
  }

  #fieldNamed(from: number, to: number): Field | undefined {
    const field = fieldsByLength[to - from];
    if (field !== undefined && isText(this.#body, from, field)) return field;
    if (to - from > maxFieldBytes || !hasBackslash(this.#body, from, to)) return undefined;
    const name = this.#parse(from - 1, to + 1, 'a name is not a valid string');
    return typeof name === 'string' && fieldsByLength[name.length] === name ? (name as Field) : undefined;
  }

  #skipValue(first: number | undefined): void {
    if (first === quote) this.#skipStringValue();
    else if (first === openBrace || first === openBracket) this.#skipNested();
    else this.#skipScalar();
  }

  /** A number or a word; ends at whatever cannot be part of one. */
  #skipScalar(): void {
    const from = this.#at;
    let at = from;
    while (isScalarByte(this.#body[at])) at++;
    this.#at = at;
    if (at === from) throw this.#malformed('a value is missing');
  }

  /** Skips the object or array at #at; its brackets must match, the rest of it is not our concern. */
  #skipNested(): void {
    const body = this.#body;
    const closers: number[] = [];
    for (let at = this.#at; ; at++) {
      const byte = body[at];
      if (byte === quote) {
        this.#at = at;
        this.#skipStringValue();
        at = this.#at - 1;
      } else if (byte === openBrace) closers.push(closeBrace);
      else if (byte === openBracket) closers.push(closeBracket);
      else if (byte === closeBrace || byte === closeBracket) {
        this.#at = at + 1;
        if (closers.pop() !== byte) throw this.#malformed('brackets do not match', at);
        if (closers.length === 0) return;
      } else if (byte === undefined) throw this.#malformed('it ends too early', at);
    }
  }

  #skipStringValue(): void {
    const from = this.#at + 1;
    this.#skipString();
    if (this.#body[from] === lowerD) this.#countDataUri(from, this.#at - 1);
  }

  #countDataUri(from: number, to: number): void {
    const head = this.#body.toString('latin1', from, Math.min(to, from + maxDataUriHead));
    if (head.startsWith('data:') && head.includes(';base64,')) this.dataUriBytes += to - from;
  }

  /** Goes behind the closing quote of the string that opens at #at. */
  #skipString(): void {
    const body = this.#body;
    let at = this.#at + 1;
    for (let stretch = nearBytes; ; ) {
      const near = Math.min(at + stretch, body.length);
      while (at < near) {
        const byte = body[at++];
        if (byte === quote) {
          this.#at = at;
          return;
        }
        if (byte === backslash) at++;
      }
      // All before `at` is read; so only the backslashes from here on can belong to the quote found.
      const end = body.indexOf(quote, at);
      if (end === -1) throw this.#malformed('it ends inside a string', body.length);
      let unescaped = end;
      while (unescaped > at && body[unescaped - 1] === backslash) unescaped--;
      // Where escaped quotes stand close together, bytes are quicker than searches.
      stretch = end - at < nearBytes ? Math.min(stretch * 2, maxNearBytes) : nearBytes;
      at = (end - unescaped) % 2 === 0 ? end : end + 1;
    }
  }

  /** The next byte that is not white space. */
  #next(): number | undefined {
    const body = this.#body;
    let at = this.#at;
    let byte = body[at];
    while (byte === space || byte === lineFeed || byte === carriageReturn || byte === tab) byte = body[++at];
    this.#at = at;
    return byte;
  }

  /** JSON has none, but clients on some systems send it and upstreams take it. */
  #skipByteOrderMark(): void {
    const body = this.#body;
    if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) this.#at = 3;
  }

  model(): string {
    const model = this.#value('model');
    if (model === undefined) throw errors.invalidRequest('The field `model` is missing.', 'model');
    if (typeof model === 'string' && model !== '') return model;
    throw errors.invalidRequest('The field `model` must be a non-empty string of at most 1,000 characters.', 'model');
  }

  stream(): boolean {
    const stream = this.#value('stream') ?? false;
    if (typeof stream === 'boolean') return stream;
    throw errors.invalidRequest('The field `stream` must be true or false.', 'stream');
  }

  outputLimit(): number | null {
    let least: number | null = null;
    for (const field of limitFields) {
      const limit = this.#value(field) ?? null;
      if (limit === null) continue;
      if (typeof limit !== 'number') throw errors.invalidRequest(`The field \`${field}\` must be a number.`, field);
      // Some engines take -1 for "no limit".
      if (limit >= 0) least = least === null ? limit : Math.min(least, limit);
    }
    return least;
  }

  /** A field's value; undefined where it is missing, an empty object where it is none that a field may have. */
  #value(field: Field): unknown {
    const place = this.#places[field];
    if (!place) return undefined;
    const [from, to] = place;
    const first = this.#body[from];
    if (first === openBrace || first === openBracket || to - from > maxFieldBytes) return {};
    // What nearly every request holds is read without the parser.
    if (to - from === 4 && isText(this.#body, from, 'true')) return true;
    if (to - from === 5 && isText(this.#body, from, 'false')) return false;
    const count = countAt(this.#body, from, to);
    if (count !== null) return count;
    if (first === quote && !hasBackslash(this.#body, from, to)) return this.#body.toString('utf8', from + 1, to - 1);
    return this.#parse(from, to, `the value of \`${field}\` is not valid`, field);
  }

  #parse(from: number, to: number, fault: string, field?: Field): unknown {
    try {
      return JSON.parse(this.#body.toString('utf8', from, to));
    } catch {
      throw this.#malformed(fault, from, field);
    }
  }

  #malformed(fault: string, at = this.#at, field?: Field): GatewayError {
    const what = at >= this.#body.length ? 'it ends too early' : `${fault} (at byte ${at})`;
    return errors.invalidRequest(`The request body is not valid JSON: ${what}.`, field);
  }
}

function isText(body: Buffer, from: number, ascii: string): boolean {
  for (let index = 0; index < ascii.length; index++) {
    if (body[from + index] !== ascii.charCodeAt(index)) return false;
  }
  return true;
}

const zero = 0x30;
const nine = 0x39;
/** Fewer digits than a number can lose its last ones by. */
const maxCountDigits = 15;

/** The natural number written there, if it is one; a zero before other digits is for the parser to judge. */
function countAt(body: Buffer, from: number, to: number): number | null {
  if (to - from > maxCountDigits || body[from] === zero) return null;
  let count = 0;
  for (let at = from; at < to; at++) {
    const digit = body[at] ?? 0;
    if (digit < zero || digit > nine) return null;
    count = count * 10 + (digit - zero);
  }
  return count;
}

function hasBackslash(body: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (body[at] === backslash) return true;
  return false;
}

/** Letters, digits, `+`, `-`, `.`: all that numbers, true, false and null are made of. */
const isScalarByte = (byte: number | undefined): boolean =>
  byte !== undefined &&
  ((byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e);
