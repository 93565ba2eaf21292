/** Where a string of JSON ends: a native search, so a long prompt costs almost nothing. Resumable at every byte. */
export const quote = 0x22;
const backslash = 0x5c;

/** A string is looked through byte by byte so far; then the search for its end goes native. */
const nearBytes = 32;
const maxNearBytes = 2048;

export class StringEnd {
  /** The first byte of the next piece belongs to a backslash before it. */
  #isEscaped = false;

  /** Where the quote stands that ends the string which goes on at `from`; -1 where it is not in this piece. */
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
      // All before `at` is read; so only the backslashes from here on can belong to what stands at `stop`.
      let unescaped = stop;
      while (unescaped > at && piece[unescaped - 1] === backslash) unescaped--;
      const isEscaped = (stop - unescaped) % 2 === 1;
      if (end === -1) {
        this.#isEscaped = isEscaped;
        return -1;
      }
      if (!isEscaped) return end;
      // Where escaped quotes stand close together, bytes are quicker than searches.
      stretch = end - at < nearBytes ? Math.min(stretch * 2, maxNearBytes) : nearBytes;
      at = end + 1;
    }
    this.#isEscaped = at > length;
    return -1;
  }
}
