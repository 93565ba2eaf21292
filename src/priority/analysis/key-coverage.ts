/**
 * Which known keys match which rows. A key that was seen since the start is known whole; of the others only the hash
 * and the beginning are stored, so their answers may be unknown.
 */

import { digestOfKey, type Pattern } from '../matching/pattern.ts';
import { type Automaton, automatonOf, literalBeginning } from './automaton.ts';
import { type Answer, answerFor } from './key-answer.ts';
import type { RowIndex } from './row-index.ts';
import { firstNotBefore, sortedInSteps } from './sorted-texts.ts';

/** The known parts of a key. */
export interface KnownKey {
  readonly keyId: number;
  readonly userId: number;
  readonly role: string;
  readonly hash: string;
  /** The stored beginning. */
  readonly beginning: string;
  /** The whole key, if it was seen. */
  readonly key: string | null;
}

/** The most keys that are compared with one regex, and regexes with one key; beyond that the answer is unknown. */
const keysPerRegex = 1_000;
const regexesPerKey = 20;
const keysPerStep = 100;

interface CoverageParts {
  readonly keys: readonly KnownKey[];
  readonly byHash: ReadonlyMap<string, KnownKey>;
  readonly known: readonly string[];
  readonly reversed: readonly string[];
  readonly seen: ReadonlySet<string>;
  readonly unseen: ReadonlySet<string>;
}

export class KeyCoverage {
  readonly keys: readonly KnownKey[];
  readonly #byHash: ReadonlyMap<string, KnownKey>;
  /** Whole keys and beginnings, sorted; whole keys reversed, sorted. */
  readonly #known: readonly string[];
  readonly #reversed: readonly string[];
  readonly #unseen: ReadonlySet<string>;
  readonly #seen: ReadonlySet<string>;
  /** One text for substring searches; no pattern contains the separator. */
  readonly #joined: string;
  readonly #automata = new Map<Pattern, Automaton | null>();

  private constructor(parts: CoverageParts) {
    this.keys = parts.keys;
    this.#byHash = parts.byHash;
    this.#known = parts.known;
    this.#reversed = parts.reversed;
    this.#seen = parts.seen;
    this.#unseen = parts.unseen;
    this.#joined = parts.known.join('\0');
  }

  static *of(keys: readonly KnownKey[]): Generator<void, KeyCoverage> {
    const byHash = new Map<string, KnownKey>();
    const seen = new Set<string>();
    const unseen = new Set<string>();
    const reversed: string[] = [];
    for (const [at, known] of keys.entries()) {
      byHash.set(known.hash, known);
      if (known.key === null) unseen.add(known.beginning);
      else {
        seen.add(known.key);
        reversed.push(reverse(known.key));
      }
      if (at % keysPerStep === keysPerStep - 1) yield;
    }
    return new KeyCoverage({
      keys,
      byHash,
      seen,
      unseen,
      known: yield* sortedInSteps([...seen, ...unseen]),
      reversed: yield* sortedInSteps(reversed),
    });
  }

  /** Returns the known parts of the key with this digest. */
  byDigest(hex: string): KnownKey | null {
    return this.#byHash.get(hex) ?? null;
  }

  /** Whether any known key matches the pattern. */
  *ofPattern(pattern: Pattern): Generator<void, Answer> {
    switch (pattern.kind) {
      case 'key':
        return this.#byHash.has(digestOfKey(pattern.key)) ? 'match' : 'no match';
      case 'digest':
        return this.#byHash.has(pattern.hex) ? 'match' : 'no match';
      case 'prefix':
        if (hasBeginning(this.#known, pattern.text)) return 'match';
        return this.#mayBegin(pattern.text) ? 'unknown' : 'no match';
      case 'suffix':
        if (hasBeginning(this.#reversed, reverse(pattern.text))) return 'match';
        return this.#openAnswer(pattern.text === '');
      case 'contains':
        return this.#openAnswer(this.#joined.includes(pattern.text) && this.keys.length > 0);
      case 'regex':
        return yield* this.#ofRegex(pattern);
    }
  }

  /** Whether any row of the index matches the key. */
  *ofKey({ key, hash, beginning }: KnownKey, index: RowIndex): Generator<void, Answer> {
    if (key !== null) return index.matchesAny(key) ? 'match' : 'no match';
    if (index.hasDigest(hash) || index.firstOverBeginning(beginning) < index.rows.length) return 'match';
    let isOpen = yield* index.isOpenFor(beginning);
    let held = 0;
    for (const pattern of index.regexesFor(beginning)) {
      if (++held > regexesPerKey) return 'unknown';
      const answer = yield* answerFor(pattern, beginning, this.#automatonFor);
      if (answer === 'match') return 'match';
      if (answer === 'unknown') isOpen = true;
    }
    return isOpen ? 'unknown' : 'no match';
  }

  #openAnswer(isMatched: boolean): Answer {
    if (isMatched) return 'match';
    return this.#unseen.size > 0 ? 'unknown' : 'no match';
  }

  #mayBegin(text: string): boolean {
    for (let length = 0; length <= text.length; length++) if (this.#unseen.has(text.slice(0, length))) return true;
    return false;
  }

  *#ofRegex(pattern: Extract<Pattern, { kind: 'regex' }>): Generator<void, Answer> {
    const beginning = literalBeginning(pattern.regex);
    let isOpen = beginning !== '' && this.#mayBegin(beginning);
    let held = 0;
    for (let at = firstNotBefore(this.#known, beginning); at < this.#known.length; at++) {
      const known = this.#known[at] ?? '';
      if (!known.startsWith(beginning)) break;
      if (++held > keysPerRegex) return 'unknown';
      if (this.#seen.has(known) && pattern.regex.test(known)) return 'match';
      if (this.#unseen.has(known)) {
        const answer = yield* answerFor(pattern, known, this.#automatonFor);
        if (answer === 'match') return 'match';
        if (answer === 'unknown') isOpen = true;
      }
      if (held % keysPerStep === 0) yield;
    }
    return isOpen ? 'unknown' : 'no match';
  }

  readonly #automatonFor = (pattern: Pattern): Automaton | null => {
    const known = this.#automata.get(pattern);
    if (known !== undefined) return known;
    const automaton = automatonOf(pattern);
    this.#automata.set(pattern, automaton);
    return automaton;
  };
}

const reverse = (text: string): string => [...text].reverse().join('');

/** Whether one of the sorted texts has this beginning: if any has, then the first that is not smaller. */
const hasBeginning = (sorted: readonly string[], beginning: string): boolean =>
  sorted[firstNotBefore(sorted, beginning)]?.startsWith(beginning) ?? false;
