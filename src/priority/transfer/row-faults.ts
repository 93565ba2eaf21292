/** The faults of rows in a file: the first ones, and their number. */

export interface RowFault {
  readonly index: number;
  readonly line: number | null;
  readonly field: string | null;
  readonly reason: string;
}

export interface RowFaults {
  /** In the order of the file. */
  readonly first: readonly RowFault[];
  readonly count: number;
}

const kept = 1_000;

/** Is given faults in the order of the file. */
export class FaultCount implements RowFaults {
  readonly first: RowFault[] = [];
  count = 0;

  add(fault: RowFault): void {
    this.count++;
    if (this.first.length < kept) this.first.push(fault);
  }
}

export const together = (all: readonly RowFaults[]): RowFaults => ({
  first: all
    .flatMap(({ first }) => first)
    .sort((a, b) => a.index - b.index)
    .slice(0, kept),
  count: all.reduce((sum, { count }) => sum + count, 0),
});
