/** A string, number or word during its visitor's call; not to be kept. */
export interface Token {
  readonly isString: boolean;
  /** The offset of its first byte in the document, the quote included. */
  readonly atByte: number;
  /** Its length as written, without quotes. */
  readonly bytes: number;
  /** Its text as written, without quotes; of a long token only the beginning that the visitor asked for. */
  text(): string;
}

/** The most bytes carried over of a token that is cut. */
const mostCarried = 2048;
const nothing = Buffer.alloc(0);

/** Reused by its scan for every token. */
export class ScannedToken implements Token {
  isString = false;
  atByte = 0;
  bytes = 0;
  /** Holds the kept beginning: the piece that contains the whole token, or the bytes carried over. */
  source: Buffer = nothing;
  from = 0;
  to = 0;
  #wantedBytes = 0;
  #carried: Buffer | null = null;

  /** The token lies in one piece; `keptBytes` of its beginning are kept. */
  whole(isString: boolean, piece: Buffer, from: number, to: number, keptBytes: number): void {
    this.isString = isString;
    this.bytes = to - from;
    this.source = piece;
    this.from = from;
    this.to = Math.min(to, from + keptBytes);
  }

  /** The token comes in several pieces, each of which is to be added. */
  begin(isString: boolean, atByte: number, wantedBytes: number): void {
    this.#carried ??= Buffer.allocUnsafe(mostCarried);
    this.whole(isString, this.#carried, 0, 0, 0);
    this.atByte = atByte;
    this.#wantedBytes = Math.min(wantedBytes, mostCarried);
  }

  add(piece: Buffer, from: number, to: number): void {
    this.bytes += to - from;
    this.to += piece.copy(this.source, this.to, from, Math.min(from + this.#wantedBytes - this.to, to));
  }

  text(): string {
    return this.source.toString('utf8', this.from, this.to);
  }
}
