export interface Column {
  readonly title: string;
  readonly align?: 'right';
}

/** Returns the lines of a table without frames: two spaces before each column, as wide as its widest cell. */
export function textTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, index) => Math.max(...lines.map(line => line[index]?.length ?? 0)));
  const cell = ({ align }: Column, index: number, line: readonly string[]) => {
    const text = line[index] ?? '';
    return align === 'right' ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0);
  };
  return lines.map(line =>
    columns
      .map((column, index) => `  ${cell(column, index, line)}`)
      .join('')
      .trimEnd(),
  );
}
