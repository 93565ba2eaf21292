/** What a page of Markdown has in common with its translations: all but its words. */

/** What a piece of prose holds, in no order: languages order their sentences differently. */
interface Marks {
  readonly images: readonly string[];
  readonly links: readonly string[];
  readonly codes: readonly string[];
  readonly numbers: readonly string[];
  /** How often something is set in bold. */
  readonly strong: number;
}

export interface Part {
  readonly kind: string;
  /** The cells of a row; the whole of everything else. */
  readonly pieces: readonly string[];
}

const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, captured = '']) => captured);

const code = /`([^`]+)`/g;
/** An address that is not the target of a link with words; no other alphabet is part of it. */
const url = /(?<!\]\()(https?:[!-;=?-~]+)/g;

function marksOf(prose: string): Marks {
  const plain = prose.replace(code, '');
  const words = plain.replace(/\]\([^)\s]+\)/g, ']').replace(url, '');
  return {
    // Without alternative text it is none.
    images: found(plain, /!\[[^\]]+\]\(([^)\s]+)\)/g).toSorted(),
    links: [...found(plain, /(?<!!)\[[^\]]+\]\(([^)\s]+)\)/g), ...found(plain, url)].toSorted(),
    codes: found(prose, code).toSorted(),
    numbers: found(words, /(\d+(?:[.,]\d+)*)/g).toSorted(),
    strong: found(plain, /(\*\*[^*]+\*\*)/g).length,
  };
}

/** What is the same in every language word by word, and no prose. */
const isVerbatim = ({ kind }: Part): boolean => kind === 'code' || kind === 'comment';

/** Of a part: its kind, and its text where that is no prose, otherwise the marks of each of its pieces. */
export const outlineOf = (part: Part): object => ({
  kind: part.kind,
  holds: isVerbatim(part) ? part.pieces : part.pieces.map(marksOf),
});

/** The headings, paragraphs, items, rows, comments and blocks of code of a page, in their order. */
export function partsOf(page: string): Part[] {
  const parts: Part[] = [];
  let isOpen = false;
  for (const [chunk] of page.matchAll(/^```[^\n]*\n[\s\S]*?^```$|^.*$/gm)) {
    const part = partOf(chunk);
    const last = parts.at(-1);
    if (part === null) isOpen = false;
    else if (part.kind === 'text' && isOpen && last !== undefined)
      parts[parts.length - 1] = { kind: last.kind, pieces: [`${last.pieces[0]} ${chunk.trim()}`] };
    else {
      parts.push(part);
      isOpen = part.kind === 'text' || part.kind.endsWith('item');
    }
  }
  return parts;
}

/** Null for an empty line. */
function partOf(chunk: string): Part | null {
  if (chunk.trim() === '') return null;
  if (chunk.startsWith('```')) return { kind: 'code', pieces: [chunk] };
  if (chunk.startsWith('<!--')) return { kind: 'comment', pieces: [chunk] };
  if (chunk.startsWith('|')) return { kind: 'row', pieces: chunk.split('|').slice(1, -1) };
  const [, marker = ''] = /^(#{1,6}|\s*[-*]|\s*\d+\.|>) /.exec(chunk) ?? [];
  if (marker.startsWith('#')) return { kind: `heading ${marker.length}`, pieces: [chunk] };
  return { kind: marker === '' ? 'text' : `${marker} item`, pieces: [chunk] };
}
