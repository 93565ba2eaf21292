import { type Column, textTable } from '../table.ts';
import type { Tally } from './demo.ts';

/** The output of the board. */
export interface Screen {
  /** Draws over the previous board instead of below it. */
  readonly inPlace: boolean;
  readonly columns: number;
  write(text: string): void;
}

/** Draws tallies over the previous ones or below them. */
export function createBoard(screen: Screen): { draw(heading: string, tallies: readonly Tally[]): void } {
  let drawn = 0;
  return {
    draw(heading, tallies) {
      const lines = [heading, ...tallyLines(tallies)].map(line => line.slice(0, screen.columns - 1));
      if (!screen.inPlace) return screen.write(`\n${lines.join('\n')}\n`);
      const up = drawn === 0 ? '\n' : `\u001b[${drawn}A`;
      screen.write(up + lines.map(line => `${line}\u001b[K\n`).join(''));
      drawn = lines.length;
    },
  };
}

const columns: readonly Column[] = [
  { title: 'level' },
  { title: 'tenant' },
  { title: 'sent', align: 'right' },
  { title: 'served', align: 'right' },
  { title: 'wait p50', align: 'right' },
  { title: 'wait p95', align: 'right' },
  { title: '' },
];
const barWidth = 22;

function tallyLines(tallies: readonly Tally[]): string[] {
  const medians = tallies.map(({ waitsMs }) => percentile(waitsMs, 0.5));
  const longest = Math.max(1, ...medians.map(median => median ?? 0));
  const rows = tallies.map(({ level, tenant, sent, served, waitsMs }, index) => {
    const median = medians[index] ?? null;
    return [
      level === null ? '' : `P${level}`,
      tenant,
      String(sent),
      String(served),
      duration(median),
      duration(percentile(waitsMs, 0.95)),
      '█'.repeat(Math.round(((median ?? 0) / longest) * barWidth)),
    ];
  });
  return textTable(columns, rows);
}

/** Returns the smallest value that is not exceeded by this share of all; null without values. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? null;
}

export const duration = (ms: number | null): string =>
  ms === null ? '-' : ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`;
