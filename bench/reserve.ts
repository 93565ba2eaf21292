/** How much do reserved seats give P0, and cost the others, while minute-long streams overload the pool 3.6 times? */
import { median, rounded } from './sim/check.ts';
import { type ReserveResult, type ReserveSetting, reserveSettings, runReserve } from './sim/reserve-case.ts';
import { table } from './sim/table.ts';

export const name = 'reserve';

const seeds = Array.from({ length: 20 }, (_, index) => index + 1);

type Figure = Exclude<keyof ReserveResult, 'traceHash'>;
const figures: Record<Figure, { readonly label: string; readonly digits: number }> = {
  p50: { label: 'P0 wait p50, s', digits: 2 },
  p99: { label: 'P0 wait p99, s', digits: 2 },
  max: { label: 'P0 wait max, s', digits: 1 },
  seatSec: { label: 'seat-seconds of P3 + P7', digits: 0 },
  ratio: { label: 'P3 : P7', digits: 2 },
};

/** The figures of the design's own model, one run each. */
const designed: Record<ReserveSetting, Record<Figure, number>> = {
  'hybrid, 0 reserved': { p50: 2.05, p99: 17.66, max: 18.4, seatSec: 68_549, ratio: 2.27 },
  'hybrid, 2 reserved': { p50: 0, p99: 9.53, max: 13.1, seatSec: 65_151, ratio: 2.28 },
  'hybrid, 4 reserved': { p50: 0, p99: 0, max: 1, seatSec: 58_471, ratio: 2.27 },
  'strict, 0 reserved': { p50: 2.31, p99: 9.72, max: 15.2, seatSec: 68_731, ratio: 100 },
};

export function run(): void {
  const settings = Object.keys(reserveSettings) as ReserveSetting[];
  const results = new Map(settings.map(setting => [setting, seeds.map(seed => runReserve(setting, seed))]));
  const lines = settings.flatMap(setting =>
    (Object.keys(figures) as Figure[]).map(figure => line(setting, figure, results.get(setting) ?? [])),
  );
  console.log(`20 seats, one hour of virtual time, ${seeds.length} seeds; P3 and P7 weigh 7 : 3 = 2.33\n`);
  console.log(table(['', '', 'design', 'median', 'least', 'most', 'design within'], lines, [2, 3, 4, 5]));
  console.log(`\n${costs(settings, results).join('\n')}`);
}

function line(setting: ReserveSetting, figure: Figure, results: readonly ReserveResult[]): string[] {
  const { label, digits } = figures[figure];
  const own = results.map(result => result[figure]);
  const [design, least, most] = [designed[setting][figure], Math.min(...own), Math.max(...own)];
  const shown = [design, median(own), least, most].map(value => fixed(value, digits));
  return [figure === 'p50' ? setting : '', label, ...shown, verdict(design, least, most)];
}

const fixed = (figure: number, digits: number): string =>
  figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

function verdict(design: number, least: number, most: number): string {
  if (design < least) return `NO: ${rounded((1 - design / least) * 100, 2)} % below the least`;
  if (design > most) return `NO: ${rounded((design / most - 1) * 100, 2)} % above the most`;
  return 'yes';
}

/** Compares seed by seed, because all settings get the same requests. */
function costs(
  settings: readonly ReserveSetting[],
  results: ReadonlyMap<ReserveSetting, readonly ReserveResult[]>,
): string[] {
  const without = results.get('hybrid, 0 reserved') ?? [];
  return settings.slice(1, 3).map(setting => {
    const lost = (results.get(setting) ?? []).map(
      ({ seatSec }, index) => 1 - seatSec / (without[index]?.seatSec ?? NaN),
    );
    return `${setting}: ${rounded(median(lost) * 100, 1)} % fewer seat-seconds for P3 and P7 than without a reserve (the median seed)`;
  });
}
