import type { PoolSettings, TenantConfig } from '../config/config.ts';

/** How one pool shares its seats. Nothing here has a timer. */
export type SchedulerSettings = Omit<PoolSettings, 'queueDrainMs' | 'queueTimeoutMs'>;

/** The rules for one flow ID over all levels. */
export type TenantRules = Omit<TenantConfig, 'tenantId'>;

/** The rules by flow ID. */
export type Tenants = ReadonlyMap<string, TenantRules>;

/**
 * `impossible`: more tokens than may ever be in flight; `tenant_full`, `level_full`: the depth of the tenant's or the
 * level's queue is reached; `pool_full`: the limit of the pool, in requests or bytes.
 */
export type Admission = 'queued' | 'impossible' | 'tenant_full' | 'level_full' | 'pool_full';
