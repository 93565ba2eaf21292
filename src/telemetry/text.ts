/*
 * Strings of clients and operators on their way into a log line. A line break or a terminal's control
 * sequence in one of them must not forge a second line or a field.
 */

const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const bare = /^[\x21\x23-\x3c\x3e-\x5b\x5d-\x7e]+$/;

/** Returns the text between the quotes of a JSON string; ordinary text stays unchanged. */
export const jsonInner = (text: string): string => (plain.test(text) ? text : JSON.stringify(text).slice(1, -1));

/** Without control, format and separator characters, which a terminal acts on instead of showing them. */
export const printable = (text: string): string =>
  plain.test(text) ? text : text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '');

/** The value of a `key=value`: in quotes unless it is one plain word. */
export const wordOrQuoted = (text: string): string => (bare.test(text) ? text : JSON.stringify(printable(text)));

export const cut = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest)}...`;

const shownOfKey = 8;

/** Returns the part of a key that may be shown: its first 8 characters. */
export const shownKey = (key: string): string => `${key.slice(0, shownOfKey)}...`;

/** An exact pattern is a key, or `sha256:` and the key's hash. */
export const shownExactPattern = (pattern: string): string =>
  pattern.startsWith('sha256:') ? `${pattern.slice(0, 'sha256:'.length + shownOfKey)}...` : shownKey(pattern);

/** `risk-…` is a word; `%2Fsk-…`, as in a path, is not. */
const key = /(?:tok_|(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))sk-)[\w-]{9,}/g;

/** Keys that a library put into the text of its error, or a client into a wrong place. */
export const withoutKeys = (text: string): string =>
  // Most texts contain no key, and several of every request are checked.
  text.includes('tok_') || text.includes('sk-') ? text.replace(key, shownKey) : text;

/** A text of a client or an operator: cut, and without keys, also without one that the cut would leave the half of. */
export const shownText = (text: string, longest: number): string =>
  cut(withoutKeys(text.slice(0, 2 * longest)), longest);

/** Rows written by hand may hold any text. */
export const shownName = (name: string): string => JSON.stringify(withoutKeys(name.slice(0, 64)));

/** One line; an AggregateError, as of a refused connection, has no message of its own. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return withoutKeys(String(error));
  const code = 'code' in error ? String(error.code) : error.name;
  return withoutKeys(error.message === '' ? code : error.message);
};
