/**
 * Patterns as automata that read a key character by character, for questions that no single key answers:
 * whether every key that one pattern matches is matched by others too.
 *
 * A regex is read from the very program that its engine runs, so both mean the same by it. Its states are
 * sets of places in that program, made as they are met:
 *
 *   places    where the program stands after the characters so far, before looking at the next one
 *   before    what came before, as far as ^, \A, \b and \B care
 *
 * A search may begin at every character, so the program's start belongs to every state. A regex that has
 * matched somewhere has matched for good: that is `full`.
 */
import { RE2JS } from 're2js';
import type { Pattern } from './pattern.ts';

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

export interface CharacterSet {
  /** Code points at which membership may change. */
  readonly edges: readonly number[];
  has(character: number): boolean;
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
const single = (one: number): CharacterSet => ({ edges: [one, one + 1], has: character => character === one });

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

/** The instructions of re2js, as far as they are followed here. */
const op = { alt: 1, altMatch: 2, capture: 3, assert: 4, fail: 5, match: 6, nop: 7, set: 8, one: 9, any: 10, line: 11 };
const assertion = { begin: 1 | 4, end: 2 | 8, word: 16, noWord: 32 };
const foldCase = 1;

interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: ArrayLike<number>;
  matchRune(character: number): boolean;
}

interface Program {
  readonly inst: readonly Instruction[];
  readonly start: number;
}

function programOf(regex: object): Program | null {
  if (!(regex instanceof RE2JS)) return null;
  const { prog } = (regex as unknown as { re2Input?: { prog?: Program } }).re2Input ?? {};
  if (!Array.isArray(prog?.inst) || typeof prog.start !== 'number') return null;
  return prog.inst.every(isFollowed) ? prog : null;
}

/** Letters that fold outside ASCII have partners that cannot be listed here. */
const isFollowed = ({ op: code, arg, runes }: Instruction): boolean =>
  code >= op.alt && code <= op.line && !(isFolded(arg, runes) && (runes[0] ?? 0) > 0x7f);
const isFolded = (arg: number, runes: ArrayLike<number>) => runes.length === 1 && (arg & foldCase) !== 0;

const isWord = (character: number): boolean =>
  (character >= 0x30 && character <= 0x39) ||
  (character >= 0x41 && character <= 0x5a) ||
  (character >= 0x61 && character <= 0x7a) ||
  character === 0x5f;
const wordSet: CharacterSet = { edges: [0x30, 0x3a, 0x41, 0x5b, 0x5f, 0x60, 0x61, 0x7b], has: isWord };

const nothing = -1;
const someWord = 0x61;
const someOther = 0x20;

/** What ^ $ \A \z \b \B see between two characters; `nothing` is an end of the key. No key has a line break. */
function assertionsBetween(before: number, after: number): number {
  let seen = isWord(before) === isWord(after) ? assertion.noWord : assertion.word;
  if (before === nothing) seen |= assertion.begin;
  if (after === nothing) seen |= assertion.end;
  return seen;
}

interface RegexState {
  readonly places: readonly number[];
  /** `nothing`, `someWord` or `someOther`. */
  readonly before: number;
}

interface Reached {
  readonly isMatched: boolean;
  /** Instructions that wait for a character. */
  readonly waiting: readonly Instruction[];
}

function regexAutomaton(regex: object): Automaton | null {
  const found = programOf(regex);
  if (found === null) return null;
  const program = found;
  const caresForWords = program.inst.some(({ op: code, arg }) => code === op.assert && arg >= assertion.word);
  const isAnchored = !canBegin(program, assertion.end | assertion.word | assertion.noWord);
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
    const { isMatched, waiting } = reach(program, places, assertionsBetween(before, character));
    if (isMatched) return full;
    const after = new Set(waiting.filter(one => takes(one, character)).map(({ out }) => out));
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
      return reach(program, at.places, assertionsBetween(at.before, nothing)).isMatched;
    },
    cost: 1 + (program.inst.length >> 2),
    sets: [...program.inst.flatMap(setOf), ...(caresForWords ? [wordSet] : [])],
  };
}

function canBegin(program: Program, seen: number): boolean {
  const { isMatched, waiting } = reach(program, [], seen);
  return isMatched || waiting.length > 0;
}

/** Everywhere that the program comes to from these places, or its start, without another character. */
function reach({ inst, start }: Program, places: readonly number[], seen: number): Reached {
  const open = [...places, start];
  const visited = new Set<number>();
  const waiting: Instruction[] = [];
  let isMatched = false;
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const instruction = inst[place];
    if (instruction === undefined || visited.has(place)) continue;
    visited.add(place);
    const { op: code, out, arg } = instruction;
    if (code === op.match) isMatched = true;
    else if (code >= op.set) waiting.push(instruction);
    else if (code === op.alt || code === op.altMatch) open.push(out, arg);
    else if (code === op.capture || code === op.nop) open.push(out);
    else if (code === op.assert && (arg & ~seen) === 0) open.push(out);
  }
  return { isMatched, waiting };
}

const takes = (instruction: Instruction, character: number): boolean =>
  instruction.op === op.any || instruction.op === op.line || instruction.matchRune(character);

function setOf(instruction: Instruction): CharacterSet[] {
  const { op: code, arg, runes } = instruction;
  if (code !== op.set && code !== op.one) return [];
  const has = (character: number) => instruction.matchRune(character);
  if (isFolded(arg, runes)) return [{ edges: caseEdges(runes[0] ?? 0), has }];
  if (runes.length === 1) return [single(runes[0] ?? 0)];
  return [{ edges: Array.from(runes, (edge, at) => (at % 2 === 0 ? edge : edge + 1)), has }];
}

/** An ASCII letter in both cases, and the two signs beyond ASCII that fold to one: K (kelvin) and ſ (long s). */
function caseEdges(letter: number): number[] {
  const [lower, upper] = [letter | 0x20, letter & ~0x20];
  return [letter, letter + 1, lower, lower + 1, upper, upper + 1, 0x17f, 0x180, 0x212a, 0x212b];
}

/** The text that every key begins with that this regex matches; '' where there is none. */
export function literalBeginning(regex: object): string {
  const program = programOf(regex);
  if (program === null) return '';
  let text = '';
  let isAtBegin = false;
  for (let place = program.start; ; ) {
    const instruction = program.inst[place];
    if (instruction === undefined) return text;
    const { op: code, out, arg, runes } = instruction;
    if (code === op.assert && !isAtBegin && text === '' && arg === 4) isAtBegin = true;
    else if (code === op.one && isAtBegin) text += String.fromCodePoint(runes[0] ?? 0);
    else if (code !== op.capture && code !== op.nop) return text;
    place = out;
  }
}
