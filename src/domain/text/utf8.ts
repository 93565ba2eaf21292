/** Text from outside: valid UTF-8 or refused, because silently replaced bytes would change a name or a key. */
export type Utf8 = { readonly text: string } | { readonly fault: string };

/**
 * Returns the text without a byte order mark, or a fault that completes a sentence which begins with the file's name.
 */
export function utf8(bytes: Uint8Array): Utf8 {
  if (looksLikeUtf16(bytes)) return { fault: 'is UTF-16 and must be UTF-8: save it in that encoding' };
  const text = decoded(bytes);
  if (text === null) return { fault: `is not UTF-8 in line ${faultyLine(bytes)}: save it in that encoding` };
  const nul = text.indexOf('\0');
  return nul < 0 ? { text } : { fault: `has a NUL character in line ${text.slice(0, nul).split('\n').length}` };
}

/** Detected by the byte order mark, or by a 0 in every other of the first bytes. */
const looksLikeUtf16 = ([first, second, third, fourth]: Uint8Array): boolean =>
  (first === 0xff && second === 0xfe) ||
  (first === 0xfe && second === 0xff) ||
  (first === 0 && second !== 0 && third === 0) ||
  (second === 0 && first !== 0 && fourth === 0);

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

const lineFeed = 0x0a;

/** A multi-byte character never contains the byte of a line feed, so each line can be decoded alone. */
function faultyLine(bytes: Uint8Array): number {
  for (let line = 1, at = 0; ; line++) {
    const end = bytes.indexOf(lineFeed, at);
    if (end < 0 || decoded(bytes.subarray(at, end)) === null) return line;
    at = end + 1;
  }
}
