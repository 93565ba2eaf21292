import type { Level, TenantType } from '../../domain/vocabulary.ts';

/** One tenant of the example. Its keys begin with `tok_` and the prefix, which its one mapping matches. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly type: TenantType;
  readonly keyPrefix: string;
  /** The initial level of the mapping; operators may have changed it since. */
  readonly level: Level;
  readonly description: string;
}

const tenant = (type: TenantType, level: Level, keyPrefix: string, id: string, name: string, description: string) => ({
  type,
  level,
  keyPrefix,
  id,
  name,
  description,
});

/** Identical to config/examples/eight-tenants.sql; a test compares them. */
export const tenants: readonly Tenant[] = [
  tenant('internal', 0, 'prod', 'dept-prod', 'Production Team', 'Live traffic'),
  tenant('internal', 1, 'ml', 'dept-ml', 'ML Research', 'Experiments'),
  tenant('internal', 2, 'analytics', 'dept-analytics', 'Analytics', 'Reports'),
  tenant('internal', 3, 'dev', 'dept-dev', 'Development', 'Developers at their desks'),
  tenant('external', 5, 'ext_ent', 'ext-enterprise', 'Enterprise', 'Customers with a contract'),
  tenant('external', 6, 'ext_prem', 'ext-premium', 'Premium', 'Paying customers'),
  tenant('external', 7, 'ext_std', 'ext-standard', 'Standard', 'Paying customers, basic'),
  tenant('external', 9, 'ext_free', 'ext-free', 'Free', 'Trial accounts'),
];

export const emailOf = ({ id }: Tenant): string => `${id}@example.com`;
