/** A line of the table that is printed at the end, for bench/README.md. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  /** Null: nothing to meet. */
  readonly isMet: boolean | null;
}

export const markdownOf = (rows: readonly Row[]): string =>
  [
    '| case | measured | target |',
    '|---|---|---|',
    ...rows.map(
      ({ what, measured, target, isMet }) =>
        `| ${what} | ${measured} | ${target}${isMet === false ? ', missed' : ''} |`,
    ),
  ].join('\n');
