/**
 * Parses the pattern of a mapping row, and names the fault of an unusable one.
 *
 *   exact     the whole key, or `sha256:<hex of the key>`      prefix   `tok_prod` or `tok_prod*`
 *   suffix    `_ci` or `*_ci`                                   contains `_ml_` or `*_ml_*`
 *   regex     RE2 syntax, searched anywhere in the key          `*` alone matches all (not exact, not regex)
 */
import { hash } from 'node:crypto';
import type { MatchType } from '../../domain/vocabulary.ts';
import { Regex } from './regex.ts';
import { RegexFault } from './regex-program.ts';

export const maxPatternLength = 512;
const maxRegexLength = 256;
/** The most copies that counted repetitions (`{n}`, `{n,m}`) make in total; nested ones multiply. */
const maxRegexCopies = 100;

export type Pattern =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'digest'; readonly hex: string }
  | { readonly kind: 'prefix' | 'suffix' | 'contains'; readonly text: string }
  | { readonly kind: 'regex'; readonly regex: Regex };

export interface FaultyPattern {
  readonly kind: 'faulty';
  /** The fault and what is allowed; contains nothing of an exact pattern. */
  readonly fault: string;
}

const faulty = (fault: string): FaultyPattern => ({ kind: 'faulty', fault });

export function parsePattern(matchType: MatchType, text: string): Pattern | FaultyPattern {
  // The exact length of a very long text is not needed.
  const length = text.length > 2 * maxPatternLength ? text.length : [...text].length;
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

/** Whether the text fits in one line of a log and can be stored. */
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

/** Returns the digest that both spellings of one exact key share. */
export function digestOfExact(text: string): string {
  const parsed = parseExact(text);
  return parsed.kind === 'digest' ? parsed.hex : digestOfKey(text);
}

function parseRegex(text: string, length: number): Pattern | FaultyPattern {
  if (length > maxRegexLength) return faulty(`a regex has at most ${maxRegexLength} characters, not ${length}`);
  const copies = copiesIn(text);
  if (copies > maxRegexCopies)
    return faulty(
      `counted repetitions make at most ${maxRegexCopies} copies in all (nested ones multiply), not ${copies}`,
    );
  try {
    return { kind: 'regex', regex: new Regex(text) };
  } catch (error) {
    if (error instanceof RegexFault) return faulty(`a regex ${error.message}`);
    const reason = error instanceof Error ? error.message.replace('error parsing regexp: ', '') : String(error);
    return faulty(`not a regular expression in RE2 syntax: ${reason}`);
  }
}

/** The first compilation costs about 15 ms of just-in-time work, so it is done before the first request. */
export function warmUpRegexEngine(): void {
  new Regex('(?i)^tok_[a-z\\d]{2,20}(_ci|-\\pL+)?$').test('tok_warm-up');
}

// One token of RE2 syntax, as far as repetitions depend on it: a quoted text, an escape with its braces, a class, a
// group's opening, a counted repetition, or a single character.
const tokens =
  /\\Q.*?(?:\\E|$)|\\(?:[xpP]\{[^}]*\}|.)|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]?|\((?:\?[^:>)]*[:>]?)?|\{\d+(?:,\d*)?\}|./gsu;

/** Returns the number of copies that a regex's counted repetitions make; never parses the regex. */
function copiesIn(text: string): number {
  const outer: number[] = [];
  // The open group: all but its last item, and that item, which a repetition may multiply.
  let before = 0;
  let last = 0;
  for (const token of text.match(tokens) ?? []) {
    if (token.startsWith('(')) {
      outer.push(before + last);
      before = last = 0;
    } else if (token === ')') {
      last = before + last;
      before = outer.pop() ?? 0;
    } else if (/^\{\d/.test(token)) {
      const times = Math.max(1, ...token.slice(1, -1).split(',').map(Number));
      last = times * Math.max(1, last);
    } else if (!'*+?|'.includes(token)) {
      before += last;
      last = 0;
    }
  }
  return outer.reduce((sum, copies) => sum + copies, before + last);
}
