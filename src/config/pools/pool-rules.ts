import { allLevels, type Level } from '../../domain/vocabulary.ts';
import type { PoolSettings } from '../config.ts';
import { type PoolKey, type PoolValues, poolKeys } from '../keys.ts';

/** A value as it stands in JSON, in the units of its key. */
export type JsonSetting = string | number | boolean | readonly number[];

/** Spells the value as the file would: file, environment, stored rows and the admin API share one set of rules. */
export const spelled = (value: JsonSetting): string => (typeof value === 'object' ? value.join(',') : String(value));

/** An empty text is not a value here. */
export const isPoolValue = (key: PoolKey, value: JsonSetting): boolean =>
  value !== '' && poolKeys[key].parse(spelled(value)) !== undefined;

/** Two settings that contradict each other; the fault is reported at the first key. */
export interface PoolFault {
  readonly keys: readonly [PoolKey, ...PoolKey[]];
  /** Continues the sentence that begins with the name of the key. */
  readonly message: string;
}

/** The values that are checked together; a missing one is at fault already. */
type Together = Partial<
  Pick<
    PoolValues,
    'max_concurrent' | 'reserved' | 'cap' | 'requests_per_sec' | 'request_burst' | 'tokens_per_sec' | 'token_burst'
  >
>;

const uncapped: readonly number[] = allLevels.map(() => Number.POSITIVE_INFINITY);

/** The seats of a pool whose endpoints have so many together. */
const capped = (seats: number, { max_concurrent }: Together): number =>
  Math.min(seats, max_concurrent?.value ?? Number.POSITIVE_INFINITY);

/** `seats`: of its endpoints together. */
export const toPoolSettings = (seats: number, values: PoolValues): PoolSettings => ({
  seats: capped(seats, values),
  policy: values.policy.value,
  shareBy: values.share_by.value,
  weights: values.weights.value,
  reserved: values.reserved.value,
  cap: values.cap.value ?? uncapped,
  requestsPerSec: values.requests_per_sec.value,
  requestBurst: values.request_burst.value,
  tokensPerSec: values.tokens_per_sec.value,
  tokenBurst: values.token_burst.value,
  maxTokensInFlight: values.max_tokens_in_flight.value,
  aimd: values.aimd.value,
  queueDrainMs: values.queue_drain_sec.value,
  queueTimeoutMs: values.queue_timeout_sec.value,
  maxQueueDepth: values.max_queue_depth.value,
  maxQueueDepthPool: values.max_queue_depth_pool.value,
  maxQueuedBytes: values.max_queued_mb.value,
});

/**
 * Returns the faults that appear only when the settings of a pool are read together; a missing value proves nothing.
 */
export const poolFaults = (seats: number, values: Together): PoolFault[] => [
  ...reserveFaults(capped(seats, values), values),
  ...capFaults(capped(seats, values), values),
  ...burstFaults(values),
];

const reserveFaults = (seats: number, { reserved, max_concurrent }: Together): PoolFault[] => {
  const sum = reserved?.value.reduce((total, level) => total + level, 0) ?? 0;
  const message = `adds up to ${sum}; must be fewer than the ${seats} seats of the pool, so that every level can be served`;
  return sum > 0 && sum >= seats ? [{ keys: ['reserved', ...capKey(max_concurrent)], message }] : [];
};

const capFaults = (seats: number, { reserved, cap, max_concurrent }: Together): PoolFault[] => {
  if (!cap?.value) return [];
  const faults: PoolFault[] = [];
  const capOf = (level: Level) => cap.value?.[level] ?? seats;
  const tooMany = allLevels.filter(level => capOf(level) > seats).map(level => `P${level}`);
  if (tooMany.length > 0) {
    const message = `gives ${tooMany.join(', ')} more seats than the ${seats} of the pool; must be at most those`;
    faults.push({ keys: ['cap', ...capKey(max_concurrent)], message });
  }
  for (const level of allLevels) {
    const kept = reserved?.value[level] ?? 0;
    if (kept <= capOf(level)) continue;
    const message = `keeps ${kept} seats for P${level}; must be at most its cap of ${capOf(level)}`;
    faults.push({ keys: ['reserved', 'cap'], message });
  }
  return faults;
};

/** The seats may be too few because of it alone. */
const capKey = (max: Together['max_concurrent']): PoolKey[] => (max?.value == null ? [] : ['max_concurrent']);

const burstFaults = (values: Together): PoolFault[] => {
  const faults: PoolFault[] = [];
  const pairs = [
    ['request_burst', 'requests_per_sec'],
    ['token_burst', 'tokens_per_sec'],
  ] as const;
  for (const [burst, rate] of pairs) {
    if (values[burst]?.value == null || values[rate]?.value !== null) continue;
    faults.push({ keys: [burst, rate], message: `needs ${rate} beside it` });
  }
  return faults;
};
