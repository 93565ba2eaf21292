/**
 * What a mapping row's pattern means, and what is wrong with one that cannot be used.
 *
 *   exact     the whole key, or `sha256:<hex of the key>`      prefix   `tok_prod` or `tok_prod*`
 *   suffix    `_ci` or `*_ci`                                   contains `_ml_` or `*_ml_*`
 *   regex     RE2 syntax, searched anywhere in the key          `*` alone matches all (not exact, not regex)
 */
import { hash } from 'node:crypto';
import { RE2JS } from 're2js';
import type { MatchType } from '../domain/vocabulary.ts';

export const maxPatternLength = 512;
export const maxRegexLength = 256;
/** Copies that counted repetitions (`{n}`, `{n,m}`) make in all; nested ones multiply. */
export const maxRegexCopies = 100;
/** What a regex expands to, a class or a character counting one: bounds compile time to about 2 ms. */
export const maxRegexSteps = 1000;

export type Pattern =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'digest'; readonly hex: string }
  | { readonly kind: 'prefix' | 'suffix' | 'contains'; readonly text: string }
  | { readonly kind: 'regex'; readonly regex: { test(key: string): boolean } };

export interface FaultyPattern {
  readonly kind: 'faulty';
  /** What is wrong and what is allowed; holds nothing of an exact pattern. */
  readonly fault: string;
}

const faulty = (fault: string): FaultyPattern => ({ kind: 'faulty', fault });

export function parsePattern(matchType: MatchType, text: string): Pattern | FaultyPattern {
  const length = [...text].length;
  if (length < 1 || length > maxPatternLength)
    return faulty(`a pattern has 1 to ${maxPatternLength} characters, not ${length}`);
  if (!isPrintable(text)) return faulty('a pattern holds no control characters (a line break, say) and no half ones');
  switch (matchType) {
    case 'exact':
      return parseExact(text);
    case 'prefix':
      return { kind: 'prefix', text: withoutStarAtEnd(text) };
    case 'suffix':
      return { kind: 'suffix', text: withoutStarAtStart(text) };
    case 'contains':
      return { kind: 'contains', text: withoutStarAtEnd(withoutStarAtStart(text)) };
    case 'regex':
      return parseRegex(text, length);
    default:
      return faulty(`match_type ${JSON.stringify(matchType satisfies never)} is unknown`);
  }
}

/** What can stand in one line of a log and be stored as text. */
export const isPrintable = (text: string): boolean => text.isWellFormed() && !/\p{Cc}/u.test(text);

const withoutStarAtStart = (text: string) => (text.startsWith('*') ? text.slice(1) : text);
const withoutStarAtEnd = (text: string) => (text.endsWith('*') ? text.slice(0, -1) : text);

const digestPrefix = 'sha256:';

function parseExact(text: string): Pattern | FaultyPattern {
  if (!text.startsWith(digestPrefix)) return { kind: 'key', key: text };
  const hex = text.slice(digestPrefix.length).toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(hex))
    return faulty('after sha256: come the 64 hex digits of the SHA-256 of the whole key');
  return { kind: 'digest', hex };
}

/** Lowercase hex SHA-256 of a whole key, as in `sha256:<hex>`. */
export const digestOfKey = (key: string): string => hash('sha256', key);

/** The digest that both spellings of one exact key share. */
export function digestOfExact(text: string): string {
  const parsed = parseExact(text);
  return parsed.kind === 'digest' ? parsed.hex : digestOfKey(text);
}

function parseRegex(text: string, length: number): Pattern | FaultyPattern {
  if (length > maxRegexLength) return faulty(`a regex has at most ${maxRegexLength} characters, not ${length}`);
  const { copies, steps } = measureRegex(text);
  if (copies > maxRegexCopies)
    return faulty(
      `counted repetitions make at most ${maxRegexCopies} copies in all (nested ones multiply), not ${copies}`,
    );
  if (steps > maxRegexSteps) return faulty(`a regex expands to at most ${maxRegexSteps} steps, not ${steps}`);
  try {
    return { kind: 'regex', regex: RE2JS.compile(text) };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace('error parsing regexp: ', '') : String(error);
    return faulty(`not a regular expression in RE2 syntax: ${reason}`);
  }
}

/** The first compilation costs about 15 ms of just-in-time work: pay it before anyone waits. */
export function warmUpRegexEngine(): void {
  RE2JS.compile('(?i)^tok_[a-z\\d]{2,20}(_ci|-\\pL+)?$').test('tok_warm-up');
}

interface Weight {
  /** Copies made by counted repetitions. */
  readonly copies: number;
  /** Characters and classes after all repetitions are written out. */
  readonly steps: number;
}

// One token of RE2 syntax, as far as repetitions care: a quoted text, an escape with its braces, a
// class, a group's opening, a counted repetition, or a single character.
const tokens =
  /\\Q.*?(?:\\E|$)|\\(?:[xpP]\{[^}]*\}|.)|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]?|\((?:\?[^:>)]*[:>]?)?|\{\d+(?:,\d*)?\}|./gsu;

const nothing: Weight = { copies: 0, steps: 0 };
const plus = (a: Weight, b: Weight): Weight => ({ copies: a.copies + b.copies, steps: a.steps + b.steps });

/** How much a regex grows when its counted repetitions are written out; never compiles it. */
function measureRegex(text: string): Weight {
  const outer: Weight[] = [];
  // The group that is open: all but its last item, and that item, which a repetition may multiply.
  let before = nothing;
  let last = nothing;
  const append = (item: Weight) => {
    before = plus(before, last);
    last = item;
  };
  for (const token of text.match(tokens) ?? []) {
    if (token.startsWith('(')) {
      outer.push(plus(before, last));
      before = last = nothing;
    } else if (token === ')') {
      const group = plus(before, last);
      before = outer.pop() ?? nothing;
      last = group;
    } else if (/^\{\d/.test(token)) {
      const times = Math.max(1, ...token.slice(1, -1).split(',').map(Number));
      last = { copies: times * Math.max(1, last.copies), steps: times * last.steps };
    } else if (!'*+?|'.includes(token)) {
      append({ copies: 0, steps: token.startsWith('\\Q') ? token.length : 1 });
    }
  }
  return [...outer, before, last].reduce(plus);
}
