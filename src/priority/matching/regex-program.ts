/**
 * Regexes as programs. re2js parses and compiles them; between the two their expanded size is checked, so that nothing
 * large is ever created. A compact copy of the program is kept: all that matching and analysis need.
 *
 * This file alone depends on the parsed tree and the instructions of re2js. They are no documented API, so the version
 * is pinned, and property tests compare sizes and matches with the engine.
 */
import { RE2Set } from 're2js';

/** The limit of characters, classes, choices and checks, with all repetitions expanded. */
const maxRegexSize = 1_000;
/** The limit of the ranges of all classes, expanded too; `\pL` has about 700. */
const maxRegexRanges = 100_000;
/** The limit of the cost of parsing classes, in characters that are folded to either case: some milliseconds. */
const maxClassWork = 150_000;
/** A Unicode class costs as much as folding this many characters. */
const unicodeClassWork = 5_000;
/** The last character that has a case. */
const lastCased = 0x1e943;

/** The action of a program at a place. */
export const act = { fail: 0, match: 1, choose: 2, check: 3, take: 4 } as const;
/** The conditions of a check between two characters. Lines are those of `(?m)`. */
export const sight = { beginLine: 1, endLine: 2, begin: 4, end: 8, word: 16, noWord: 32 } as const;
export const anySight = ~0;

export interface CharacterSet {
  /** Code points at which membership may change; a new list each time. */
  readonly edges: readonly number[];
  /** The number of edges. */
  readonly edgeCount: number;
  has(character: number): boolean;
}

/** A place is a number; each of the three lists has an entry for every place. */
export interface Program {
  readonly start: number;
  readonly acts: Uint8Array;
  /** The next place. */
  readonly outs: Uint16Array;
  /** The other next place of a choice, the conditions of a check, or the set of a take. */
  readonly args: Uint16Array;
  readonly sets: readonly CharacterSet[];
  /** Whether the edges of all sets are known: letters that fold outside ASCII have partners that cannot be listed. */
  readonly areSetsKnown: boolean;
}

/** The fault of a regex, in words that continue "a regex". */
export class RegexFault extends Error {}

/** Throws a RegexFault, or the error of re2js if it cannot parse the text. */
export function programOf(text: string): Program {
  const set = parsed(text);
  const { size, ranges } = sizesOf(set.regexps[0]);
  if (size > maxRegexSize) throw new RegexFault(`expands to at most ${maxRegexSize} steps, not ${size}`);
  if (ranges > maxRegexRanges)
    throw new RegexFault(`has classes that expand to at most ${maxRegexRanges} ranges, not ${ranges}`);
  set.compile();
  if (set.prog.inst.length > size) throw new Error(`re2js makes ${set.prog.inst.length} instructions of ${size}`);
  return compact(set.prog);
}

/** Returns an upper bound of the instructions that re2js would create, before it creates them. */
export const expandedSize = (text: string): number => sizesOf(parsed(text).regexps[0]).size;

/** A set of one regex: unlike a single regex of re2js, it can be inspected between parsing and compiling. */
function parsed(text: string): RE2Set {
  if (classWork(text) > maxClassWork)
    throw new RegexFault('folds too many characters to either case, or has too many \\p');
  const set = new RE2Set();
  set.add(text);
  return set;
}

/** The end of a range in a class, if it may be large. */
const rangeEnd = /-(?=(?:\\x\{([0-9a-fA-F]+)\}|\\|([^\\])))/gu;

/**
 * Returns a bound on the cost of parsing the classes, from the text alone: re2js folds a range character by character.
 */
function classWork(text: string): number {
  const unicode = unicodeClassWork * (text.match(/\\[pP]/g)?.length ?? 0);
  if (!/\(\?[^:)]*i/.test(text)) return unicode;
  let folded = 0;
  for (const [, hex, plain = ''] of text.matchAll(rangeEnd)) {
    const last = hex === undefined ? (plain.codePointAt(0) ?? 0o777) : Number.parseInt(hex, 16);
    folded += Math.min(last, lastCased);
  }
  return unicode + folded;
}

/** The parsed tree of re2js with repetitions expanded; their copies are one shared node. */
interface Tree {
  readonly op: number;
  readonly subs: readonly Tree[];
  readonly runes: ArrayLike<number>;
}
const treeOp = { class: 3, group: 12, star: 13, concat: 17, alternate: 18 };

interface Sizes {
  readonly size: number;
  readonly ranges: number;
}

/** Bounds on the instructions of the program and on the ranges in them. */
function sizesOf(root: Tree): Sizes {
  const known = new Map<Tree, Sizes>();
  const measure = (tree: Tree): Sizes => {
    const before = known.get(tree);
    if (before !== undefined) return before;
    let { size, ranges } = ownSizes(tree);
    for (const sub of tree.subs.map(measure)) {
      size += sub.size;
      ranges += sub.ranges;
    }
    known.set(tree, { size, ranges });
    return { size, ranges };
  };
  const { size, ranges } = measure(root);
  // Plus the two at its ends: fail and match.
  return { size: size + 2, ranges };
}

function ownSizes({ op, subs, runes }: Tree): Sizes {
  if (op === treeOp.class) return { size: 1, ranges: runes.length >> 1 };
  return { size: ownSize(op, subs.length, runes.length), ranges: 0 };
}

function ownSize(op: number, subs: number, runes: number): number {
  if (subs === 0) return Math.max(1, runes);
  if (op === treeOp.concat) return 0;
  if (op === treeOp.alternate) return subs - 1;
  return op === treeOp.group || op === treeOp.star ? 2 : 1;
}

/** An instruction of re2js. */
interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: ArrayLike<number>;
  matchRune(character: number): boolean;
}
const code = { alt: 1, altMatch: 2, capture: 3, empty: 4, fail: 5, match: 6, nop: 7, rune: 8, anyNotNewline: 11 };
const foldCase = 1;

function compact({ inst, start }: { readonly inst: readonly Instruction[]; readonly start: number }): Program {
  const acts = new Uint8Array(inst.length);
  const outs = new Uint16Array(inst.length);
  const args = new Uint16Array(inst.length);
  const sets = new Sets();
  for (const [place, one] of inst.entries()) {
    acts[place] = actOf(one.op);
    outs[place] = pastEmpty(inst, one.out);
    if (acts[place] === act.choose) args[place] = pastEmpty(inst, one.arg);
    else if (acts[place] === act.check) args[place] = one.arg;
    else if (acts[place] === act.take) args[place] = sets.numberOf(one);
  }
  return { start: pastEmpty(inst, start), acts, outs, args, sets: sets.all, areSetsKnown: sets.areKnown };
}

function actOf(op: number): number {
  if (op >= code.rune && op <= code.anyNotNewline) return act.take;
  if (op === code.alt || op === code.altMatch) return act.choose;
  if (op === code.empty) return act.check;
  return op === code.match ? act.match : act.fail;
}

/** Skips the instructions that do nothing: re2js has some for captured groups. */
function pastEmpty(inst: readonly Instruction[], place: number): number {
  for (let at = place; ; ) {
    const one = inst[at];
    if (one?.op !== code.capture && one?.op !== code.nop) return at;
    at = one.out;
  }
}

/** Copies of a character or a class share their content, and so one set. */
class Sets {
  readonly all: CharacterSet[] = [];
  areKnown = true;
  readonly #numbers = new Map<ArrayLike<number>, Map<boolean, number>>();

  numberOf(one: Instruction): number {
    const isFolded = (one.arg & foldCase) !== 0;
    const numbers = this.#numbers.get(one.runes) ?? new Map<boolean, number>();
    this.#numbers.set(one.runes, numbers);
    const number = numbers.get(isFolded) ?? this.all.push(new RuneSet(one)) - 1;
    numbers.set(isFolded, number);
    if (isFolded && (one.runes[0] ?? 0) > 0x7f) this.areKnown = false;
    return number;
  }
}

class RuneSet implements CharacterSet {
  readonly #one: Instruction;

  constructor(one: Instruction) {
    this.#one = one;
  }

  has(character: number): boolean {
    return this.#one.matchRune(character);
  }

  get edgeCount(): number {
    return this.#isFolded ? caseEdges(0).length : Math.max(2, this.#one.runes.length);
  }

  get edges(): readonly number[] {
    const { runes } = this.#one;
    const first = runes[0] ?? 0;
    if (this.#isFolded) return caseEdges(first);
    if (runes.length === 1) return [first, first + 1];
    return Array.from(runes, (edge, at) => (at % 2 === 0 ? edge : edge + 1));
  }

  get #isFolded(): boolean {
    return this.#one.runes.length === 1 && (this.#one.arg & foldCase) !== 0;
  }
}

/**
 * Returns the edges of an ASCII letter in both cases, and of the two signs beyond ASCII that fold to one: K (kelvin)
 * and ſ (long s).
 */
function caseEdges(letter: number): number[] {
  const [lower, upper] = [letter | 0x20, letter & ~0x20];
  return [letter, letter + 1, lower, lower + 1, upper, upper + 1, 0x17f, 0x180, 0x212a, 0x212b];
}

const nothing = -1;

const words = Uint8Array.from({ length: 0x80 }, (_, character) => (/\w/.test(String.fromCharCode(character)) ? 1 : 0));

export const isWord = (character: number): boolean => words[character] === 1;

/** Returns the conditions that hold between two characters; -1 is an end of the key. */
export function sightBetween(before: number, after: number): number {
  let seen: number = isWord(before) === isWord(after) ? sight.noWord : sight.word;
  if (before === nothing) seen |= sight.begin | sight.beginLine;
  else if (before === 0x0a) seen |= sight.beginLine;
  if (after === nothing) seen |= sight.end | sight.endLine;
  else if (after === 0x0a) seen |= sight.endLine;
  return seen;
}

export interface Reached {
  readonly isMatched: boolean;
  /** Places that wait for a character. */
  readonly waiting: readonly number[];
}

/** The working memory of `reach`: places to visit, and the call that last visited each. */
const open = new Uint16Array(2 * maxRegexSize);
const visits = new Uint32Array(maxRegexSize + 2);
let visit = 0;

/** Finds all places that a program reaches from these places without another character. */
export function reach({ acts, outs, args }: Program, places: readonly number[], seen: number): Reached {
  const waiting: number[] = [];
  let isMatched = false;
  visit = (visit + 1) >>> 0;
  // After this many calls the numbers restart.
  if (visit === 0) {
    visits.fill(0);
    visit = 1;
  }
  for (const from of places) {
    let left = 1;
    open[0] = from;
    while (left > 0) {
      const place = open[--left] ?? 0;
      if (visits[place] === visit) continue;
      visits[place] = visit;
      const does = acts[place];
      if (does === act.match) isMatched = true;
      else if (does === act.take) waiting.push(place);
      else if (does === act.choose) {
        open[left++] = args[place] ?? 0;
        open[left++] = outs[place] ?? 0;
      } else if (does === act.check && ((args[place] ?? 0) & ~seen) === 0) open[left++] = outs[place] ?? 0;
    }
  }
  return { isMatched, waiting };
}
