import type { Check } from './check.ts';

/** Formats columns as wide as their content; all columns except the first are right-aligned if they hold figures. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map(line => (line[column] ?? '').length)));
  const shown = (line: readonly string[]) =>
    widths
      .map((width, column) =>
        right.includes(column) ? (line[column] ?? '').padStart(width) : (line[column] ?? '').padEnd(width),
      )
      .join('  ')
      .trimEnd();
  return [shown(head), widths.map(width => '─'.repeat(width)).join('  '), ...rows.map(shown)].join('\n');
}

export const checkTable = (checks: readonly Check[]): string =>
  table(
    ['', 'published', 'ours', 'tolerance', 'ok'],
    checks.map(({ what, published, ours, tolerance, isMet }) => [
      what,
      published,
      ours,
      tolerance,
      isMet ? 'yes' : 'NO',
    ]),
    [1, 2],
  );
