/**
 * Finds the end of a JSON string with a native search, so a long prompt costs almost nothing. Resumable at every byte.
 */
export const quote = 0x22;
const backslash = 0x5c;

/** The first bytes of a string are read one by one; after that the search for its end is native. */
const nearBytes = 32;
const maxNearBytes = 2048;

export class StringEnd {
  /** A backslash before it escapes the first byte of the next piece. */
  #isEscaped = false;

  /** Returns the offset of the quote that ends the string which continues at `from`; -1 if it is not in this piece. */
  find(piece: Buffer, from: number): number {
    const { length } = piece;
    let at = this.#isEscaped ? from + 1 : from;
    this.#isEscaped = false;
    for (let stretch = nearBytes; at < length; ) {
      const near = Math.min(at + stretch, length);
      while (at < near) {
        const byte = piece[at];
        if (byte === quote) return at;
        at += byte === backslash ? 2 : 1;
      }
      if (at >= length) break;
      const end = piece.indexOf(quote, at);
      const stop = end === -1 ? length : end;
      // Everything before `at` is read, so only backslashes from here on can escape the byte at `stop`.
      let unescaped = stop;
      while (unescaped > at && piece[unescaped - 1] === backslash) unescaped--;
      const isEscaped = (stop - unescaped) % 2 === 1;
      if (end === -1) {
        this.#isEscaped = isEscaped;
        return -1;
      }
      if (!isEscaped) return end;
      // Where escaped quotes are close together, reading bytes is faster than searching.
      stretch = end - at < nearBytes ? Math.min(stretch * 2, maxNearBytes) : nearBytes;
      at = end + 1;
    }
    this.#isEscaped = at > length;
    return -1;
  }
}
