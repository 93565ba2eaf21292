import type { Random } from '../../bench/sim/random.ts';

/** Valid inputs, and words with a meaning in them. */
export interface Corpus {
  readonly seeds: readonly Buffer[];
  readonly words: readonly string[];
}

const mostBytes = 64 * 1024;

/** Returns a valid input after random changes: some are left whole, some are cut short. */
export function mutated({ seeds, words }: Corpus, random: Random): Buffer {
  const pick = <T>(from: readonly T[]): T | undefined => from[random.integer(from.length)];
  let bytes = Buffer.from(pick(seeds) ?? Buffer.alloc(0));
  const changes = random.integer(6);
  for (let change = 0; change < changes; change++) {
    const at = random.integer(bytes.length + 1);
    const length = random.integer(Math.min(bytes.length - at + 1, 1 + random.integer(200)));
    const [before, middle, after] = [
      bytes.subarray(0, at),
      bytes.subarray(at, at + length),
      bytes.subarray(at + length),
    ];
    switch (random.integer(7)) {
      case 0:
        bytes = Buffer.concat([before, after]);
        break;
      case 1:
        bytes = Buffer.concat([before, middle, middle, after]);
        break;
      case 2:
        bytes = Buffer.concat([before, Buffer.from(pick(words) ?? ''), bytes.subarray(at)]);
        break;
      case 3:
        if (at < bytes.length) bytes[at] = random.integer(256);
        break;
      case 4: {
        const other = pick(seeds) ?? Buffer.alloc(0);
        bytes = Buffer.concat([before, other.subarray(random.integer(other.length + 1))]);
        break;
      }
      case 5: {
        const word = Buffer.from(pick(words) ?? 'x');
        bytes = Buffer.concat([
          before,
          Buffer.alloc(Math.min(word.length * random.integer(2_000), mostBytes), word),
          bytes.subarray(at),
        ]);
        break;
      }
      default:
        bytes = Buffer.from(before);
    }
  }
  return bytes.subarray(0, mostBytes);
}

/** Returns where it is cut into pieces: nowhere, anywhere, or at every byte. */
export function cutsOf(length: number, random: Random): number[] {
  const way = random.integer(4);
  if (way === 0) return [];
  if (way === 1 && length < 2_000) return Array.from({ length }, (_, index) => index);
  return Array.from({ length: random.integer(20) }, () => random.integer(length + 1));
}

export function inPieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts)].filter(cut => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/**
 * The parsers take a Buffer or a text; this is the text, one character per byte, so that any bytes are a valid text.
 */
export const latin1 = (bytes: Buffer): string => bytes.toString('latin1');
