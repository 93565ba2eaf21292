/** Whether a pattern matches a key, or the keys of which only the beginning is known. */

import { digestOfKey, type FaultyPattern, type Pattern } from '../matching/pattern.ts';
import { type Automaton, automatonOf, dead, full } from './automaton.ts';
import { type Effort, keyOutside } from './cover.ts';

/** Of all keys with this beginning: every one, none, or some perhaps. */
export type Answer = 'match' | 'no match' | 'unknown';

export function matchesKey(pattern: Pattern | FaultyPattern, key: string): boolean {
  switch (pattern.kind) {
    case 'key':
      return key === pattern.key;
    case 'digest':
      return digestOfKey(key) === pattern.hex;
    case 'prefix':
      return key.startsWith(pattern.text);
    case 'suffix':
      return key.endsWith(pattern.text);
    case 'contains':
      return key.includes(pattern.text);
    case 'regex':
      return pattern.regex.test(key);
    case 'faulty':
      return false;
  }
}

/** The effort for one pattern; a regex that would need more is 'unknown'. */
const effortPerPattern = 5_000;

/** A caller with many beginnings passes the object that caches automata. */
export function* answerFor(
  pattern: Pattern | FaultyPattern,
  beginning: string,
  automatonFor: typeof automatonOf = automatonOf,
): Generator<void, Answer> {
  switch (pattern.kind) {
    case 'faulty':
      return 'no match';
    case 'key':
      return pattern.key.startsWith(beginning) ? 'unknown' : 'no match';
    case 'digest':
      return 'unknown';
    case 'prefix':
      if (beginning.startsWith(pattern.text)) return 'match';
      return pattern.text.startsWith(beginning) ? 'unknown' : 'no match';
    case 'suffix':
      return pattern.text === '' ? 'match' : 'unknown';
    case 'contains':
      return beginning.includes(pattern.text) ? 'match' : 'unknown';
    case 'regex':
      return yield* answerOfRegex(automatonFor(pattern), beginning);
  }
}

const anyKey = automatonOf({ kind: 'prefix', text: '' });

function* answerOfRegex(automaton: Automaton | null, beginning: string): Generator<void, Answer> {
  if (automaton === null || anyKey === null) return 'unknown';
  let state = automaton.start;
  for (const character of beginning) state = automaton.next(state, character.codePointAt(0) ?? 0);
  if (state === full) return 'match';
  if (state === dead) return 'no match';
  const rest = { ...automaton, start: state };
  const isMatchedHere = automaton.accepts(state);
  const effort: Effort = { left: effortPerPattern };
  const some = isMatchedHere ? '' : yield* keyOutside(rest, [], freshest, effort);
  if (some === null) return 'no match';
  const other = isMatchedHere ? yield* keyOutside(anyKey, [rest], freshest, effort) : '';
  return other === null ? 'match' : 'unknown';
}

/** Rare in patterns; any other character would work. */
const freshest = 0xe0;
