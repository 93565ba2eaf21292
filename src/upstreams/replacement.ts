import type { Body, Span } from '../domain/body.ts';

export interface Replacement extends Span {
  readonly text: string;
}

/** The replaced spans are in order and do not overlap; an empty span is an insertion point. */
export function withTexts({ pieces, bytes }: Body, replaced: readonly Replacement[]): Body {
  const spliced: Buffer[] = [];
  let size = bytes;
  let next = 0;
  let before = 0;
  /** The end of what is written or replaced so far. */
  let done = 0;
  for (const piece of pieces) {
    const end = before + piece.length;
    const keep = (to: number) => {
      const from = Math.max(done, before);
      if (from < to) spliced.push(piece.subarray(from - before, to - before));
    };
    for (let at = replaced[next]; at !== undefined && at.from < end; at = replaced[++next]) {
      keep(at.from);
      const text = Buffer.from(at.text);
      spliced.push(text);
      size += text.length - (at.to - at.from);
      done = at.to;
    }
    keep(end);
    before = end;
  }
  return { pieces: spliced, bytes: size };
}
