/**
 * Finds the text that completes the beginning of a JSON object. For an event that was cut: SDKs throw a syntax error at
 * half an event before they read the event with the reason.
 *
 *   {"choices":[{"delta":{"content":"hel   +   "}}],"error":{…}}
 */
type Expected = 'root' | 'first name' | 'name' | 'colon' | 'value' | 'first element' | 'element' | 'separator';

/** A placeholder for the expected token, so that its container can be closed. */
const fillers: Readonly<Record<Expected, string>> = {
  root: '',
  'first name': '',
  name: '"":null',
  colon: ':null',
  value: 'null',
  'first element': '',
  element: 'null',
  separator: '',
};
const isValueExpected = (expected: Expected): boolean => /root|value|element/.test(expected);
const isNameExpected = (expected: Expected): boolean => expected === 'name' || expected === 'first name';

/** A bracket, colon or comma; a string, with its closing quote if it has one; a number or word; or the end. */
const token = /[\t\n\r ]*(?:([{}[\]:,])|("[^"\\]*(?:\\[\s\S][^"\\]*)*)(?:(")|\\?$)|([^\s{}[\]:,"]+)|$)/y;
const cutUnicode = /\\u[\da-f]{0,3}$/i;
const escapedEnd = /(?:^|[^\\])(?:\\\\)*\\$/;
const number = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;
const words = ['true', 'false', 'null'];

/** `last`: the member, as JSON, that the object is to end in. Null where this is the beginning of no object, or a whole one. */
export function completion(beginning: string, last: string): string | null {
  const cut = new CutJson();
  if (!cut.read(beginning)) return null;
  const { end, expected, inner } = cut;
  if (inner === '' && isNameExpected(expected)) return `${last}}`;
  return `${end}${fillers[expected]}${inner},${last}}`;
}

class CutJson {
  expected: Expected = 'root';
  /** The end of the token in which it was cut. */
  end = '';
  /** The closing brackets of the open ones, the innermost first. */
  readonly #closing: string[] = [];

  /** Returns the brackets that close all containers except the outermost. */
  get inner(): string {
    return this.#closing.slice(0, -1).join('');
  }

  /** False where it is malformed or complete. */
  read(text: string): boolean {
    for (let at = 0; at < text.length; at = token.lastIndex) {
      token.lastIndex = at;
      const [whole, sign, string, quote, word] = token.exec(text) ?? [];
      if (whole === undefined) return false;
      const isLast = token.lastIndex === text.length;
      if (sign !== undefined && !this.#sign(sign)) return false;
      if (string !== undefined && !this.#string(quote === undefined ? whole : null)) return false;
      if (word !== undefined && !this.#word(isLast ? word : null)) return false;
    }
    return this.#closing.at(-1) === '}';
  }

  #sign(sign: string): boolean {
    const { expected } = this;
    switch (sign) {
      case '{':
      case '[':
        this.#closing.unshift(sign === '{' ? '}' : ']');
        this.expected = sign === '{' ? 'first name' : 'first element';
        return isValueExpected(expected);
      case ':':
        this.expected = 'value';
        return expected === 'colon';
      case ',':
        this.expected = this.#closing[0] === '}' ? 'name' : 'element';
        return expected === 'separator';
      default:
        this.expected = 'separator';
        return this.#closing.shift() === sign && this.#closing.length > 0;
    }
  }

  /** `cut`: what there is of one that was cut. */
  #string(cut: string | null): boolean {
    const isName = isNameExpected(this.expected);
    if (!isName && !isValueExpected(this.expected)) return false;
    this.expected = isName ? 'colon' : 'separator';
    if (cut !== null) this.end = endOfString(cut);
    return this.#closing.length > 0;
  }

  #word(last: string | null): boolean {
    if (!isValueExpected(this.expected) || this.#closing.length === 0) return false;
    this.expected = 'separator';
    const end = last === null ? '' : endOfWord(last);
    this.end = end ?? '';
    return end !== null;
  }
}

function endOfString(cut: string): string {
  if (escapedEnd.test(cut)) return '\\"';
  const [unicode = ''] = cutUnicode.exec(cut) ?? [];
  const isEscape = unicode !== '' && escapedEnd.test(cut.slice(0, cut.length - unicode.length + 1));
  return isEscape ? `${'0'.repeat('\\uffff'.length - unicode.length)}"` : '"';
}

/** Null where it is the beginning of none. */
function endOfWord(cut: string): string | null {
  const word = words.find(whole => whole.startsWith(cut));
  if (word !== undefined) return word.slice(cut.length);
  return ['', '0'].find(end => number.test(cut + end)) ?? null;
}
