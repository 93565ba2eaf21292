/** Medians and ranges: the machines are noisy, so no figure is a single measurement. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1) };
}

/**
 * Returns the two samples between which the true median lies with 95 %, whatever their distribution: each sample falls
 * on either side of it with probability ½, so their ranks are binomial. Needs six samples.
 */
export function medianInterval(samples: readonly number[]): { readonly low: number; readonly high: number } {
  const sorted = samples.toSorted((a, b) => a - b);
  const count = sorted.length;
  let rank = 0;
  let probability = 0.5 ** count;
  for (let tail = probability; tail <= 0.025; tail += probability) {
    rank++;
    probability *= (count - rank + 1) / rank;
  }
  return { low: sorted[rank - 1] ?? Number.NaN, high: sorted[count - rank] ?? Number.NaN };
}

/** Runs every candidate once a round, in turns, so that a slow minute of the machine hits all alike. */
export async function interleaved<Name extends string, Sample>(
  rounds: number,
  candidates: Record<Name, () => Sample | Promise<Sample>>,
): Promise<Record<Name, Sample[]>> {
  const names = Object.keys(candidates) as Name[];
  const samples = Object.fromEntries(names.map(name => [name, [] as Sample[]])) as Record<Name, Sample[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) samples[name].push(await candidates[name]());
  }
  return samples;
}

/** Formats `median (min … max)` with a unit. */
export const shown = (samples: readonly number[], unit: string, digits = 1): string => {
  const { median, min, max } = spread(samples);
  return `${median.toFixed(digits)} ${unit} (${min.toFixed(digits)} … ${max.toFixed(digits)})`;
};

export const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
export const mean = (numbers: readonly number[]): number => total(numbers) / numbers.length;

/** By the nearest-rank method. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? Number.NaN;
}

export const percentiles = (samples: readonly number[]): string =>
  [0.5, 0.95, 0.99].map(share => percentile(samples, share).toFixed(0)).join(' / ');
