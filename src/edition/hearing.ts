/** What is held in memory of the tables, and hears that they were changed. */
import type { TableName } from '../db/schema.ts';
import type { StoredChange } from '../domain/peers.ts';
import type { Identities } from '../identity/identity.ts';
import type { LivePools } from '../pool-settings/pool-settings.ts';
import type { Mapper } from '../priority/priority.ts';
import type { LiveProviders } from '../providers/providers.ts';

interface InMemory {
  readonly identities: Identities;
  readonly pools: LivePools;
  readonly mapper: Mapper;
  readonly providers: LiveProviders;
}

const poolTables = ['scheduler_pool_config', 'scheduler_pool_schedules'] as const;
const providerTables = ['providers', 'provider_endpoints', 'provider_keys', 'model_routes'] as const;
const priorityTables = [
  'api_key_priority_mappings',
  'api_key_priority_config',
  'api_key_priority_boosts',
  'api_key_priority_schedules',
] as const;

export function hearChanges(tables: ReadonlySet<TableName>, { identities, pools, mapper, providers }: InMemory): void {
  if (tables.has('users') || tables.has('api_keys')) void identities.refresh();
  else if (tables.has('console_sessions')) void identities.sessions.refresh();
  if (poolTables.some(table => tables.has(table))) pools.changed();
  if (providerTables.some(table => tables.has(table))) providers.changed();
  if (priorityTables.some(table => tables.has(table))) mapper.changed();
}

/** One change that another process of this gateway has written. */
export async function hearOf(change: StoredChange, { identities, pools, mapper, providers }: InMemory): Promise<void> {
  if (change.of === 'mappings') await mapper.catchUp();
  else if (change.of === 'pools') await pools.catchUp();
  else if (change.of === 'providers') await providers.catchUp();
  else identities.hear(change);
}
