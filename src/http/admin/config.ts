import type { PrioritySettings } from '../../config/config.ts';
import type { Identities } from '../../identity/identity.ts';
import { type AdminApp, admins, callerOf } from './access.ts';
import { type Settings, type SettingsPatch, settings, settingsPatch } from './contract/contract.ts';

/** The parts of the mapper that these routes use. */
export interface SettingsService {
  settings(): PrioritySettings;
  /** Returns the settings in effect afterwards. */
  putSettings(patch: SettingsPatch, actor: string): Promise<PrioritySettings>;
}

const url = '/api-key-priority/config';
const config = { roles: admins };

export function configRoutes(app: AdminApp, mapper: SettingsService, identities: Identities): void {
  app.get(url, { config, schema: { summary: 'Show the settings of mapping', response: { 200: settings } } }, async () =>
    shown(mapper.settings()),
  );

  app.put(
    url,
    { config, schema: { summary: 'Change settings of mapping', body: settingsPatch, response: { 200: settings } } },
    async request => shown(await mapper.putSettings(request.body, await identities.nameOf(callerOf(request)))),
  );
}

const shown = ({ enabled, default_priority, cache_ttl_sec, x_priority, mode }: PrioritySettings): Settings => ({
  enabled: enabled.value,
  default_priority: default_priority.value,
  cache_ttl_sec: cache_ttl_sec.value,
  x_priority: x_priority.value,
  mode: mode.value,
  source: {
    enabled: enabled.source,
    default_priority: default_priority.source,
    cache_ttl_sec: cache_ttl_sec.source,
    x_priority: x_priority.source,
    mode: mode.source,
  },
});
