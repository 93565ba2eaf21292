/** The metrics that name tenants; none is rendered unless an operator asks for them ([telemetry] metrics_tenants). */
import type { Level } from '../../domain/vocabulary.ts';
import type { Rendered, Sample } from '../registry.ts';
import { waitSamples } from './tenant-counts.ts';
import { type CountedTenant, labelOf, otherTenants } from './tenant-tally.ts';

const waitName = 'tokligence_tenant_queue_wait_seconds';

/** `all`: those that are shown, and the others. */
export const tenantCounters = (all: () => readonly CountedTenant[]): Rendered[] => {
  const counter = (name: string, help: string, samplesOf: (one: CountedTenant) => Sample[]): Rendered => ({
    name,
    help,
    type: 'counter',
    samples: () => all().flatMap(samplesOf),
  });
  const only = ({ tenant }: CountedTenant, value: number): Sample[] => [{ labels: { tenant }, value }];
  return [
    counter('tokligence_tenant_requests_total', 'Requests of a tenant, by how they ended.', ({ tenant, counts }) =>
      Array.from(counts.requests, ([outcome, value]) => ({ labels: { tenant, outcome }, value })),
    ),
    counter('tokligence_tenant_input_tokens_total', 'Input tokens, those from the cache included.', one =>
      only(one, one.counts.inputTokens),
    ),
    counter('tokligence_tenant_output_tokens_total', 'Output tokens.', one => only(one, one.counts.outputTokens)),
    {
      name: waitName,
      help: 'Time in the queue of requests of a tenant that got a seat.',
      type: 'histogram',
      samples: () => all().flatMap(({ tenant, counts }) => waitSamples(waitName, tenant, counts)),
    },
  ];
};

/** The shares of the tenants of a pool in the service of their levels. */
export interface PoolShares {
  readonly pool: string;
  readonly shares: readonly LevelShare[];
}

interface LevelShare {
  readonly flowId: string;
  readonly level: Level;
  readonly servedShare: number;
  readonly entitledShare: number;
  readonly business: number;
}

/** `most`: of as many tenants of each pool, its busiest ones. */
export const tenantShares = (pools: () => readonly PoolShares[], most: number): Rendered[] => {
  const gauge = (name: string, help: string, read: (share: LevelShare) => number): Rendered => ({
    name,
    help,
    type: 'gauge',
    samples: () => pools().flatMap(({ pool, shares }) => shareSamples(pool, shares, { most, read })),
  });
  return [
    gauge(
      'tokligence_tenant_served_share',
      'Share of a tenant in what its level was served in the last minute, 0 to 1.',
      ({ servedShare }) => servedShare,
    ),
    gauge(
      'tokligence_tenant_entitled_share',
      'Share that it was entitled to, 0 to 1.',
      ({ entitledShare }) => entitledShare,
    ),
  ];
};

interface Shown {
  readonly most: number;
  readonly read: (share: LevelShare) => number;
}

function shareSamples(pool: string, shares: readonly LevelShare[], { most, read }: Shown): Sample[] {
  const shown = busiestOf(shares, most);
  const sums = new Map<string, { labels: { tenant: string; pool: string; level: Level }; value: number }>();
  for (const share of shares) {
    const label = labelOf(share.flowId);
    const tenant = shown.has(label) ? label : otherTenants;
    const place = `${share.level} ${tenant}`;
    const sum = sums.get(place) ?? { labels: { tenant, pool, level: share.level }, value: 0 };
    sum.value += read(share);
    sums.set(place, sum);
  }
  return [...sums.values()];
}

/** The labels of the busiest tenants, over all levels. */
function busiestOf(shares: readonly LevelShare[], most: number): Set<string> {
  const business = new Map<string, number>();
  for (const share of shares) {
    const label = labelOf(share.flowId);
    business.set(label, (business.get(label) ?? 0) + share.business);
  }
  const busiest = [...business].sort(([, a], [, b]) => b - a).slice(0, most);
  return new Set(busiest.map(([label]) => label));
}
