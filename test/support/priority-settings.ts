import type { PrioritySettings } from '../../src/config/config.ts';
import type { SettingSource } from '../../src/domain/vocabulary.ts';

type Values = { readonly [Key in keyof PrioritySettings]: PrioritySettings[Key]['value'] };

/** Mapping is on, and the rest is as by default, unless the test says otherwise. */
export function prioritySettings(values: Partial<Values> = {}, source: SettingSource = 'default'): PrioritySettings {
  const { enabled = true, default_priority = 7, cache_ttl_sec = 300, x_priority = 'allow', mode = 'enforce' } = values;
  return {
    enabled: { value: enabled, source },
    default_priority: { value: default_priority, source },
    cache_ttl_sec: { value: cache_ttl_sec, source },
    x_priority: { value: x_priority, source },
    mode: { value: mode, source },
  };
}
