/** The cases of `saturation` behind 1, 2 and 4 gateways of one fleet each, in turns. */
import { type BenchFleet, startBenchFleet } from '../support/fleet-gateways.ts';
import { adminOf, startBenchDatabase } from '../support/gateway-process.ts';
import type { Row } from '../support/report.ts';
import { mean, percentile, percentiles } from '../support/rounds.ts';
import {
  createClasses,
  fairness,
  type KeyOf,
  long,
  poolSections,
  type SaturationCase,
  saturatedRound,
  seats,
  short,
  untilIdle,
} from '../support/saturation-cases.ts';
import type { LoadResult } from '../support/saturation-load.ts';
import { countOf, startTimedUpstream } from '../support/timed-upstream.ts';

const sizes = [1, 2, 4] as const;
type Size = (typeof sizes)[number];
type Results = ReadonlyMap<Size, LoadResult[]>;

export async function runSaturation({ seeds, seconds }: { seeds: number; seconds: number }): Promise<Row[]> {
  const upstream = await startTimedUpstream();
  const database = await startBenchDatabase();
  const fleets = new Map<Size, BenchFleet>();
  try {
    let keyOf: KeyOf | null = null;
    for (const count of sizes) {
      const sections = poolSections(upstream.url);
      const fleet = await startBenchFleet({ database, name: `of-${count}`, count, sections });
      fleets.set(count, fleet);
      keyOf ??= await createClasses(fleet);
    }
    const rows: Row[] = [];
    for (const each of [short, long, fairness]) {
      const results = new Map<Size, LoadResult[]>(sizes.map(size => [size, []]));
      await countOf(upstream);
      for (let seed = 1; seed <= seeds; seed++) {
        for (const [size, fleet] of inTurns(fleets, seed)) {
          results.get(size)?.push(await round(each, fleet, keyOf ?? (() => ''), seed, seconds));
        }
      }
      const { mostAtOnce } = await countOf(upstream);
      rows.push(...(each === fairness ? smallTenant(results) : urgent(each, results)), never(each, mostAtOnce));
    }
    return rows;
  } finally {
    for (const fleet of fleets.values()) await fleet.stop();
    await database.stop();
    await upstream.stop();
  }
}

/** Each size is first, second and last in turn. */
function inTurns(fleets: ReadonlyMap<Size, BenchFleet>, seed: number): readonly (readonly [Size, BenchFleet])[] {
  const all = [...fleets];
  const from = seed % all.length;
  return [...all.slice(from), ...all.slice(0, from)];
}

async function round(each: SaturationCase, fleet: BenchFleet, keyOf: KeyOf, seed: number, seconds: number) {
  const result = await saturatedRound(each, { urls: fleet.urls, keyOf, seed, seconds });
  for (const url of fleet.urls) await untilIdle(adminOf(() => url));
  return result;
}

/** P0's latencies of all seeds together. */
function urgent(each: SaturationCase, results: Results): Row[] {
  const all = (size: Size) => (results.get(size) ?? []).flatMap(({ poissonMs }) => poissonMs);
  const alone = percentile(all(1), 0.99);
  return sizes.map(size => {
    const p99 = percentile(all(size), 0.99);
    const shown = `p50/p95/p99 ${percentiles(all(size))} ms of ${all(size).length}`;
    return compared(
      `${nameOf(each)}, P0 behind ${size}`,
      size,
      shown,
      p99 / alone,
      'at most 1.10 ×',
      p99 <= 1.1 * alone,
    );
  });
}

function smallTenant(results: Results): Row[] {
  const rate = (size: Size) => mean((results.get(size) ?? []).map(({ loopRate }) => loopRate[1] ?? 0));
  return sizes.map(size => {
    const ratio = rate(size) / rate(1);
    const shown = `${rate(size).toFixed(2)}/s`;
    return compared(`small tenant behind ${size}`, size, shown, ratio, 'within 10 %', Math.abs(ratio - 1) <= 0.1);
  });
}

function compared(what: string, size: Size, shown: string, ratio: number, target: string, isMet: boolean): Row {
  if (size === 1) return { what, measured: shown, target: '–', isMet: null };
  return { what, measured: `${shown}; **${ratio.toFixed(2)} ×** one gateway`, target, isMet };
}

const never = (each: SaturationCase, mostAtOnce: number): Row => ({
  what: `${nameOf(each)}, upstream's own count`,
  measured: `at most ${mostAtOnce} at once`,
  target: `${seats} seats`,
  isMet: mostAtOnce <= seats,
});

const nameOf = (each: SaturationCase): string =>
  each === short ? '`saturation` short' : each === long ? '`saturation` long' : '`saturation` fairness';
