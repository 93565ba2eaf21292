/** The library renders the text of `GET /metrics`; what is counted is kept by ourselves, and read at each scrape. */
import { AggregatorRegistry, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** Present for a part of a histogram. */
  readonly metricName?: string;
}

/** A metric that is made of samples when it is scraped. */
export interface Rendered {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What several processes of one gateway have together; by default the sum. */
  readonly together?: 'sum' | 'max' | 'min';
  samples(): Sample[];
}

/** A metric as one process reads it, to be added to those of others. */
export type Reading = Awaited<ReturnType<Registry['getMetricsAsJSON']>>[number];

/** Also has the metrics of the process and of Node. */
export const registryOf = (metrics: readonly Rendered[]): Registry => {
  const registry = new Registry();
  collectProcessMetrics(registry);
  register(registry, metrics);
  return registry;
};

/** Those that only grow, and cost little to read. */
export const countsOf = (registry: Registry): Registry => {
  const counts = new Registry();
  for (const metric of registry.getMetricsAsArray()) {
    const known = registry.getSingleMetric(metric.name);
    if (known !== undefined && isCount(metric)) counts.registerMetric(known);
  }
  return counts;
};

/** Whether it only grows. */
export const isCount = ({ type }: { readonly type: unknown }): boolean => type === 'counter' || type === 'histogram';

/** The metrics of several processes as those of one. */
export const together = (readings: readonly (readonly Reading[])[]): Registry =>
  AggregatorRegistry.aggregate(readings.map(one => [...one]));

/** Registers the process metrics that need no labels and have names in Prometheus' style. */
const collectProcessMetrics = (registry: Registry): void => {
  collectDefaultMetrics({ register: registry });
  for (const metric of registry.getMetricsAsArray()) {
    const labels = 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames : [];
    // Counts of all that is open in Node, which also take long where much is.
    const isMisnamed = metric.name.endsWith('_total') && metric instanceof Gauge;
    if (labels.length > 0 || isMisnamed) registry.removeSingleMetric(metric.name);
    // The library leaves it out of a sum; a gateway is as old as its first process.
    if (metric.name === 'process_start_time_seconds') Object.assign(metric, { aggregator: 'min' });
  }
};

const register = (registry: Registry, metrics: readonly Rendered[]): void => {
  for (const { name, help, type, together = 'sum', samples } of metrics) {
    const described = { name, help, type, aggregator: together };
    const metric = { ...described, get: async () => ({ ...described, values: samples() }) };
    // The registry only calls `get`; its type asks for one of the library's own classes.
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
  }
};
