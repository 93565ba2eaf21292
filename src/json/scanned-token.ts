/** A string, number or word, while its visitor is told of it; not to be kept. */
export interface Token {
  readonly isString: boolean;
  /** Where in the document it begins, with its quote. */
  readonly atByte: number;
  /** As it is written, quotes not counted. */
  readonly bytes: number;
  /** As it is written, without quotes; of a long one the beginning, as far as its visitor wants it. */
  text(): string;
}

/** Of a token that is cut. */
const mostCarried = 2048;
const nothing = Buffer.alloc(0);

/** One is used again and again by its scan. */
export class ScannedToken implements Token {
  isString = false;
  atByte = 0;
  bytes = 0;
  /** Where its kept beginning stands: in the piece that holds it whole, else in what was carried over. */
  source: Buffer = nothing;
  from = 0;
  to = 0;
  #wantedBytes = 0;
  #carried: Buffer | null = null;

  /** It stands in one piece; of its beginning so much is kept. */
  whole(isString: boolean, piece: Buffer, from: number, to: number, keptBytes: number): void {
    this.isString = isString;
    this.bytes = to - from;
    this.source = piece;
    this.from = from;
    this.to = Math.min(to, from + keptBytes);
  }

  /** It comes in several pieces, each to be added. */
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
