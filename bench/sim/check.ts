/** One line of a table: the published figure, the simulator's, and the allowed difference. */
export interface Check {
  readonly what: string;
  readonly published: string;
  readonly ours: string;
  readonly tolerance: string;
  readonly isMet: boolean;
}

interface Figures {
  readonly what: string;
  readonly published: readonly number[];
  readonly ours: readonly number[];
  readonly digits?: number;
}

/** Every figure within this share of the published one. */
export const within = (share: number, figures: Figures): Check =>
  check(figures, `±${percent(share)}`, (published, ours) => Math.abs(ours - published) <= share * published);

/** No figure greater than the published one, or than that many times it. */
export const atMost = (factor: number, figures: Figures): Check =>
  check(figures, factor === 1 ? 'at most' : `at most ${factor} ×`, (published, ours) => ours <= factor * published);

/** Every figure equal to the published one. */
export const exactly = (figures: Figures): Check =>
  check(figures, 'equal', (published, ours) => Math.abs(ours - published) <= 1e-9);

/** An answer that is not a figure. */
export const sameAnswer = (what: string, published: string, ours: string): Check => ({
  what,
  published,
  ours,
  tolerance: 'equal',
  isMet: published === ours,
});

/** A claim without a figure of its own. */
export const claim = (what: string, published: string, ours: string, tolerance: string, isMet: boolean): Check => ({
  what,
  published,
  ours,
  tolerance,
  isMet,
});

function check(
  { what, published, ours, digits = 1 }: Figures,
  tolerance: string,
  isMet: (published: number, ours: number) => boolean,
): Check {
  const listed = (figures: readonly number[]) => figures.map(figure => rounded(figure, digits)).join(' / ');
  return {
    what,
    published: listed(published),
    ours: listed(ours),
    tolerance,
    isMet: published.length === ours.length && published.every((figure, index) => isMet(figure, ours[index] ?? NaN)),
  };
}

/** Formats with thousands separators, and at most the decimals of the input. */
export const rounded = (figure: number, digits: number): string =>
  figure.toLocaleString('en', { maximumFractionDigits: Math.abs(figure) >= 1000 ? 0 : digits });

export const percent = (share: number): string => `${rounded(share * 100, 2)} %`;

export const median = (values: readonly number[]): number => {
  const ascending = values.toSorted((a, b) => a - b);
  const middle = ascending.length >> 1;
  const upper = ascending[middle] ?? Number.NaN;
  return ascending.length % 2 === 1 ? upper : ((ascending[middle - 1] ?? Number.NaN) + upper) / 2;
};
