/**
 * The unwritten lines of the log, with a bound in bytes. Beyond it whole lines are dropped and counted.
 *
 *   append → #open (text) → #chunks (bytes, whole lines) → take → written → release
 *
 * The newest lines are dropped: the lines kept show the beginning of the trouble, in order and without a gap, and
 * dropping costs nothing. The last part of the room is reserved for warnings and errors. Once a line has been
 * dropped, ordinary lines are dropped until half of the room is free again, so that there are few gaps instead of
 * one every other line; at the end of a gap, one line reports it.
 */
interface LineBufferOptions {
  /** Renders the line that reports a gap, without its line break. */
  readonly gapLine: (gap: Gap) => string;
  readonly date: () => Date;
  readonly mostBytes?: number;
}

export interface Gap {
  readonly since: Date;
  readonly lines: number;
}

/** For the log in all: text, bytes, and what is being written. */
export const mostHeldBytes = 8 * 1024 * 1024;
/** The number of characters in a chunk. */
const chunkChars = 64 * 1024;
/** UTF-8 needs at most so much for one unit of a string. */
const bytesPerChar = 3;
/** The share of the room for warnings and errors. */
const importantShare = 1 / 8;

export class LineBuffer {
  readonly #options: LineBufferOptions;
  readonly #mostBytes: number;
  #open = '';
  readonly #chunks: Buffer[] = [];
  /** The bytes of all chunks that were not released. */
  #chunkBytes = 0;
  #gap: Gap | null = null;
  #dropped = 0;

  constructor(options: LineBufferOptions) {
    this.#options = options;
    this.#mostBytes = options.mostBytes ?? mostHeldBytes;
  }

  /** Lines that were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether there is a whole chunk, or a part of one. */
  get holds(): 'chunk' | 'part' | 'nothing' {
    if (this.#chunks.length > 0) return 'chunk';
    return this.#open === '' ? 'nothing' : 'part';
  }

  /** `line` without its line break. */
  append(line: string, isImportant: boolean): void {
    this.#tellGap();
    if (this.#hasRoom(line, isImportant)) this.#add(line);
    else this.#drop();
  }

  /** Makes a chunk of what there is. */
  seal(): void {
    this.#tellGap();
    if (this.#open === '') return;
    const chunk = Buffer.from(this.#open);
    this.#open = '';
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
  }

  /** The next chunk to be written; null if none is whole. It counts as held until it is released. */
  take(): Buffer | null {
    return this.#chunks.shift() ?? null;
  }

  release(chunk: Buffer): void {
    this.#chunkBytes -= chunk.length;
    this.#tellGap();
  }

  get #heldBytes(): number {
    return this.#chunkBytes + bytesPerChar * this.#open.length;
  }

  #hasRoom(line: string, isImportant: boolean): boolean {
    const held = this.#heldBytes + bytesPerChar * (line.length + 1);
    if (isImportant) return held <= this.#mostBytes;
    return this.#gap === null && held <= this.#mostBytes * (1 - importantShare);
  }

  #add(line: string): void {
    this.#open += `${line}\n`;
    if (this.#open.length >= chunkChars) this.seal();
  }

  #drop(): void {
    this.#dropped++;
    const { since, lines } = this.#gap ?? { since: this.#options.date(), lines: 0 };
    this.#gap = { since, lines: lines + 1 };
  }

  #tellGap(): void {
    const gap = this.#gap;
    if (gap === null || this.#heldBytes > this.#mostBytes / 2) return;
    this.#gap = null;
    this.#add(this.#options.gapLine(gap));
  }
}
