/**
 * A snapshot's rows by the texts of their patterns, to find the first row that matches a key, or the first that matches
 * every key of another row. Rows are named by their rank: 0 wins over all others.
 */

import type { RankedRow } from '../matching/matcher.ts';
import { digestOfKey, type Pattern } from '../matching/pattern.ts';
import { literalBeginning } from './automaton.ts';
import { matchesKey } from './key-answer.ts';
import { firstNotBefore, sortedInSteps } from './sorted-texts.ts';

type TextKind = 'prefix' | 'suffix' | 'contains';

interface RankedRegex {
  readonly rank: number;
  /** The text with which all its keys begin; '' if there is none. */
  readonly beginning: string;
  test(key: string): boolean;
}

/**
 * Properties of a pattern that are expensive to compute. Patterns live on in the following snapshots, so each is
 * computed once.
 */
interface Traits {
  /** For a key in clear. */
  readonly digest: string;
  /** For a regex. */
  readonly beginning: string;
  readonly beyondAscii: readonly string[];
}
const knownTraits = new WeakMap<Pattern, Traits>();

const none = Number.POSITIVE_INFINITY;
const rowsPerStep = 128;

export class RowIndex {
  readonly rows: readonly RankedRow[];
  readonly #keys = new Map<string, number>();
  readonly #digests = new Map<string, number>();
  /** Digests of the exact patterns in clear. */
  readonly #digestsOfKeys = new Map<string, number>();
  readonly #texts: Record<TextKind, TextRanks> = {
    prefix: new TextRanks(),
    suffix: new TextRanks(),
    contains: new TextRanks(),
  };
  readonly #regexes: RankedRegex[] = [];
  /** The rank of the first row that matches every key. */
  #everything = none;
  /** The rank of the first row that may match more than one key. */
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
    const { digest, beginning, beyondAscii } = traitsOf(pattern, mapping.pattern);
    for (const character of beyondAscii) this.#characters.add(character);
    const isExact = pattern.kind === 'key' || pattern.kind === 'digest';
    if (!isExact) this.#firstPattern = Math.min(this.#firstPattern, rank);
    if (pattern.kind === 'key') {
      setFirst(this.#keys, pattern.key, rank);
      setFirst(this.#digestsOfKeys, digest, rank);
    } else if (pattern.kind === 'digest') setFirst(this.#digests, pattern.hex, rank);
    else if (pattern.kind === 'regex') {
      const { regex } = pattern;
      this.#regexes.push({ rank, beginning, test: key => regex.test(key) });
    } else if (pattern.text === '') this.#everything = Math.min(this.#everything, rank);
    else this.#texts[pattern.kind].add(pattern.text, rank);
  }

  /** Returns a character that no pattern contains. */
  fresh(): string {
    for (let code = 0xe0; ; code++) {
      const character = String.fromCodePoint(code);
      if (!this.#characters.has(character)) return character;
    }
  }

  hasRegexBefore(rank: number): boolean {
    return (this.#regexes[0]?.rank ?? none) < rank;
  }

  /** Whether a row before this one is not exact. */
  hasPatternBefore(rank: number): boolean {
    return this.#firstPattern < rank;
  }

  /** Returns the rank of the first row that matches every key with this beginning; Infinity if there is none. */
  firstOverBeginning(beginning: string): number {
    return this.#firstText(beginning);
  }

  /** Whether the row at `rank` may contribute to a cover of the row at `later`; 'no' is certain for texts. */
  mayCover(rank: number, later: number): boolean {
    const cover = this.rows[rank]?.pattern;
    const target = this.rows[later]?.pattern;
    if (cover === undefined || target === undefined) return false;
    if (target.kind === 'key') return matchesKey(cover, target.key);
    if (target.kind === 'digest') return cover.kind !== 'digest' || cover.hex === target.hex;
    if (target.kind !== 'regex') return matchesKey(cover, ampleKey(target, this.fresh()));
    if (cover.kind !== 'prefix') return true;
    const beginning = literalBeginning(target.regex);
    return beginning.startsWith(cover.text) || cover.text.startsWith(beginning);
  }

  /** Whether any row matches this key; the next three methods handle a key whose rest is unknown. */
  matchesAny(key: string): boolean {
    return this.firstMatch(key, this.rows.length) !== null;
  }

  hasDigest(hex: string): boolean {
    return this.#firstOfDigest(hex) !== none;
  }

  /** Whether some row without a regex may match keys with this beginning, but not all of them. */
  *isOpenFor(beginning: string): Generator<void, boolean> {
    const { prefix, suffix, contains } = this.#texts;
    return suffix.size > 0 || contains.size > 0 || (yield* prefix.hasLonger(beginning));
  }

  /** Yields the regexes that keys with this beginning may match. */
  *regexesFor(start: string): Generator<Extract<Pattern, { kind: 'regex' }>> {
    for (const { rank, beginning } of this.#regexes) {
      if (!start.startsWith(beginning) && !beginning.startsWith(start)) continue;
      const pattern = this.rows[rank]?.pattern;
      if (pattern?.kind === 'regex') yield pattern;
    }
  }

  /** Returns the rank of the first row that matches this key, if that is less than `below`. */
  firstMatch(key: string, below: number): number | null {
    let best = Math.min(this.#firstText(key), this.#keys.get(key) ?? none);
    if (this.#digests.size > 0) best = Math.min(best, this.#digests.get(digestOfKey(key)) ?? none);
    best = Math.min(best, this.#texts.suffix.firstEnding(key));
    best = this.#firstRegex(key, Math.min(best, below));
    return best < below ? best : null;
  }

  #firstOfDigest(hex: string): number {
    return Math.min(this.#digests.get(hex) ?? none, this.#digestsOfKeys.get(hex) ?? none);
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
   * Returns the rank of the first row before `rank` whose text alone implies that it matches every key of the row at
   * `rank`. For a pattern that is no regex, either such a row exists, or no set of rows without a regex matches all of
   * its keys: there are infinitely many, since keys may contain any character.
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
        return Math.min(this.#everything, this.#firstOfDigest(pattern.hex));
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
}

/** Returns a key that the pattern matches and that contains no text beyond what the pattern implies. */
export function ampleKey({ kind, text }: Extract<Pattern, { text: string }>, fresh: string): string {
  if (kind === 'prefix') return text + fresh;
  return kind === 'suffix' ? fresh + text : fresh + text + fresh;
}

/** Texts with the rank of the first row that has each, found as parts of a longer text. */
class TextRanks {
  readonly #ranks = new Map<string, number>();
  readonly #lengths: number[] = [];
  #sorted: readonly string[] | null = null;

  get size(): number {
    return this.#ranks.size;
  }

  /** Whether some longer text begins with this one. */
  *hasLonger(beginning: string): Generator<void, boolean> {
    this.#sorted ??= yield* sortedInSteps([...this.#ranks.keys()]);
    const at = firstNotBefore(this.#sorted, beginning);
    const next = this.#sorted[at] === beginning ? at + 1 : at;
    return this.#sorted[next]?.startsWith(beginning) ?? false;
  }

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

function traitsOf(pattern: Pattern, text: string): Traits {
  const known = knownTraits.get(pattern);
  if (known) return known;
  const traits = {
    digest: pattern.kind === 'key' ? digestOfKey(pattern.key) : '',
    beginning: pattern.kind === 'regex' ? literalBeginning(pattern.regex) : '',
    // Few patterns contain characters beyond ASCII, so an unused character is searched there.
    beyondAscii: text.match(/[^\0-\x7f]/gu) ?? [],
  };
  knownTraits.set(pattern, traits);
  return traits;
}

function setFirst(ranks: Map<string, number>, text: string, rank: number): void {
  if (!ranks.has(text)) ranks.set(text, rank);
}
