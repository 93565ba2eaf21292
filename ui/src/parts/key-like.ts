/*
 * Texts that may be somebody's whole key. What is typed into a search box gets into the page's address and into a request
 * line, where browsers, proxies and logs keep it; so a key must not be searched for there.
 */

/** The longest text that a key of this gateway can have before its random part: `tok_` and a prefix of 32 characters. */
const longestBeginning = 'tok_'.length + 32 + 1;
/** Prefixes have no capitals, random parts have them soon. */
const shortestPart = 20;
const shortestForeignKey = 32;

/** A key that this gateway has drawn, or a good part of one; not a pattern. */
export function looksDrawnHere(text: string): boolean {
  const word = text.trim();
  if (!/^tok_[\w-]*$/.test(word)) return false;
  return word.length > longestBeginning || (word.length >= shortestPart && /[A-Z]/.test(word));
}

/** That, or one long word in which capitals, small letters and digits are mixed, as keys are drawn elsewhere. */
export function looksLikeKey(text: string): boolean {
  const word = text.trim();
  const isMixed = /[A-Z]/.test(word) && /[a-z]/.test(word) && /[0-9]/.test(word);
  return looksDrawnHere(word) || (word.length >= shortestForeignKey && /^[\w+/=.-]+$/.test(word) && isMixed);
}
