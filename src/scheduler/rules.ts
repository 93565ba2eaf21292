import type { PoolSettings, TenantConfig } from '../config/config.ts';

/** How one pool shares its seats. Nothing here has a timer. */
export type SchedulerSettings = Omit<PoolSettings, 'queueDrainMs' | 'queueTimeoutMs'>;

/** The rules for one flow ID over all levels. */
export type TenantRules = Omit<TenantConfig, 'tenantId'>;

/** The rules by flow ID. */
export type Tenants = ReadonlyMap<string, TenantRules>;
