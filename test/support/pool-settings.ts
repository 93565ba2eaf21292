import type { PoolSettings, TenantConfig } from '../../src/config/config.ts';
import { allLevels } from '../../src/domain/vocabulary.ts';

export const linear = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

/** One entry for each level. */
export const perLevel = (value: number, others: Record<number, number> = {}): number[] =>
  allLevels.map(level => others[level] ?? value);

/** A target, for requests whose target does not matter. */
export const anyTarget = { provider: 'local', model: 'some-model' };

/** By default one seat, no reserve, and hardly any limit. */
export const poolSettings = (fields: Partial<PoolSettings> = {}): PoolSettings => ({
  seats: 1,
  policy: 'hybrid',
  shareBy: 'level',
  weights: linear,
  reserved: perLevel(0),
  cap: perLevel(Number.POSITIVE_INFINITY),
  requestsPerSec: null,
  requestBurst: null,
  tokensPerSec: null,
  tokenBurst: null,
  maxTokensInFlight: null,
  aimd: false,
  queueDrainMs: 3000,
  queueTimeoutMs: perLevel(60_000),
  maxQueueDepth: perLevel(1e6),
  maxQueueDepthPool: 1e7,
  maxQueuedBytes: 1e9,
  ...fields,
});

/** Tenants by ID; omitted fields are not limited. */
export const tenantRules = (rules: Record<string, Partial<TenantConfig>>): Map<string, TenantConfig> =>
  new Map(
    Object.entries(rules).map(([tenantId, fields]) => [
      tenantId,
      {
        tenantId,
        weight: 1,
        maxConcurrent: null,
        requestsPerSec: null,
        tokensPerSec: null,
        maxQueueDepth: null,
        ...fields,
      },
    ]),
  );
