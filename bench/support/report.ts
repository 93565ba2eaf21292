/** A line of the table that is printed at the end, for bench/README.md. */
export interface Row {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  /** Null: nothing to meet. */
  readonly isMet: boolean | null;
}

const markdownOf = (rows: readonly Row[]): string =>
  [
    '| case | measured | target |',
    '|---|---|---|',
    ...rows.map(
      ({ what, measured, target, isMet }) =>
        `| ${what} | ${measured} | ${target}${isMet === false ? ', missed' : ''} |`,
    ),
  ].join('\n');

/** Runs the cases that were asked for, one after the other, and prints what each found, then all of it as a table. */
export async function runCases<Name extends string, Options>(
  byName: Record<Name, (options: Options) => Promise<Row[]>>,
  options: Options,
  only: readonly Name[],
): Promise<void> {
  const rows: Row[] = [];
  for (const name of only) {
    const startedAt = performance.now();
    const found = await byName[name](options).catch(error => failed(name, error));
    rows.push(...found);
    console.log(`${name}, ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
    for (const { what, measured, target, isMet } of found) {
      console.log(`  ${isMet === false ? 'MISSED' : '      '} ${what}: ${measured}   (${target})`);
    }
  }
  console.log(`\n${markdownOf(rows)}`);
}

/** The other cases are run all the same. */
function failed(name: string, error: unknown): Row[] {
  console.error(error);
  process.exitCode = 1;
  return [{ what: name, measured: 'failed', target: '–', isMet: null }];
}
