/** How much of their prompts do requests find in the caches of four endpoints, and how evenly are these loaded, by affinity? */
import { type Result, simulate, type Way, ways } from './affinity/simulation.ts';
import { median } from './sim/check.ts';
import { table } from './sim/table.ts';

export const name = 'affinity';

/** New conversations in a second: a third of the seats are in use, two thirds, and nearly all. */
const rates = { low: 0.45, middle: 0.9, high: 1.25 };
/** Blocks of 256 tokens: 200,000 and 400,000 tokens of each endpoint. */
const caches = [800, 1600];

export function run({ seeds = 3, minutes = 40 }: Record<string, number>): void {
  console.log(`4 endpoints of 16 seats, ${minutes} minutes of virtual time, medians of ${seeds} seeds`);
  for (const cacheBlocks of caches) {
    console.log(`\nA cache of ${(cacheBlocks * 256).toLocaleString('en')} tokens at each\n`);
    const rows = Object.entries(rates).flatMap(([load, perSec]) =>
      ways.map(way => {
        const results = Array.from({ length: seeds }, (_, nth) =>
          simulate({ way, seed: nth + 1, minutes, perSec, cacheBlocks }),
        );
        return line(load, way, results);
      }),
    );
    console.log(table(heads, rows, [2, 3, 4, 5, 6, 7, 8]));
  }
}

const heads = [
  'load',
  '',
  'seats in use',
  'hit rate',
  'first token p50',
  'p95, ms',
  'served, max / mean',
  'in progress, p50',
  'over the bound',
];

function line(load: string, way: Way, results: readonly Result[]): string[] {
  const of = (figure: (result: Result) => number, digits: number) =>
    median(results.map(figure)).toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return [
    way === ways[0] ? load : '',
    way,
    of(({ inUse }) => inUse, 1),
    `${of(({ hitRate }) => 100 * hitRate, 1)} %`,
    of(({ firstTokenMs }) => firstTokenMs.p50, 0),
    of(({ firstTokenMs }) => firstTokenMs.p95, 0),
    of(({ served }) => served, 3),
    of(({ load: { p50 } }) => p50, 2),
    `${of(({ overBound }) => overBound, 0)} of ${of(({ requests }) => requests, 0)}`,
  ];
}
