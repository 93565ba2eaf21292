/**
 * What a regex does at its places, as words of bits: bit n is the n-th place that takes a character.
 *
 *   chain        places after which the next one waits: a shift moves them on
 *   other, rows  places after which others wait: a row of bits for each
 *   ends         places after which the regex has matched
 */
import { act, anySight, type Program, RegexFault, reach, sight } from './regex-program.ts';

/** Where a search goes on; this depends on what is seen between two characters. */
export interface Table {
  /** It is matched here, whatever else comes. */
  readonly isMatched: boolean;
  /** Places that wait where a search begins here. */
  readonly start: Int32Array;
  readonly chain: Int32Array;
  readonly other: Int32Array;
  /** By bit, where its row begins. */
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
  /** As many words without a bit. */
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
  // Where a key begins nothing has been taken yet, and where it ends nothing waits any more.
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

/** From places to those that may wait after them, in all: bounds the time that a table takes to make. */
const maxWays = 20_000;

/** Throws a RegexFault; before a table is made. */
export function refuseTooManyWays(program: Program, { places }: Bits): void {
  let ways = 0;
  for (const place of places) {
    // Whatever is seen: no sight opens a way that all of them together do not.
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
  /** Of which kind it is: the characters of one are taken by the same places. */
  readonly kindOf: Uint8Array;
  /** By kind, so many words each. */
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

/** The places that take this character. */
export const maskOf = ({ sets, args }: Program, bits: Bits, character: number): Int32Array =>
  wordsOf(
    bits.places.filter(place => sets[args[place] ?? 0]?.has(character)),
    bits,
  );
