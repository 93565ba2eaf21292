/**
 * Searches for a key that one pattern matches and none of several others: a walk through all of their automata at once,
 * shortest keys first, over one character of every kind that they distinguish. If the walk ends without such a key,
 * none exists, whatever its characters.
 *
 * Keys are those that HTTP can carry: no control characters except the tab, and of a bounded length.
 */

import type { CharacterSet } from '../matching/regex-program.ts';
import { type Automaton, dead, full } from './automaton.ts';

/** The limit of authentication. */
export const maxKeyLength = 256;

const carried: readonly (readonly [number, number])[] = [
  [0x09, 0x0a],
  [0x20, 0x7f],
  [0x80, 0xd800],
  [0xe000, 0x110000],
];

/** The steps of automata that a search may still take, weighted by their cost. */
export interface Effort {
  left: number;
}

/** A key, null if there is none, or undefined if the effort was not enough to decide. */
export type Outside = string | null | undefined;

interface Node {
  readonly states: readonly number[];
  readonly key: string;
  readonly length: number;
}

/** The steps after which a search yields to other work. */
const stretch = 500;

/** `fresh`: the preferred character, ideally one that no pattern uses. */
export function* keyOutside(
  target: Automaton,
  covers: readonly Automaton[],
  fresh: number,
  effort: Effort,
): Generator<void, Outside> {
  const all = [target, ...covers];
  const characters = representatives(
    all.flatMap(({ sets }) => sets),
    fresh,
    effort,
  );
  if (characters === null) return undefined;
  const begin: Node = { states: all.map(({ start }) => start), key: '', length: 0 };
  const seen = new Set<string>();
  const queue = isHopeless(begin.states) ? [] : [begin];
  const cost = all.reduce((sum, automaton) => sum + automaton.cost, 0);
  let pause = effort.left - stretch;
  // `queue` grows during the loop.
  for (const node of queue) {
    if (node.length === maxKeyLength) return null;
    for (const character of characters) {
      const states = all.map((automaton, at) => automaton.next(node.states[at] ?? dead, character));
      effort.left -= cost;
      const name = states.join();
      if (isHopeless(states) || seen.has(name)) continue;
      seen.add(name);
      const key = node.key + String.fromCodePoint(character);
      if (isOutside(all, states)) return key;
      queue.push({ states, key, length: node.length + 1 });
    }
    if (effort.left <= 0) return undefined;
    if (effort.left > pause) continue;
    pause = effort.left - stretch;
    yield;
  }
  return null;
}

/** The target can no longer match, or one of the others matches every continuation. */
const isHopeless = ([target, ...covers]: readonly number[]): boolean => target === dead || covers.includes(full);

const isOutside = (all: readonly Automaton[], states: readonly number[]): boolean =>
  all.every((automaton, at) => automaton.accepts(states[at] ?? dead) === (at === 0));

/** Returns one character of each kind that the sets distinguish, the kind of `fresh` first. */
function representatives(sets: readonly CharacterSet[], fresh: number, effort: Effort): number[] | null {
  const edgeCount = sets.reduce((sum, set) => sum + set.edgeCount, 2 * carried.length);
  effort.left -= (edgeCount * sets.length) >> 3;
  if (effort.left <= 0) return null;
  const edges = new Set(sets.flatMap(set => set.edges));
  for (const [from, to] of carried) edges.add(from).add(to);
  const candidates = [fresh, ...edges].filter(one => carried.some(([from, to]) => from <= one && one < to));
  const byKind = new Map<string, number>();
  for (const character of candidates) {
    const kind = sets.map(set => (set.has(character) ? '1' : '0')).join('');
    if (!byKind.has(kind)) byKind.set(kind, character);
  }
  return [...byKind.values()];
}
