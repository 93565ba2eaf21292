/**
 * The actions of a regex at its places, as words of bits: bit n is the n-th place that takes a character.
 *
 *   chain        places after which the next one waits: a shift advances them
 *   other, rows  places after which others wait: a row of bits for each
 *   ends         places after which the regex has matched
 */
import { act, anySight, type Program, RegexFault, reach, sight } from './regex-program.ts';

/** The transitions of a search; they depend on the conditions between two characters. */
export interface Table {
  /** The regex matches here, whatever follows. */
  readonly isMatched: boolean;
  /** The places that wait if a search begins here. */
  readonly start: Int32Array;
  readonly chain: Int32Array;
  readonly other: Int32Array;
  /** By bit, the offset of its row. */
  readonly rowAt: Int32Array;
  readonly rows: Int32Array;
  readonly ends: Int32Array;
}

export interface Bits {
  /** By bit, its place. */
  readonly places: readonly number[];
  /** By place, its bit. */
  readonly bitOf: Int32Array;
  readonly words: number;
  /** The same number of words without a bit. */
  readonly none: Int32Array;
}

export function bitsOf({ acts }: Program): Bits {
  const places = [...acts.keys()].filter(place => acts[place] === act.take);
  const bitOf = new Int32Array(acts.length);
  for (const [bit, place] of places.entries()) bitOf[place] = bit;
  const words = (places.length + 31) >> 5;
  return { places, bitOf, words, none: new Int32Array(words) };
}

export function tableOf(program: Program, bits: Bits, seen: number): Table {
  const { none } = bits;
  const { isMatched, waiting } = reach(program, [program.start], seen);
  const begun = { isMatched, start: wordsOf(waiting, bits) };
  const without = { chain: none, other: none, rowAt: none, rows: none, ends: none };
  // At the beginning of a key no place has taken a character yet, and at its end none waits any more.
  if ((seen & sight.begin) !== 0) return { ...begun, ...without };
  const { ends, next } = waysOf(program, bits, seen);
  if ((seen & sight.end) !== 0) return { ...begun, ...without, ends: wordsOf(ends, bits) };
  return { ...begun, ...moves(next, bits), ends: wordsOf(ends, bits) };
}

interface Ways {
  /** Places after which the regex has matched. */
  readonly ends: readonly number[];
  /** By bit, the places that wait after it. */
  readonly next: readonly (readonly number[])[];
}

function waysOf(program: Program, { places }: Bits, seen: number): Ways {
  const ends: number[] = [];
  const next: (readonly number[])[] = [];
  for (const place of places) {
    const { isMatched, waiting } = reach(program, [program.outs[place] ?? 0], seen);
    if (isMatched) ends.push(place);
    next.push(waiting);
  }
  return { ends, next };
}

/** The most transitions from places to their successors, in total: bounds the time to create a table. */
const maxWays = 20_000;

/** Throws a RegexFault; called before a table is created. */
export function refuseTooManyWays(program: Program, { places }: Bits): void {
  let ways = 0;
  for (const place of places) {
    // With all conditions at once: no single condition opens a way that all of them together do not.
    ways += reach(program, [program.outs[place] ?? 0], anySight).waiting.length;
    if (ways > maxWays)
      throw new RegexFault(`has at most ${maxWays} ways from one character to a next: too much of it may be left out`);
  }
}

function moves(next: Ways['next'], bits: Bits): Pick<Table, 'chain' | 'other' | 'rowAt' | 'rows'> {
  const { places, none } = bits;
  const chained: number[] = [];
  const others: number[] = [];
  const rowAt = new Int32Array(places.length);
  const rows: number[] = [];
  for (const [bit, waiting] of next.entries()) {
    const [place = 0, after] = [places[bit], places[bit + 1]];
    if (waiting.some(one => one === after)) chained.push(place);
    if (waiting.every(one => one === after)) continue;
    others.push(place);
    rowAt[bit] = rows.length;
    rows.push(...wordsOf(waiting, bits));
  }
  const chain = wordsOf(chained, bits);
  if (rows.length === 0) return { chain, other: none, rowAt: none, rows: none };
  return { chain, other: wordsOf(others, bits), rowAt, rows: Int32Array.from(rows) };
}

/** The bits of these places. */
function wordsOf(places: Iterable<number>, { bitOf, words }: Bits): Int32Array {
  const set = new Int32Array(words);
  for (const place of places) {
    const bit = bitOf[place] ?? 0;
    set[bit >> 5] = (set[bit >> 5] ?? 0) | (1 << (bit & 31));
  }
  return set;
}

/** Keys in HTTP consist of these characters. */
const latin = 256;

/** By character of Latin-1, the places that take it. */
export interface Masks {
  /** The kind of a character: all characters of a kind are taken by the same places. */
  readonly kindOf: Uint8Array;
  /** By kind, `words` words each. */
  readonly words: Int32Array;
}

export function masksOf(program: Program, bits: Bits): Masks {
  const kindOf = new Uint8Array(latin);
  const kinds = new Map<string, number>();
  const words: number[] = [];
  for (let character = 0; character < latin; character++) {
    const takers = program.sets.map(set => (set.has(character) ? '1' : '0')).join('');
    const kind = kinds.get(takers) ?? kinds.size;
    if (kind === kinds.size) words.push(...maskOf(program, bits, character));
    kinds.set(takers, kind);
    kindOf[character] = kind;
  }
  return { kindOf, words: Int32Array.from(words) };
}

/** Returns the places that take this character. */
export const maskOf = ({ sets, args }: Program, bits: Bits, character: number): Int32Array =>
  wordsOf(
    bits.places.filter(place => sets[args[place] ?? 0]?.has(character)),
    bits,
  );
