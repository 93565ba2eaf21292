/**
 * Searches keys for a regex, in a time that is known in advance: each place of the search is a bit, and a character
 * moves all of them at once, 32 per word. Nothing is remembered of a key, so memory never grows.
 */
import { maxKeyBytes } from '../../domain/vocabulary.ts';
import { act, anySight, type Program, programOf, RegexFault, reach, sight, sightBetween } from './regex-program.ts';
import { bitsOf, type Masks, maskOf, masksOf, refuseTooManyWays, type Table, tableOf } from './regex-tables.ts';

/** The limit of one regex. */
export const maxRegexWeight = 200_000;

/** A step takes about a nanosecond. */
const stepsPerCharacter = 4;
const stepsPerWord = 4;
/** The minimum weight of a regex. */
const leastWeight = 500;

/** All conditions between two characters of a key, which has no line breaks. */
const sightsOfKeys = [0, sight.begin | sight.beginLine].flatMap(begin =>
  [0, sight.end | sight.endLine].flatMap(end => [begin | end | sight.word, begin | end | sight.noWord]),
);

/**
 * Places that took the last character, and those that wait for the next. Shared, because a search is never interrupted.
 */
let standing = new Int32Array(0);
let waiting = new Int32Array(0);

export class Regex {
  readonly program: Program;
  /** The steps for the longest key, and the words of memory. */
  readonly weight: number;
  readonly #words: number;
  readonly #masks: Masks;
  /** The conditions that its checks use. */
  readonly #asked: number;
  /** A search can begin only at the beginning of the key. */
  readonly #isAnchored: boolean;
  /** By the conditions that are used and hold. */
  readonly #tables: (Table | undefined)[] = [];

  /** Throws a RegexFault, or the error of re2js if it cannot parse the text. */
  constructor(text: string) {
    const program = programOf(text);
    const bits = bitsOf(program);
    refuseTooManyWays(program, bits);
    this.program = program;
    this.#words = bits.words;
    this.#masks = masksOf(program, bits);
    const { acts, args, start } = program;
    this.#asked = acts.reduce((all, does, place) => (does === act.check ? all | (args[place] ?? 0) : all), 0);
    const later = reach(program, [start], anySight & ~sight.begin);
    this.#isAnchored = !later.isMatched && later.waiting.length === 0;
    for (const seen of sightsOfKeys) this.#tables[seen & this.#asked] ??= tableOf(program, bits, seen & this.#asked);
    if (standing.length < bits.words) {
      standing = new Int32Array(bits.words);
      waiting = new Int32Array(bits.words);
    }
    this.weight = leastWeight + this.#steps() + this.#memory();
    if (this.weight > maxRegexWeight)
      throw new RegexFault(
        `weighs at most ${maxRegexWeight}, not ${this.weight}: too many of its parts may match at once`,
      );
  }

  /** Whether the regex matches anywhere in the key. */
  test(key: string): boolean {
    return this.#words > 1 ? this.#searchByWords(key) : this.#searchByWord(key);
  }

  #searchByWords(key: string): boolean {
    standing.fill(0, 0, this.#words);
    for (let at = 0, before = -1; ; ) {
      const character = at < key.length ? (key.codePointAt(at) ?? -1) : -1;
      const table = this.#tableOf(this.#asked === 0 ? 0 : sightBetween(before, character) & this.#asked);
      if (table.isMatched || this.#move(table)) return true;
      if (character === -1) return false;
      if (!this.#take(character) && this.#isAnchored) return false;
      before = character;
      at += character > 0xffff ? 2 : 1;
    }
  }

  /** The same for a regex whose bits fit in one word, which most do: it takes half the time. */
  #searchByWord(key: string): boolean {
    for (let at = 0, before = -1, stands = 0; ; ) {
      const character = at < key.length ? (key.codePointAt(at) ?? -1) : -1;
      const table = this.#tableOf(this.#asked === 0 ? 0 : sightBetween(before, character) & this.#asked);
      const { start, chain, other, rowAt, rows, ends } = table;
      if (table.isMatched || (stands & (ends[0] ?? 0)) !== 0) return true;
      if (character === -1) return false;
      let waits = (start[0] ?? 0) | ((stands & (chain[0] ?? 0)) << 1);
      for (let left = stands & (other[0] ?? 0); left !== 0; left &= left - 1)
        waits |= rows[rowAt[31 - Math.clz32(left & -left)] ?? 0] ?? 0;
      stands = waits & this.#wordOf(character);
      if (stands === 0 && this.#isAnchored) return false;
      before = character;
      at += character > 0xffff ? 2 : 1;
    }
  }

  /** A table is missing only for a key with line breaks, which no request can have. */
  #tableOf(seen: number): Table {
    return this.#tables[seen] ?? tableOf(this.program, bitsOf(this.program), seen);
  }

  /** Moves from the places that took a character to those that wait; returns true on a match. */
  #move({ start, chain, other, rowAt, rows, ends }: Table): boolean {
    const words = this.#words;
    let carried = 0;
    for (let word = 0; word < words; word++) {
      const stands = standing[word] ?? 0;
      if ((stands & (ends[word] ?? 0)) !== 0) return true;
      const moved = stands & (chain[word] ?? 0);
      waiting[word] = (start[word] ?? 0) | (moved << 1) | carried;
      carried = moved >>> 31;
    }
    for (let word = 0; word < words; word++) {
      for (let left = (standing[word] ?? 0) & (other[word] ?? 0); left !== 0; left &= left - 1) {
        const row = rowAt[(word << 5) + 31 - Math.clz32(left & -left)] ?? 0;
        for (let to = 0; to < words; to++) waiting[to] = (waiting[to] ?? 0) | (rows[row + to] ?? 0);
      }
    }
    return false;
  }

  /** Keeps the waiting places that take the character; returns false if there is none. */
  #take(character: number): boolean {
    const { kindOf, words } = this.#masks;
    if (character < kindOf.length) return this.#stand(words, (kindOf[character] ?? 0) * this.#words);
    return this.#stand(this.#oddMask(character), 0);
  }

  #wordOf(character: number): number {
    const { kindOf, words } = this.#masks;
    return (character < kindOf.length ? words[kindOf[character] ?? 0] : this.#oddMask(character)[0]) ?? 0;
  }

  #oddMask(character: number): Int32Array {
    return maskOf(this.program, bitsOf(this.program), character);
  }

  #stand(masks: Int32Array, from: number): boolean {
    let all = 0;
    for (let word = 0; word < this.#words; word++) {
      const stands = (waiting[word] ?? 0) & (masks[from + word] ?? 0);
      standing[word] = stands;
      all |= stands;
    }
    return all !== 0;
  }

  /** An upper bound for every key: every place takes every character, all used conditions hold, and none matches. */
  #steps(): number {
    const words = this.#words;
    const table = {
      ...this.#tableOf(anySight & ~(sight.begin | sight.end) & this.#asked),
      ends: new Int32Array(words),
    };
    waiting.set(this.#tableOf(anySight & ~sight.end & this.#asked).start);
    let steps = 0;
    for (let length = 0; length < maxKeyBytes; length++) {
      standing.set(waiting.subarray(0, words));
      steps += stepsPerCharacter + stepsPerWord * words;
      let all = 0;
      for (let word = 0; word < words; word++) {
        all |= standing[word] ?? 0;
        for (let left = (standing[word] ?? 0) & (table.other[word] ?? 0); left !== 0; left &= left - 1)
          steps += words + 1;
      }
      if (all === 0 && this.#isAnchored) break;
      this.#move(table);
    }
    return steps;
  }

  #memory(): number {
    const { acts, sets } = this.program;
    let memory = 2 * acts.length + this.#masks.words.length;
    for (const set of sets) memory += set.edgeCount;
    for (const table of this.#tables) if (table) memory += 4 * this.#words + table.rowAt.length + table.rows.length;
    return memory;
  }
}
