import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ErrorCode } from '../domain/errors.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { PoolStats } from '../domain/stats.ts';
import type { Level } from '../domain/vocabulary.ts';
import { Counts, LevelPairs, WaitHistogram } from './counts.ts';

/** The values that are read at a scrape. */
export interface Watched {
  pools(): readonly PoolStats[];
  /** The mappings that serve now; null without a mapper or before the first snapshot. */
  snapshot(): { readonly mappings: number; readonly ageMs: number } | null;
  /** False while the database cannot be reached. */
  isDatabaseUp(): boolean;
  /** Since the start. */
  droppedLogLines(): number;
  connections(): WatchedConnections;
}

/**
 * Connections of clients. "Turned away" counts those that yielded and those that were refused, by the limit that was
 * reached.
 */
interface WatchedConnections {
  readonly open: number;
  readonly addresses: number;
  readonly most: number;
  readonly yielded: Readonly<Record<'all' | 'address', number>>;
  readonly refused: Readonly<Record<'all' | 'address', number>>;
}

export interface Metrics {
  requestEnded(outcome: Outcome): void;
  /** Shadow mode: the level a request has, and the one that its mapping would give. */
  shadowed(given: Level, would: Level): void;
  keyRefused(code: ErrorCode): void;
  reloaded(): void;
  reloadFailed(): void;
  /** Bound late, when what is watched exists. */
  watch(watched: Watched): void;
  readonly contentType: string;
  /** The text of `GET /metrics`. */
  render(): Promise<string>;
}

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** Present for a part of a histogram. */
  readonly metricName?: string;
}

interface Rendered {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  samples(): Sample[];
}

/**
 * Counts are plain numbers and become samples only at a scrape: a library's counter costs more per
 * request than the request's place in the queue. Labels are level, outcome and provider, so that their
 * number is bounded by the configuration; a pool stands under `provider`, a model nowhere.
 */
export const createMetrics = (): Metrics => {
  const requests = new Counts();
  const inputTokens = new Counts();
  const cachedInputTokens = new Counts();
  const outputTokens = new Counts();
  const waits = new WaitHistogram();
  const refusedKeys = new Counts();
  const raised = new Counts();
  const shadow = new LevelPairs();
  const reloads = { served: 0, failed: 0 };
  let watched: Watched | null = null;

  const registry = new Registry();
  collectProcessMetrics(registry);
  register(registry, [
    counted('tokligence_requests_total', 'Requests for models or of no route, by how they ended.', requests),
    counted('tokligence_input_tokens_total', 'Input tokens, those from the cache included.', inputTokens),
    counted('tokligence_cached_input_tokens_total', 'Input tokens that the upstream had cached.', cachedInputTokens),
    counted('tokligence_output_tokens_total', 'Output tokens.', outputTokens),
    counted(
      'tokligence_refused_keys_total',
      'Keys presented on any route that are no good, by how that was answered.',
      refusedKeys,
    ),
    counted(
      'tokligence_raised_requests_total',
      'Requests that took a better level than their own by X-Priority, by the level that they took.',
      raised,
    ),
    {
      name: waitName,
      help: 'Time in the queue of requests that got a seat, 0 for those that did not wait.',
      type: 'histogram',
      samples: () => waits.samples(waitName),
    },
    counted('tokligence_mapping_reloads_total', 'Reloads of the mappings, by outcome: ok or failed.', {
      samples: () => [
        { labels: { outcome: 'ok' }, value: reloads.served },
        { labels: { outcome: 'failed' }, value: reloads.failed },
      ],
    }),
    counted(
      'tokligence_shadow_requests_total',
      'Requests in shadow mode, by the level they had and the level that enforcing would have given.',
      shadow,
    ),
    ...lookedAt(() => watched),
  ]);

  return {
    requestEnded({ outcome, level, isRaised, provider, isGranted, waitMs, usage }) {
      requests.add(level, outcome, provider, 1);
      if (isRaised) raised.add(level, '', null, 1);
      if (isGranted && waitMs !== null && level !== null) waits.observe(level, waitMs);
      if (usage === null) return;
      inputTokens.add(level, '', provider, usage.inputTokens);
      cachedInputTokens.add(level, '', provider, usage.cachedInputTokens);
      outputTokens.add(level, '', provider, usage.outputTokens);
    },
    shadowed: (given, would) => shadow.add(given, would),
    keyRefused: code => refusedKeys.add(null, code, null, 1),
    reloaded: () => void reloads.served++,
    reloadFailed: () => void reloads.failed++,
    watch(what) {
      watched = what;
    },
    contentType: registry.contentType,
    render: () => registry.metrics(),
  };
};

const counted = (name: string, help: string, counts: Pick<Counts, 'samples'>): Rendered => ({
  name,
  help,
  type: 'counter',
  samples: () => counts.samples(),
});

const waitName = 'tokligence_queue_wait_seconds';

const lookedAt = (watched: () => Watched | null): Rendered[] => {
  const metric =
    (type: Rendered['type']) =>
    (name: string, help: string, look: (what: Watched) => Sample[]): Rendered => ({
      name,
      help,
      type,
      samples() {
        const what = watched();
        return what === null ? [] : look(what);
      },
    });
  const gauge = metric('gauge');
  const ofSnapshot = (read: (snapshot: NonNullable<ReturnType<Watched['snapshot']>>) => number) => (what: Watched) => {
    const snapshot = what.snapshot();
    return snapshot === null ? [] : [{ labels: {}, value: read(snapshot) }];
  };
  const perPool = (read: (pool: PoolStats) => number) => (what: Watched) =>
    what.pools().map(pool => ({ labels: { provider: pool.name }, value: read(pool) }));
  return [
    gauge('tokligence_queue_depth', 'Requests waiting now, by level and pool.', what =>
      what
        .pools()
        .flatMap(pool =>
          pool.levels.map(({ level, waiting }) => ({ labels: { level, provider: pool.name }, value: waiting })),
        ),
    ),
    gauge(
      'tokligence_seats',
      'Seats of a pool.',
      perPool(pool => pool.seats),
    ),
    gauge(
      'tokligence_seats_in_use',
      'Seats of a pool that are taken.',
      perPool(pool => pool.in_use),
    ),
    gauge(
      'tokligence_mapping_snapshot_mappings',
      'Mappings that serve now.',
      ofSnapshot(({ mappings }) => mappings),
    ),
    gauge(
      'tokligence_mapping_snapshot_age_seconds',
      'Time since the mappings that serve now were read.',
      ofSnapshot(({ ageMs }) => ageMs / 1000),
    ),
    gauge('tokligence_connections', 'Connections of clients that are open.', what => [
      { labels: {}, value: what.connections().open },
    ]),
    gauge('tokligence_connection_addresses', 'Addresses that they come from, networks of IPv6.', what => [
      { labels: {}, value: what.connections().addresses },
    ]),
    gauge('tokligence_connections_limit', 'As many may be open.', what => [
      { labels: {}, value: what.connections().most },
    ]),
    {
      ...gauge('tokligence_connections_turned_away_total', turnedAwayHelp, what => turnedAway(what.connections())),
      type: 'counter',
    },
    gauge('tokligence_database_up', '1 while the database answers, 0 in an outage.', what => [
      { labels: {}, value: what.isDatabaseUp() ? 1 : 0 },
    ]),
    metric('counter')('tokligence_log_lines_dropped_total', 'Lines of the log that could not be written.', what => [
      { labels: {}, value: what.droppedLogLines() },
    ]),
  ];
};

const turnedAwayHelp =
  'Connections for which there was no place: yielded or refused, in all or (…_of_address) of one address.';

const turnedAway = ({ yielded, refused }: WatchedConnections): Sample[] =>
  Object.entries({
    yielded: yielded.all,
    yielded_of_address: yielded.address,
    refused: refused.all,
    refused_of_address: refused.address,
  }).map(([outcome, value]) => ({ labels: { outcome }, value }));

/** The metrics of the process and of Node that need no labels and have names in Prometheus' style. */
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
