/**
 * Patterns as automata that read a key character by character, for questions that no single key answers:
 * whether every key that one pattern matches is matched by others too.
 *
 * A regex is read from the very program that searches keys, so both mean the same by it. Its states are sets
 * of places in that program, made as they are met:
 *
 *   places    where the program stands after the characters so far, before looking at the next one
 *   before    what came before, as far as ^, \A, \b and \B care
 *
 * A search may begin at every character, so the program's start belongs to every state. A regex that has
 * matched somewhere has matched for good: that is `full`.
 */
import type { Pattern } from '../matching/pattern.ts';
import type { Regex } from '../matching/regex.ts';
import { act, type CharacterSet, isWord, type Program, reach, sight, sightBetween } from '../matching/regex-program.ts';

/** Nothing that may follow makes a match. */
export const dead = 0;
/** Whatever follows, the key is matched. */
export const full = 1;
const firstState = 2;

export interface Automaton {
  readonly start: number;
  next(state: number, character: number): number;
  /** A key that ends here is matched. */
  accepts(state: number): boolean;
  /** How much work a step is, compared with one along a text. */
  readonly cost: number;
  /** The sets of characters that it tells apart. */
  readonly sets: readonly CharacterSet[];
}

/** Null: this pattern cannot be followed character by character. */
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

/** A state is `firstState` + how many characters of the text have come. */
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

/** Knuth, Morris and Pratt: how much of the text's beginning still stands after `count` characters and a mismatch. */
function fallBacks(text: readonly number[]): number[] {
  const table = [0, 0];
  for (let count = 1; count < text.length; count++) {
    let length = table[count] ?? 0;
    while (length > 0 && text[length] !== text[count]) length = table[length] ?? 0;
    table[count + 1] = text[length] === text[count] ? length + 1 : 0;
  }
  return table;
}

/** What \b and \B tell apart. */
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
  const { acts, outs, args, sets, start, areSetsKnown } = program;
  if (!areSetsKnown) return null;
  const caresForWords = acts.some((does, place) => does === act.check && (args[place] ?? 0) >= sight.word);
  const isAnchored = !canBegin(program, ~sight.begin);
  const states: RegexState[] = [{ places: [], before: nothing }];
  const ids = new Map<string, number>();
  /** Where each state goes with each character, as far as it was asked. */
  const steps = new Map<number, number>();

  function idOf(places: readonly number[], character: number): number {
    if (places.length === 0 && isAnchored) return dead;
    const before = caresForWords && isWord(character) ? someWord : someOther;
    const key = `${before} ${places.join()}`;
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = firstState + states.push({ places, before }) - 1;
    ids.set(key, id);
    return id;
  }
  function step({ places, before }: RegexState, character: number): number {
    const { isMatched, waiting } = reach(program, [...places, start], sightBetween(before, character));
    if (isMatched) return full;
    const taking = waiting.filter(place => sets[args[place] ?? 0]?.has(character));
    const after = new Set(taking.map(place => outs[place] ?? 0));
    return idOf(
      [...after].sort((a, b) => a - b),
      character,
    );
  }
  return {
    start: firstState,
    next(state, character) {
      const from = states[state - firstState];
      if (from === undefined) return state;
      const name = state * 0x110000 + character;
      const known = steps.get(name);
      if (known !== undefined) return known;
      const to = step(from, character);
      steps.set(name, to);
      return to;
    },
    accepts(state) {
      const at = states[state - firstState];
      if (at === undefined) return state === full;
      return reach(program, [...at.places, start], sightBetween(at.before, nothing)).isMatched;
    },
    cost: 1 + (acts.length >> 2),
    sets: caresForWords ? [...sets, wordSet] : sets,
  };
}

function canBegin(program: Program, seen: number): boolean {
  const { isMatched, waiting } = reach(program, [program.start], seen);
  return isMatched || waiting.length > 0;
}

/** The text that every key begins with that this regex matches; '' where there is none. */
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
