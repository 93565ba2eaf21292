/** The library renders the text of `GET /metrics`; what is counted is kept by ourselves, and read at each scrape. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

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
  samples(): Sample[];
}

/** Also has the metrics of the process and of Node. */
export const registryOf = (metrics: readonly Rendered[]): Registry => {
  const registry = new Registry();
  collectProcessMetrics(registry);
  register(registry, metrics);
  return registry;
};

/** Registers the process metrics that need no labels and have names in Prometheus' style. */
const collectProcessMetrics = (registry: Registry): void => {
  collectDefaultMetrics({ register: registry });
  for (const metric of registry.getMetricsAsArray()) {
    const labels = 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames : [];
    // Counts of all that is open in Node, which also take long where much is.
    const isMisnamed = metric.name.endsWith('_total') && metric instanceof Gauge;
    if (labels.length > 0 || isMisnamed) registry.removeSingleMetric(metric.name);
  }
};

const register = (registry: Registry, metrics: readonly Rendered[]): void => {
  for (const { name, help, type, samples } of metrics) {
    const metric = { name, help, type, aggregator: 'sum', get: async () => ({ name, help, type, values: samples() }) };
    // The registry only calls `get`; its type asks for one of the library's own classes.
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
  }
};
