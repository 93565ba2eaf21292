/** Points from left to right: moments in ms since 1970, and a value or null for each line. */
export interface ChartProps {
  /** The description for screen readers. */
  readonly label: string;
  readonly times: readonly number[];
  readonly lines: readonly {
    readonly name: string;
    readonly color: string;
    readonly dash?: readonly number[];
    readonly values: readonly (number | null)[];
  }[];
  readonly height: number;
  /** The minimum top of the scale, so that its marks differ as text; 1 by default. */
  readonly leastTop?: number;
  /** Without axes: a small chart in a table. */
  readonly isSmall?: boolean;
  readonly valueText: (value: number | null) => string;
}
