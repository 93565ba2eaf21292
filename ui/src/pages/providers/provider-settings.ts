/** The settings of a provider as fields of a form: texts as in the file. */
import type { TFunction } from 'i18next';
import type { Fields, StoredProvider } from '../../api/providers.ts';
import type { providers as english } from '../../texts/en/providers.ts';

/** The values of the keys that have a few only. */
export const choices: Readonly<Record<string, readonly string[]>> = {
  type: ['openai', 'anthropic', 'loopback'],
  forward_priority: ['vllm', 'sglang', 'service_tier'],
  retry_unsafe: ['true', 'false'],
  passthrough: ['on', 'off'],
};

const ordered = ['type', 'base_url', 'models', 'max_concurrent', 'pool'];

/** Those that this type of provider has, the important ones first. */
export function keysOf({ settings }: StoredProvider): string[] {
  const keys = Object.keys(settings);
  return [...ordered.filter(key => keys.includes(key)), ...keys.filter(key => !ordered.includes(key))];
}

type KeyText = Extract<keyof typeof english, `key_${string}`>;

/** A key that this console does not know has its name in the file. */
export function labelOf(key: string, t: TFunction<'providers'>): string {
  return t(`key_${key}` as KeyText, { defaultValue: key });
}

export const urlsIn = (text: string): string[] => text.split(/[\s,]+/).filter(url => url !== '');

/** The changes in the form of the API; an emptied field deletes the stored value. */
export function patchOf(base: Readonly<Record<string, string>>, values: Readonly<Record<string, string>>): Fields {
  const changed = Object.entries(values).filter(([key, value]) => value.trim() !== (base[key] ?? ''));
  return Object.fromEntries(
    changed.map(([key, value]) => {
      if (value.trim() === '') return [key, null];
      return [key, key === 'base_url' ? urlsIn(value) : value.trim()];
    }),
  );
}
