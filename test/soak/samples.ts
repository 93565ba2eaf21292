/** Samples of the gateway's own metrics, every few seconds, and their trends. */
export interface Sample {
  readonly atMin: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly loopP99Ms: number;
}

export const valueIn = (metrics: string, name: string): number =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);

export const sampleOf = (metrics: string, atMin: number): Sample => ({
  atMin,
  rssMb: valueIn(metrics, 'process_resident_memory_bytes') / 2 ** 20,
  heapMb: valueIn(metrics, 'nodejs_heap_size_used_bytes') / 2 ** 20,
  loopP99Ms: valueIn(metrics, 'nodejs_eventloop_lag_p99_seconds') * 1_000,
});

/** Least squares: percent of the mean per minute. */
export function slopePercent(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ atMin }) => atMin)), mean(samples.map(of))];
  const above = samples.reduce((sum, sample) => sum + (sample.atMin - x) * (of(sample) - y), 0);
  const below = samples.reduce((sum, sample) => sum + (sample.atMin - x) ** 2, 0);
  return (100 * above) / below / y;
}

/** The gateway's requests by outcome, over all levels and providers. */
export function outcomesIn(metrics: string): Record<string, number> {
  const outcomes: Record<string, number> = {};
  for (const [, outcome = '', count] of metrics.matchAll(/^tokligence_requests_total\{.*outcome="(\w+)".*\} (\S+)$/gm))
    outcomes[outcome] = (outcomes[outcome] ?? 0) + Number(count);
  return outcomes;
}
