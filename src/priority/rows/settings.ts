/** The settings that change at run time: rows of api_key_priority_config over environment, file and default. */
import type { PrioritySettings } from '../../config/config.ts';
import { sections } from '../../config/keys.ts';
import type { Parser } from '../../config/values.ts';
import { errors } from '../../domain/errors.ts';
import type { Setting } from '../../domain/vocabulary.ts';

type SettingValues = { readonly [Key in keyof PrioritySettings]: PrioritySettings[Key]['value'] };

/** A field that is absent stays; null takes the row away. */
export type SettingsPatch = { readonly [Key in keyof SettingValues]?: SettingValues[Key] | null | undefined };

export interface SettingFault {
  readonly key: string;
  readonly reason: string;
}

export interface StoredSetting {
  readonly key: string;
  readonly value: string;
}

export interface SettingChange {
  readonly key: string;
  /** Null takes the row away. */
  readonly value: string | null;
}

/** A row may say what the file may say. */
const rules: { readonly [Key in keyof SettingValues]: Parser<SettingValues[Key]> } = sections.api_key_priority;

const isSettingKey = (key: string): key is keyof SettingValues => Object.hasOwn(rules, key);

/** Rows take precedence over `configured`; invalid ones are left out and reported. */
export function effectiveSettings(
  configured: PrioritySettings,
  rows: readonly StoredSetting[],
): { settings: PrioritySettings; faults: SettingFault[] } {
  const stored = new Map(rows.map(row => [row.key, row.value.trim().toLowerCase()]));
  const faults: SettingFault[] = [...stored.keys()]
    .filter(key => !isSettingKey(key))
    .map(key => ({ key, reason: `unknown; there are ${Object.keys(rules).join(', ')}` }));
  const effective = <Key extends keyof SettingValues>(key: Key): Setting<SettingValues[Key]> => {
    const text = stored.get(key);
    const value = text === undefined ? undefined : rules[key].parse(text);
    if (value !== undefined) return { value, source: 'database' };
    if (text !== undefined) faults.push({ key, reason: `must be ${rules[key].allowed}, not ${shown(text)}` });
    return fallback(configured, key);
  };
  const settings = {
    enabled: effective('enabled'),
    default_priority: effective('default_priority'),
    cache_ttl_sec: effective('cache_ttl_sec'),
    x_priority: effective('x_priority'),
    mode: effective('mode'),
  };
  return { settings, faults };
}

const shown = (text: string) => JSON.stringify(text.slice(0, 40));

function fallback<Key extends keyof SettingValues>(
  configured: { readonly [K in keyof SettingValues]: Setting<SettingValues[K]> },
  key: Key,
): Setting<SettingValues[Key]> {
  return configured[key];
}

/** Returns the changes of the rows by a patch; throws `invalid_request`. */
export function changesOf(patch: SettingsPatch): SettingChange[] {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  return given.map(([key, value]) => {
    if (!isSettingKey(key)) throw errors.invalidRequest(`there is no setting '${key}'`, key);
    if (value === null) return { key, value: null };
    const text = String(value);
    if (rules[key].parse(text) === undefined) throw errors.invalidRequest(`${key} must be ${rules[key].allowed}`, key);
    return { key, value: text };
  });
}
