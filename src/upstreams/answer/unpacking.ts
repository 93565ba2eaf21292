/**
 * Answers that come compressed although `identity` was asked for. Clients get them as they are; what the gateway reads
 * of them it reads of an unpacked copy, which is never held: a few bytes may unpack to any number.
 */
import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  gunzip,
  inflate,
  inflateRaw,
  zstdDecompress,
} from 'node:zlib';
import type { AnswerReading, Meter, StreamPlace } from '../metering/answer-reading.ts';
import { meterFor } from '../metering/meter.ts';

type ContentEncoding = string | string[] | undefined;

interface Unpacker {
  readonly stream: () => Transform;
  readonly whole: (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;
}

const gzipped: Unpacker = { stream: createGunzip, whole: promisify(gunzip) };
const deflated: Unpacker = { stream: createInflate, whole: promisify(inflate) };
/** Some servers send deflate without its header. */
const bare: Unpacker = { stream: createInflateRaw, whole: promisify(inflateRaw) };
const unpackers: Readonly<Record<string, Unpacker>> = {
  gzip: gzipped,
  'x-gzip': gzipped,
  deflate: deflated,
  br: { stream: createBrotliDecompress, whole: promisify(brotliDecompress) },
  zstd: { stream: createZstdDecompress, whole: promisify(zstdDecompress) },
};
const zlibMethod = 8;

const nameOf = (encoding: ContentEncoding): string =>
  String(encoding ?? '')
    .trim()
    .toLowerCase();

/** Whether the bytes are not themselves what the content type says. */
export const isPacked = (encoding: ContentEncoding): boolean => !['', 'identity'].includes(nameOf(encoding));

/** Null for an unknown encoding, including several at once. */
function unpackerFor(encoding: ContentEncoding, beginning: Buffer): Unpacker | null {
  const unpacker = Object.hasOwn(unpackers, nameOf(encoding)) ? unpackers[nameOf(encoding)] : undefined;
  if (unpacker === deflated && ((beginning[0] ?? 0) & 0x0f) !== zlibMethod) return bare;
  return unpacker ?? null;
}

/** A whole answer. Rejects where it is not sound, or longer than allowed once it is unpacked. */
export async function unpacked(bytes: Buffer, encoding: ContentEncoding, maxBytes: number): Promise<Buffer> {
  if (!isPacked(encoding)) return bytes;
  const unpacker = unpackerFor(encoding, bytes);
  if (unpacker === null) throw new Error('it is compressed in a way that is not known here');
  return unpacker.whole(bytes, { maxOutputLength: Math.max(maxBytes, 1) });
}

/** For an answer that says this of itself. */
export function meterOf(contentType: string, encoding: ContentEncoding): Meter {
  const meter = meterFor(contentType);
  return isPacked(encoding) ? new UnpackingMeter(meter, encoding) : meter;
}

/** Packed bytes that may wait to be unpacked. */
const mostWaitingBytes = 4 * 1024 * 1024;
/** A body that unpacks to more than this, and to more than so many times its size, is not honest text. */
const freeBytes = 16 * 1024 * 1024;
const mostTimes = 100;

/** Reads a packed answer. Where it cannot go on it gives up: what is not known then is estimated. */
class UnpackingMeter implements Meter {
  readonly #meter: Meter;
  readonly #encoding: ContentEncoding;
  #stream: Transform | null = null;
  #state: 'reading' | 'given up' = 'reading';
  #packedBytes = 0;
  #unpackedBytes = 0;
  /** Pieces that are not unpacked yet, and the callers that wait for them. */
  #pending = 0;
  #waiting: (() => void)[] = [];

  /** `meter` reads what was unpacked. */
  constructor(meter: Meter, encoding: ContentEncoding) {
    this.#meter = meter;
    this.#encoding = encoding;
  }

  get outputEvents(): number {
    return this.#meter.outputEvents;
  }

  get isOver(): boolean {
    return this.#meter.isOver;
  }

  get id(): string | null {
    return this.#meter.id;
  }

  get place(): StreamPlace {
    return this.#meter.place;
  }

  feed(chunk: Buffer): void {
    this.#packedBytes += chunk.length;
    if (this.#state === 'given up') return;
    this.#stream ??= this.#open(chunk);
    if (this.#stream === null || this.#stream.writableLength > mostWaitingBytes) {
      this.#giveUp();
      return;
    }
    this.#pending++;
    this.#stream.write(chunk, () => this.#took());
  }

  whenRead(then: () => void): void {
    if (this.#pending === 0) then();
    else this.#waiting.push(then);
  }

  read(): AnswerReading {
    this.#stream?.destroy();
    const reading = this.#meter.read();
    if (this.#state === 'reading') return reading;
    return { ...reading, bytes: Math.max(reading.bytes, this.#packedBytes), isEmpty: false };
  }

  #open(beginning: Buffer): Transform | null {
    const stream = unpackerFor(this.#encoding, beginning)?.stream() ?? null;
    return stream?.on('data', (piece: Buffer) => this.#came(piece)).on('error', () => this.#giveUp()) ?? null;
  }

  #came(piece: Buffer): void {
    if (this.#state === 'given up') return;
    this.#unpackedBytes += piece.length;
    this.#meter.feed(piece);
    if (this.#unpackedBytes > Math.max(freeBytes, mostTimes * this.#packedBytes)) this.#giveUp();
  }

  /** The stream calls back no more for what it has taken. */
  #giveUp(): void {
    this.#state = 'given up';
    this.#stream?.destroy();
    this.#pending = 0;
    this.#callBack();
  }

  #took(): void {
    if (this.#state === 'given up') return;
    this.#pending--;
    if (this.#pending === 0) this.#callBack();
  }

  #callBack(): void {
    for (const then of this.#waiting.splice(0)) then();
  }
}
