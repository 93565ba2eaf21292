const backslash = 0x5c;
const lowerU = 0x75;
const zero = 0x30;
/** The longest watched name, in characters. */
const longestName = 32;
/** The longest spelling of a watched name: every character as `\u00xx`. */
export const maxNameBytes = 6 * longestName;
/** An escaped character makes a name five bytes longer. */
const escapeGrowth = 5;

interface Watched {
  readonly bytes: Buffer;
  readonly place: number;
}

/** Names of watched members: up to 255 names of ASCII characters, each at most 32 characters long. */
export class MemberNames<Name extends string = string> {
  readonly #byLength: (Watched[] | undefined)[] = [];
  readonly #places = new Map<string, number>();
  readonly #shortestEscaped: number;

  constructor(names: readonly Name[]) {
    for (const [index, name] of names.entries()) {
      const sameLength = this.#byLength[name.length] ?? [];
      sameLength.push({ bytes: Buffer.from(name), place: index + 1 });
      this.#byLength[name.length] = sameLength;
      this.#places.set(name, index + 1);
    }
    this.#shortestEscaped = Math.min(...names.map(name => name.length)) + escapeGrowth;
  }

  /** Returns 1 for the first name, and so on. */
  placeOf(name: Name): number {
    return this.#places.get(name) ?? 0;
  }

  /** Returns the place of the name in these bytes, escaped or not; 0 if it is not watched. */
  find(text: Buffer, from: number, to: number): number {
    const sameLength = this.#byLength[to - from];
    if (sameLength !== undefined) {
      for (const { bytes, place } of sameLength) if (isAt(text, from, bytes)) return place;
    }
    return to - from < this.#shortestEscaped ? 0 : this.#findEscaped(text, from, to);
  }

  #findEscaped(text: Buffer, from: number, to: number): number {
    if (!hasBackslash(text, from, to)) return 0;
    let name = '';
    for (let at = from; at < to; at++) {
      let byte = text[at] ?? 0;
      if (byte === backslash) {
        byte = escapedAt(text, at, to);
        at += escapeGrowth;
      }
      if (byte === 0 || name.length === longestName) return 0;
      name += String.fromCharCode(byte);
    }
    return this.#places.get(name) ?? 0;
  }
}

function isAt(text: Buffer, from: number, bytes: Buffer): boolean {
  for (let index = 0; index < bytes.length; index++) if (text[from + index] !== bytes[index]) return false;
  return true;
}

function hasBackslash(text: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (text[at] === backslash) return true;
  return false;
}

/**
 * Returns the character of a `\u00xx`; 0 for any other escape, because no watched name has a character that needs one.
 */
function escapedAt(text: Buffer, at: number, to: number): number {
  const isAscii = at + escapeGrowth < to && text[at + 1] === lowerU && text[at + 2] === zero && text[at + 3] === zero;
  return isAscii ? Number.parseInt(text.toString('latin1', at + 4, at + 6), 16) || 0 : 0;
}
