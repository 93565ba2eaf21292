const rowsPerStep = 1_024;

/** Yields rows, given in order of ID, in the order in which they win: by priority, then ID. */
export function* byPriority<Row extends { readonly priority: number }>(rows: readonly Row[]): Generator<void, Row[]> {
  const groups = new Map<number, Row[]>();
  for (const [at, row] of rows.entries()) {
    const same = groups.get(row.priority);
    if (same) same.push(row);
    else groups.set(row.priority, [row]);
    if (at % rowsPerStep === rowsPerStep - 1) yield;
  }
  const priorities = [...groups.keys()].sort((a, b) => a - b);
  return priorities.flatMap(priority => groups.get(priority) ?? []);
}
