/**
 * Why a row can never win: no key matches it, or every key that does is matched by rows before it.
 *
 * A key is looked for that the row matches and none of the rows which are known to be in its way; the first
 * row that matches that key joins them, and the search begins anew. It ends with a key for which the row
 * wins, or with the proof that there is none. Without a regex among the rows texts tell it all at once.
 *
 * Nothing is said without a proof. A proof is found wherever only exact and prefix, suffix and contains
 * patterns are concerned; with a regex as far as the effort goes.
 */

import type { Pattern } from '../matching/pattern.ts';
import { type Automaton, automatonOf } from './automaton.ts';
import { type Effort, keyOutside, maxKeyLength } from './cover.ts';
import { ampleKey, type RowIndex } from './row-index.ts';

/** `by`: the ranks of the rows that hide it together, none where no key at all matches it. */
export type Verdict =
  | { readonly kind: 'hidden'; readonly by: readonly number[] }
  | { readonly kind: 'wins' }
  | { readonly kind: 'undecided' };

const wins: Verdict = { kind: 'wins' };
const undecided: Verdict = { kind: 'undecided' };
const hidden = (by: readonly number[]): Verdict => ({ kind: 'hidden', by });

/** Rows that may hide one together. */
const maxHiders = 8;
/** For one row: a few milliseconds, tens of them at the worst. */
const effortPerRow = 20_000;

/** What is known of a key by its digest: all of it, or only how it begins. */
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
      // Both would have to be wrong about a key: rather say nothing.
      if (hiders.includes(next)) return undecided;
      hiders.push(next);
      // The one key of a digest is this one, then.
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

  /** Those without which some key would be left. */
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
