import type { PrioritySettings } from '../../../config/config.ts';
import type { MapperStatus } from '../../../priority/priority.ts';
import { type AdminApp, admins } from '../access.ts';
import { type MappingStatus, mappingStatus } from '../contract/contract.ts';

/** The parts of the mapper that this route uses. */
export interface StatusService {
  status(): MapperStatus;
  settings(): PrioritySettings;
}

export function mappingStatusRoutes(app: AdminApp, mapper: StatusService): void {
  app.get(
    '/api-key-priority/status',
    { config: { roles: admins }, schema: { summary: 'What serves, and since when', response: { 200: mappingStatus } } },
    async () => shown(mapper.status(), mapper.settings()),
  );
}

const shown = (
  { loadedAt, reloadBy, usable, faulty, degraded }: MapperStatus,
  { enabled, mode, default_priority, cache_ttl_sec }: PrioritySettings,
): MappingStatus => ({
  loaded_at: loadedAt?.toISOString() ?? null,
  usable,
  faulty,
  degraded,
  enabled: enabled.value,
  mode: mode.value,
  default_priority: default_priority.value,
  cache_ttl_sec: cache_ttl_sec.value,
  next_reload_by: reloadBy?.toISOString() ?? null,
});
