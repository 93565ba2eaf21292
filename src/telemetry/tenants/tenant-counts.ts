/** What is counted of one tenant. Plain data, as it may go to another process. */
import type { Outcome } from '../../domain/outcome.ts';
import { spentOf } from '../../domain/usage.ts';
import type { Sample } from '../registry.ts';

export interface TenantCounts {
  /** By outcome. */
  readonly requests: Map<string, number>;
  inputTokens: number;
  outputTokens: number;
  /** Requests that got a seat, by the first bound that they did not wait longer than; the last are beyond all of them. */
  readonly waits: number[];
  waitedMs: number;
  /** Decides whose series are shown: the cost of its requests, and 1 for each, as a refused one costs nothing. */
  business: number;
}

/** Fewer than those of all requests: these are kept for each tenant. */
const boundsSec = [0.01, 0.1, 1, 10, 60];

export const noCounts = (): TenantCounts => ({
  requests: new Map(),
  inputTokens: 0,
  outputTokens: 0,
  waits: Array.from({ length: boundsSec.length + 1 }, () => 0),
  waitedMs: 0,
  business: 0,
});

export function countRequest(counts: TenantCounts, { outcome, isGranted, waitMs, usage }: Outcome): void {
  counts.requests.set(outcome, (counts.requests.get(outcome) ?? 0) + 1);
  counts.business += 1;
  if (isGranted && waitMs !== null) {
    let place = 0;
    while (place < boundsSec.length && waitMs > (boundsSec[place] ?? 0) * 1000) place += 1;
    addAt(counts.waits, place, 1);
    counts.waitedMs += waitMs;
  }
  if (usage === null) return;
  counts.inputTokens += usage.inputTokens;
  counts.outputTokens += usage.outputTokens;
  counts.business += Math.max(spentOf(usage).cost, 0);
}

export function addCounts(counts: TenantCounts, more: TenantCounts): void {
  for (const [outcome, count] of more.requests)
    counts.requests.set(outcome, (counts.requests.get(outcome) ?? 0) + count);
  counts.inputTokens += more.inputTokens;
  counts.outputTokens += more.outputTokens;
  for (const [place, count] of more.waits.entries()) addAt(counts.waits, place, count);
  counts.waitedMs += more.waitedMs;
  counts.business += more.business;
}

/** A Prometheus histogram of the waits. */
export function waitSamples(name: string, tenant: string, { waits, waitedMs }: TenantCounts): Sample[] {
  let total = 0;
  const buckets = waits.map((count, place) => {
    total += count;
    return { metricName: `${name}_bucket`, labels: { le: boundsSec[place] ?? '+Inf', tenant }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { tenant }, value: waitedMs / 1000 },
    { metricName: `${name}_count`, labels: { tenant }, value: total },
  ];
}

function addAt(values: number[], place: number, amount: number): void {
  values[place] = (values[place] ?? 0) + amount;
}
