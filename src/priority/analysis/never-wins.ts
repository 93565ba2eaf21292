/**
 * Why a row can never win: no key matches it, or every key that does is matched by rows before it.
 *
 * Searches for a key that the row matches and none of the known hiding rows matches; the first row that matches that
 * key joins them, and the search restarts. It ends with a key for which the row wins, or with a proof that there is
 * none. Without a regex among the rows, comparing texts is enough.
 *
 * Nothing is reported without a proof. A proof is always found for exact, prefix, suffix and contains patterns; with a
 * regex as far as the effort allows.
 */

import type { Pattern } from '../matching/pattern.ts';
import { type Automaton, automatonOf } from './automaton.ts';
import { type Effort, keyOutside, maxKeyLength } from './cover.ts';
import { ampleKey, type RowIndex } from './row-index.ts';

/** `by`: the ranks of the rows that hide it together; empty if no key matches it at all. */
export type Verdict =
  | { readonly kind: 'hidden'; readonly by: readonly number[] }
  | { readonly kind: 'wins' }
  | { readonly kind: 'undecided' };

const wins: Verdict = { kind: 'wins' };
const undecided: Verdict = { kind: 'undecided' };
const hidden = (by: readonly number[]): Verdict => ({ kind: 'hidden', by });

/** The most rows that hide one together. */
const maxHiders = 8;
/** The effort for one row: usually a few milliseconds, at worst tens of them. */
const effortPerRow = 20_000;

/** The known part of a key with this digest: the whole key, or only its beginning. */
export interface KnownByDigest {
  readonly key: string | null;
  readonly beginning: string;
}

export class NeverWins {
  readonly #index: RowIndex;
  readonly #keyOf: (hex: string) => KnownByDigest | null;
  readonly #automata = new Map<number, Automaton | null>();

  constructor(index: RowIndex, keyOf: (hex: string) => KnownByDigest | null) {
    this.#index = index;
    this.#keyOf = keyOf;
  }

  *of(rank: number): Generator<void, Verdict> {
    const index = this.#index;
    const pattern = index.rows[rank]?.pattern;
    if (pattern === undefined) return undecided;
    if (isTooLong(pattern)) return hidden([]);
    const cover = index.firstCover(rank);
    if (cover !== null) return hidden([cover]);
    if (pattern.kind === 'key') return wins;
    if (pattern.kind === 'digest') return this.#ofDigest(pattern.hex, rank);
    if (pattern.kind !== 'regex' && pattern.text.length === maxKeyLength) return this.#ofKey(pattern.text, rank);
    if (pattern.kind !== 'regex') {
      const isFree = !index.hasRegexBefore(rank) || index.firstMatch(ampleKey(pattern, index.fresh()), rank) === null;
      if (isFree) return wins;
    }
    return yield* this.#search(rank, { left: effortPerRow });
  }

  #ofKey(key: string, rank: number): Verdict {
    const first = this.#index.firstMatch(key, rank);
    return first === null ? wins : hidden([first]);
  }

  #ofDigest(hex: string, rank: number): Verdict {
    if (!this.#index.hasPatternBefore(rank)) return wins;
    const known = this.#keyOf(hex);
    if (known === null) return undecided;
    if (known.key !== null) return this.#ofKey(known.key, rank);
    const first = this.#index.firstOverBeginning(known.beginning);
    return first < rank ? hidden([first]) : undecided;
  }

  *#search(rank: number, effort: Effort): Generator<void, Verdict> {
    const index = this.#index;
    const hiders: number[] = [];
    while (hiders.length <= maxHiders) {
      const key = yield* this.#keyPast(rank, hiders, effort);
      if (key === undefined) return undecided;
      if (key === null) return hidden(yield* this.#needed(rank, hiders, effort));
      const next = index.firstMatch(key, rank);
      if (next === null) return wins;
      // The two would have to disagree about a key, so nothing is reported.
      if (hiders.includes(next)) return undecided;
      hiders.push(next);
      // This key is then the only one with the digest.
      if (index.rows[next]?.pattern.kind === 'digest') this.#automata.set(next, automatonOf({ kind: 'key', key }));
    }
    return undecided;
  }

  *#keyPast(rank: number, hiders: readonly number[], effort: Effort) {
    const target = this.#automaton(rank);
    const covers = hiders.map(hider => this.#automaton(hider));
    if (target === null || covers.includes(null)) return undefined;
    const fresh = this.#index.fresh().codePointAt(0) ?? 0;
    return yield* keyOutside(target, covers.filter(isThere), fresh, effort);
  }

  /** Returns the hiders without which some key would be left. */
  *#needed(rank: number, hiders: readonly number[], effort: Effort): Generator<void, number[]> {
    let needed = [...hiders];
    for (const hider of hiders) {
      const others = needed.filter(one => one !== hider);
      if ((yield* this.#keyPast(rank, others, effort)) === null) needed = others;
    }
    return needed.sort((a, b) => a - b);
  }

  #automaton(rank: number): Automaton | null {
    const known = this.#automata.get(rank);
    if (known !== undefined) return known;
    const pattern = this.#index.rows[rank]?.pattern;
    const automaton = pattern === undefined ? null : automatonOf(pattern);
    this.#automata.set(rank, automaton);
    return automaton;
  }
}

const isThere = (automaton: Automaton | null): automaton is Automaton => automaton !== null;

const isTooLong = (pattern: Pattern): boolean =>
  pattern.kind === 'key' ? pattern.key.length > maxKeyLength : 'text' in pattern && pattern.text.length > maxKeyLength;
