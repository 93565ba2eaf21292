/**
 * A snapshot's rows by the texts of their patterns, to find the first row that matches a key, or the first
 * that matches every key which another row matches. Rows are named by their rank: 0 wins over all others.
 */
import { literalBeginning } from './automaton.ts';
import type { RankedRow } from './matcher.ts';
import { digestOfKey, type Pattern } from './pattern.ts';

type TextKind = 'prefix' | 'suffix' | 'contains';

interface RankedRegex {
  readonly rank: number;
  /** '' where its keys need not begin with anything. */
  readonly beginning: string;
  test(key: string): boolean;
}

const none = Number.POSITIVE_INFINITY;
const rowsPerStep = 512;

export class RowIndex {
  readonly rows: readonly RankedRow[];
  readonly #keys = new Map<string, number>();
  readonly #digests = new Map<string, number>();
  readonly #texts: Record<TextKind, TextRanks> = {
    prefix: new TextRanks(),
    suffix: new TextRanks(),
    contains: new TextRanks(),
  };
  readonly #regexes: RankedRegex[] = [];
  /** The first row that matches every key. */
  #everything = none;
  /** The first row that may match more than one key. */
  #firstPattern = none;
  #characters = new Set<string>();

  private constructor(rows: readonly RankedRow[]) {
    this.rows = rows;
  }

  static *of(rows: readonly RankedRow[]): Generator<void, RowIndex> {
    const index = new RowIndex(rows);
    for (const [rank, row] of rows.entries()) {
      index.#add(row, rank);
      if (rank % rowsPerStep === rowsPerStep - 1) yield;
    }
    return index;
  }

  #add({ pattern, mapping }: RankedRow, rank: number): void {
    // Few patterns leave ASCII, and what is looked for lies beyond it.
    for (const [character] of mapping.pattern.matchAll(/[^\0-\x7f]/gu)) this.#characters.add(character);
    const isExact = pattern.kind === 'key' || pattern.kind === 'digest';
    if (!isExact) this.#firstPattern = Math.min(this.#firstPattern, rank);
    if (pattern.kind === 'key') setFirst(this.#keys, pattern.key, rank);
    else if (pattern.kind === 'digest') setFirst(this.#digests, pattern.hex, rank);
    else if (pattern.kind === 'regex') {
      const { regex } = pattern;
      this.#regexes.push({ rank, beginning: literalBeginning(regex), test: key => regex.test(key) });
    } else if (pattern.text === '') this.#everything = Math.min(this.#everything, rank);
    else this.#texts[pattern.kind].add(pattern.text, rank);
  }

  /** A character that stands in no pattern. */
  fresh(): string {
    for (let code = 0xe0; ; code++) {
      const character = String.fromCodePoint(code);
      if (!this.#characters.has(character)) return character;
    }
  }

  hasRegexBefore(rank: number): boolean {
    return (this.#regexes[0]?.rank ?? none) < rank;
  }

  /** Some row before this one is not exact. */
  hasPatternBefore(rank: number): boolean {
    return this.#firstPattern < rank;
  }

  /** The rank of the first row that matches every key that begins so; Infinity where there is none. */
  firstOverBeginning(beginning: string): number {
    return this.#firstText(beginning);
  }

  /** The rank of the first row that matches this key, if that is less than `below`. */
  firstMatch(key: string, below: number): number | null {
    let best = Math.min(this.#firstText(key), this.#keys.get(key) ?? none);
    if (this.#digests.size > 0) best = Math.min(best, this.#digests.get(digestOfKey(key)) ?? none);
    best = Math.min(best, this.#texts.suffix.firstEnding(key));
    best = this.#firstRegex(key, Math.min(best, below));
    return best < below ? best : null;
  }

  #firstText(text: string): number {
    const { prefix, contains } = this.#texts;
    return Math.min(this.#everything, prefix.firstBeginning(text), contains.firstWithin(text));
  }

  #firstRegex(key: string, below: number): number {
    for (const { rank, beginning, test } of this.#regexes) {
      if (rank >= below) return below;
      if (key.startsWith(beginning) && test(key)) return rank;
    }
    return below;
  }

  /**
   * The rank of the first row before `rank` whose text alone makes it match every key that the row at `rank`
   * does. For a pattern that is no regex there is such a row, or else no rows without a regex among them
   * match all of its keys: they are without number, since keys may contain any character.
   */
  firstCover(rank: number): number | null {
    const pattern = this.rows[rank]?.pattern;
    const best = pattern === undefined ? none : this.#firstOver(pattern, rank);
    return best < rank ? best : null;
  }

  #firstOver(pattern: Pattern, rank: number): number {
    switch (pattern.kind) {
      case 'key':
        return this.firstMatch(pattern.key, rank) ?? none;
      case 'digest':
        return Math.min(this.#everything, this.#digests.get(pattern.hex) ?? none, this.#keyOfDigest(pattern.hex, rank));
      case 'regex':
        return this.#everything;
      case 'prefix':
        return this.#firstText(pattern.text);
      case 'suffix':
        return this.#firstEndingOrWithin(pattern.text);
      case 'contains':
        return Math.min(this.#everything, this.#texts.contains.firstWithin(pattern.text));
    }
  }

  #firstEndingOrWithin(text: string): number {
    const { suffix, contains } = this.#texts;
    return Math.min(this.#everything, suffix.firstEnding(text), contains.firstWithin(text));
  }

  #keysByDigest: Map<string, number> | null = null;

  /** The first row that gives the very key of this digest in clear. */
  #keyOfDigest(hex: string, rank: number): number {
    if (this.#keys.size === 0) return none;
    this.#keysByDigest ??= new Map([...this.#keys].map(([key, first]) => [digestOfKey(key), first]));
    const first = this.#keysByDigest.get(hex) ?? none;
    return first < rank ? first : none;
  }
}

/** Texts with the rank of the first row that has each, found as pieces of a longer text. */
class TextRanks {
  readonly #ranks = new Map<string, number>();
  readonly #lengths: number[] = [];

  add(text: string, rank: number): void {
    setFirst(this.#ranks, text, rank);
    if (!this.#lengths.includes(text.length)) this.#lengths.push(text.length);
  }

  firstBeginning(text: string): number {
    let best = none;
    for (const length of this.#lengths)
      if (length <= text.length) best = Math.min(best, this.#ranks.get(text.slice(0, length)) ?? none);
    return best;
  }

  firstEnding(text: string): number {
    let best = none;
    for (const length of this.#lengths)
      if (length <= text.length) best = Math.min(best, this.#ranks.get(text.slice(text.length - length)) ?? none);
    return best;
  }

  firstWithin(text: string): number {
    let best = none;
    for (const length of this.#lengths)
      for (let start = 0; start + length <= text.length; start++)
        best = Math.min(best, this.#ranks.get(text.slice(start, start + length)) ?? none);
    return best;
  }
}

function setFirst(ranks: Map<string, number>, text: string, rank: number): void {
  if (!ranks.has(text)) ranks.set(text, rank);
}
