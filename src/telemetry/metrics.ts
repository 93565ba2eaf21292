import { type Clock, systemClock } from '../domain/clock.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Level } from '../domain/vocabulary.ts';
import { Counts, LevelPairs, WaitHistogram } from './counts.ts';
import { countsOf, type Reading, type Rendered, registryOf } from './registry.ts';
import { TenantLedger } from './tenants/tenant-ledger.ts';
import { tenantCounters, tenantShares } from './tenants/tenant-metrics.ts';
import { type CountedTenant, TenantTally } from './tenants/tenant-tally.ts';
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
  /** What has been counted of tenants since the last call, for the process that adds it up. */
  takeTenants(): CountedTenant[];
}

interface MetricsOptions {
  /** As many tenants have series of their own; 0: none is named. */
  readonly tenants: number;
  readonly clock: Clock;
  /** Another process adds up what each counts of its tenants. */
  readonly isOneOfSeveral: boolean;
}

const ofNoTenant: MetricsOptions = { tenants: 0, clock: systemClock, isOneOfSeveral: false };

/**
 * Counts are plain numbers and become samples only at a scrape: a library's counter costs more per
 * request than the request's place in the queue. Labels are level, outcome and provider, so that their
 * number is bounded by the configuration; a pool stands under `provider`, a model nowhere. Tenants are named where
 * the operator asks for it, in series of their own.
 */
export const createMetrics = (options = ofNoTenant): Metrics => {
  const counts = createCounts();
  const {
    requests,
    inputTokens,
    cachedInputTokens,
    outputTokens,
    waits,
    refusedKeys,
    raised,
    shadow,
    reloads,
    retries,
    spills,
  } = counts;
  let watched: Watched | null = null;
  const tally = options.tenants === 0 ? null : new TenantTally();
  const registry = registryOf([
    ...countedMetrics(counts),
    ...watchedMetrics(() => watched),
    ...(tally === null ? [] : tenantShares(() => watched?.shares() ?? [], options.tenants)),
    ...(tally === null || options.isOneOfSeveral ? [] : ownTenants(tally, options)),
  ]);
  const growing = countsOf(registry);
  return {
    requestEnded(ended) {
      const { outcome, level, isRaised, provider, isGranted, waitMs, usage, attempts, spilledFrom } = ended;
      tally?.add(ended);
      requests.add(level, outcome, provider, 1);
      // Whatever followed the last attempt, it was not made again.
      for (let nth = 0; nth + 1 < attempts.length; nth++) {
        const attempt = attempts[nth];
        if (attempt !== undefined) retries.add(level, attempt.failure ?? 'unknown', attempt.provider, 1);
      }
      if (spilledFrom !== null) spills.add(level, '', spilledFrom, 1);
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
    takeTenants: () => tally?.take() ?? [],
  };
};

/** What this process counts of tenants, brought up to date at each scrape. */
function ownTenants(tally: TenantTally, { tenants, clock }: MetricsOptions): Rendered[] {
  const ledger = new TenantLedger(tenants, clock);
  return tenantCounters(() => {
    ledger.absorb(tally.take());
    return ledger.all();
  });
}

const createCounts = () => ({
  requests: new Counts(),
  inputTokens: new Counts(),
  cachedInputTokens: new Counts(),
  outputTokens: new Counts(),
  waits: new WaitHistogram(),
  refusedKeys: new Counts(),
  raised: new Counts(),
  shadow: new LevelPairs(),
  retries: new Counts(),
  spills: new Counts(),
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
  counted('tokligence_retries_total', 'Calls of upstreams that failed and were made again, by what they met.', {
    samples: () =>
      counts.retries
        .samples()
        .map(({ labels: { outcome: reason = '', ...labels }, value }) => ({ labels: { ...labels, reason }, value })),
  }),
  counted(
    'tokligence_spills_total',
    'Requests that left a pool, where they would have waited too long, for that of the next target.',
    counts.spills,
  ),
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
