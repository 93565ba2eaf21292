/** Points from left to right: moments in ms since 1970, and a value or null for each line. */
export interface ChartProps {
  /** What it shows, for those who do not see it. */
  readonly label: string;
  readonly times: readonly number[];
  readonly lines: readonly {
    readonly name: string;
    readonly color: string;
    readonly dash?: readonly number[];
    readonly values: readonly (number | null)[];
  }[];
  readonly height: number;
  /** The scale goes up to this at least, so that its marks differ as text; 1 unless told. */
  readonly leastTop?: number;
  /** Without axes: a small one within a table. */
  readonly isSmall?: boolean;
  readonly valueText: (value: number | null) => string;
}
