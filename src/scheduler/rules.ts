import type { PoolSettings, TenantConfig } from '../config/config.ts';

/** How one pool shares its seats. How long a request may wait is the dispatcher's: nothing here has a timer. */
export type SchedulerSettings = Omit<PoolSettings, 'queueDrainMs' | 'queueTimeoutMs'>;

/** What holds for one flow id over all levels. */
export type TenantRules = Omit<TenantConfig, 'tenantId'>;

/** The rules by flow ID. */
export type Tenants = ReadonlyMap<string, TenantRules>;
