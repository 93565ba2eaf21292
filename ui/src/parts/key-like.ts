/* Texts that may be a whole key. Text in a search box gets into the page's address and into a request line, which
   browsers, proxies and logs keep; so a key must not be searched for there. */

/** The longest text before the random part of a key: `tok_` and a prefix of 32 characters. */
const longestBeginning = 'tok_'.length + 32 + 1;
/** Prefixes have no capitals; a random part of this length nearly always has one. */
const shortestPart = 20;
const shortestForeignKey = 32;

/** Whether the text is a key that this gateway has created, or a large part of one; not a pattern. */
export function looksDrawnHere(text: string): boolean {
  const word = text.trim();
  if (!/^tok_[\w-]*$/.test(word)) return false;
  return word.length > longestBeginning || (word.length >= shortestPart && /[A-Z]/.test(word));
}

/** The same, or one long word that mixes capitals, small letters and digits, like the keys of other systems. */
export function looksLikeKey(text: string): boolean {
  const word = text.trim();
  const isMixed = /[A-Z]/.test(word) && /[a-z]/.test(word) && /[0-9]/.test(word);
  return looksDrawnHere(word) || (word.length >= shortestForeignKey && /^[\w+/=.-]+$/.test(word) && isMixed);
}
