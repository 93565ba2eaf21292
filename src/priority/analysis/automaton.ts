/**
 * Patterns as automata that read a key character by character, for questions about all keys: whether every key that one
 * pattern matches is matched by others too.
 *
 * A regex is read from the same program that searches keys, so both agree. Its states are sets of places in that
 * program, created when they are first reached:
 *
 *   places    the positions of the program after the characters so far, before the next one
 *   before    the class of the previous character, as far as ^, \A, \b and \B depend on it
 *
 * A search may begin at every character, so the program's start belongs to every state. A regex that has matched once
 * has matched the whole key: that is `full`.
 */
import type { Pattern } from '../matching/pattern.ts';
import type { Regex } from '../matching/regex.ts';
import { act, type CharacterSet, isWord, type Program, reach, sight, sightBetween } from '../matching/regex-program.ts';

/** The state from which no match is possible. */
export const dead = 0;
/** The state in which the key matches, whatever follows. */
export const full = 1;
const firstState = 2;

export interface Automaton {
  readonly start: number;
  next(state: number, character: number): number;
  /** Whether a key that ends in this state matches. */
  accepts(state: number): boolean;
  /** The cost of a step, relative to a step along a text. */
  readonly cost: number;
  /** The sets of characters that it distinguishes. */
  readonly sets: readonly CharacterSet[];
}

/** Returns null if the pattern cannot be followed character by character. */
export function automatonOf(pattern: Pattern): Automaton | null {
  switch (pattern.kind) {
    case 'digest':
      return null;
    case 'regex':
      return regexAutomaton(pattern.regex);
    case 'key':
      return textAutomaton('key', pattern.key);
    default:
      return textAutomaton(pattern.kind, pattern.text);
  }
}

/** A state is `firstState` plus the number of matched characters of the text. */
function textAutomaton(kind: 'key' | 'prefix' | 'suffix' | 'contains', content: string): Automaton {
  const text = [...content].map(codePoint);
  const end = text.length;
  const fallBack = kind === 'suffix' || kind === 'contains' ? fallBacks(text) : null;
  const isFullAtEnd = kind === 'prefix' || kind === 'contains' || (kind === 'suffix' && end === 0);
  const named = (count: number) => (isFullAtEnd && count === end ? full : firstState + count);
  return {
    start: named(0),
    next(state, character) {
      if (state === dead || state === full) return state;
      let count = state - firstState;
      while (fallBack && count > 0 && text[count] !== character) count = fallBack[count] ?? 0;
      if (text[count] === character) return named(count + 1);
      return fallBack ? named(0) : dead;
    },
    accepts: state => state === full || state === firstState + end,
    cost: 1,
    sets: [...new Set(text)].map(single),
  };
}

const codePoint = (character: string): number => character.codePointAt(0) ?? 0;
const single = (one: number): CharacterSet => ({
  edges: [one, one + 1],
  edgeCount: 2,
  has: character => character === one,
});

/**
 * Knuth-Morris-Pratt failure function: the length of the text's prefix that still matches after `count` characters and
 * a mismatch.
 */
function fallBacks(text: readonly number[]): number[] {
  const table = [0, 0];
  for (let count = 1; count < text.length; count++) {
    let length = table[count] ?? 0;
    while (length > 0 && text[length] !== text[count]) length = table[length] ?? 0;
    table[count + 1] = text[length] === text[count] ? length + 1 : 0;
  }
  return table;
}

/** The characters that \b and \B distinguish. */
const wordSet: CharacterSet = { edges: [0x30, 0x3a, 0x41, 0x5b, 0x5f, 0x60, 0x61, 0x7b], edgeCount: 8, has: isWord };

const nothing = -1;
const someWord = 0x61;
const someOther = 0x20;

interface RegexState {
  readonly places: readonly number[];
  /** `nothing`, `someWord` or `someOther`. */
  readonly before: number;
}

function regexAutomaton({ program }: Regex): Automaton | null {
  const { acts, args, sets, areSetsKnown } = program;
  if (!areSetsKnown) return null;
  const caresForWords = acts.some((does, place) => does === act.check && (args[place] ?? 0) >= sight.word);
  const states = new RegexStates(program, caresForWords);
  return {
    start: firstState,
    next: (state, character) => states.next(state, character),
    accepts: state => states.accepts(state),
    cost: 1 + (acts.length >> 2),
    sets: caresForWords ? [...sets, wordSet] : sets,
  };
}

/** The states of one regex, and the steps between them. */
class RegexStates {
  readonly #program: Program;
  readonly #caresForWords: boolean;
  readonly #isAnchored: boolean;
  /** By number, from `firstState` on. */
  readonly #states: RegexState[] = [{ places: [], before: nothing }];
  readonly #numbers = new Map<string, number>();
  /** The transitions computed so far, by state and character. */
  readonly #steps = new Map<number, number>();

  constructor(program: Program, caresForWords: boolean) {
    this.#program = program;
    this.#caresForWords = caresForWords;
    this.#isAnchored = !canBegin(program, ~sight.begin);
  }

  next(state: number, character: number): number {
    const from = this.#states[state - firstState];
    if (from === undefined) return state;
    const name = state * 0x110000 + character;
    const known = this.#steps.get(name);
    if (known !== undefined) return known;
    const to = this.#step(from, character);
    this.#steps.set(name, to);
    return to;
  }

  accepts(state: number): boolean {
    const at = this.#states[state - firstState];
    if (at === undefined) return state === full;
    return this.#reach(at, nothing).isMatched;
  }

  #step(from: RegexState, character: number): number {
    const { isMatched, waiting } = this.#reach(from, character);
    if (isMatched) return full;
    const { outs, args, sets } = this.#program;
    const taking = waiting.filter(place => sets[args[place] ?? 0]?.has(character));
    const after = new Set(taking.map(place => outs[place] ?? 0));
    const places = [...after].sort((a, b) => a - b);
    return this.#numberOf(places, character);
  }

  #reach({ places, before }: RegexState, character: number): ReturnType<typeof reach> {
    return reach(this.#program, [...places, this.#program.start], sightBetween(before, character));
  }

  /** Returns the state in which these places follow the character. */
  #numberOf(places: readonly number[], character: number): number {
    if (places.length === 0 && this.#isAnchored) return dead;
    const before = this.#caresForWords && isWord(character) ? someWord : someOther;
    const key = `${before} ${places.join()}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = firstState + this.#states.push({ places, before }) - 1;
    this.#numbers.set(key, number);
    return number;
  }
}

function canBegin(program: Program, seen: number): boolean {
  const { isMatched, waiting } = reach(program, [program.start], seen);
  return isMatched || waiting.length > 0;
}

/** Returns the text with which every match of this regex begins the key; '' if there is none. */
export function literalBeginning({ program }: Regex): string {
  const { acts, outs, args, sets, start } = program;
  let text = '';
  let isAtBegin = false;
  for (let place = start; ; place = outs[place] ?? 0) {
    const [does, arg = 0] = [acts[place], args[place]];
    if (does === act.check && !isAtBegin && text === '' && arg === sight.begin) isAtBegin = true;
    else if (does === act.take && isAtBegin && isSingle(sets[arg]))
      text += String.fromCodePoint(sets[arg]?.edges[0] ?? 0);
    else return text;
  }
}

function isSingle(set: CharacterSet | undefined): boolean {
  if (set?.edgeCount !== 2) return false;
  const [first = 0, end] = set.edges;
  return end === first + 1;
}
