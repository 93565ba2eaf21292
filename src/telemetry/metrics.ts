import type { ErrorCode } from '../domain/errors.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Level } from '../domain/vocabulary.ts';
import { Counts, LevelPairs, WaitHistogram } from './counts.ts';
import { countsOf, type Reading, type Rendered, registryOf } from './registry.ts';
import { type Watched, watchedMetrics } from './watched.ts';

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
  /** The same to be added to that of other processes. */
  readAll(): Promise<Reading[]>;
  /** The part of it that only grows. */
  readCounts(): Promise<Reading[]>;
}

/**
 * Counts are plain numbers and become samples only at a scrape: a library's counter costs more per
 * request than the request's place in the queue. Labels are level, outcome and provider, so that their
 * number is bounded by the configuration; a pool stands under `provider`, a model nowhere.
 */
export const createMetrics = (): Metrics => {
  const counts = createCounts();
  const { requests, inputTokens, cachedInputTokens, outputTokens, waits, refusedKeys, raised, shadow, reloads } =
    counts;
  let watched: Watched | null = null;
  const registry = registryOf([...countedMetrics(counts), ...watchedMetrics(() => watched)]);
  const growing = countsOf(registry);
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
    readAll: () => registry.getMetricsAsJSON(),
    readCounts: () => growing.getMetricsAsJSON(),
  };
};

const createCounts = () => ({
  requests: new Counts(),
  inputTokens: new Counts(),
  cachedInputTokens: new Counts(),
  outputTokens: new Counts(),
  waits: new WaitHistogram(),
  refusedKeys: new Counts(),
  raised: new Counts(),
  shadow: new LevelPairs(),
  reloads: { served: 0, failed: 0 },
});

const countedMetrics = (counts: ReturnType<typeof createCounts>): Rendered[] => [
  counted('tokligence_requests_total', 'Requests for models or of no route, by how they ended.', counts.requests),
  counted('tokligence_input_tokens_total', 'Input tokens, those from the cache included.', counts.inputTokens),
  counted(
    'tokligence_cached_input_tokens_total',
    'Input tokens that the upstream had cached.',
    counts.cachedInputTokens,
  ),
  counted('tokligence_output_tokens_total', 'Output tokens.', counts.outputTokens),
  counted(
    'tokligence_refused_keys_total',
    'Keys presented on any route that are no good, by how that was answered.',
    counts.refusedKeys,
  ),
  counted(
    'tokligence_raised_requests_total',
    'Requests that took a better level than their own by X-Priority, by the level that they took.',
    counts.raised,
  ),
  {
    name: waitName,
    help: 'Time in the queue of requests that got a seat, 0 for those that did not wait.',
    type: 'histogram',
    samples: () => counts.waits.samples(waitName),
  },
  counted('tokligence_mapping_reloads_total', 'Reloads of the mappings, by outcome: ok or failed.', {
    samples: () => [
      { labels: { outcome: 'ok' }, value: counts.reloads.served },
      { labels: { outcome: 'failed' }, value: counts.reloads.failed },
    ],
  }),
  counted(
    'tokligence_shadow_requests_total',
    'Requests in shadow mode, by the level they had and the level that enforcing would have given.',
    counts.shadow,
  ),
];

const waitName = 'tokligence_queue_wait_seconds';

const counted = (name: string, help: string, counts: Pick<Counts, 'samples'>): Rendered => ({
  name,
  help,
  type: 'counter',
  samples: () => counts.samples(),
});
