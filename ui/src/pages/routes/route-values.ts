/** A route as the values of its form, and back. */
import type { Fields } from '../../api/providers.ts';
import type { StoredRoute } from '../../api/routes.ts';

export const fieldNames = [
  'name',
  'targets',
  'aliases',
  'spill_after_sec',
  'spill_levels',
  'description',
  'enabled',
] as const;

export interface Values {
  readonly name: string;
  /** Each entry is one place: `provider:model`, several with `|` between share it by weight. */
  readonly targets: string[];
  readonly aliases: string[];
  readonly spill_after_sec: string;
  readonly spill_levels: string;
  readonly description: string;
  readonly enabled: boolean;
}

/** Separates at commas, but not at those in double quotes. */
const entriesOf = (text: string): string[] =>
  (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []).map(entry => entry.trim()).filter(entry => entry !== '');

export function valuesOf(stored: StoredRoute | null): Values {
  const text = (key: string) => stored?.settings[key] ?? '';
  return {
    name: '',
    targets: entriesOf(text('targets')),
    aliases: entriesOf(text('aliases')),
    spill_after_sec: text('spill_after_sec'),
    spill_levels: text('spill_levels'),
    description: stored?.description ?? '',
    enabled: stored?.enabled ?? true,
  };
}

/** Only what was changed; an emptied field deletes what is stored of it. */
export function patchOf(base: Values, values: Values): Fields {
  const changed = fieldNames.filter(name => name !== 'name' && String(base[name]) !== String(values[name]));
  return Object.fromEntries(changed.map(name => [name, sent(values[name])]));
}

function sent(value: Values[keyof Values]): string | boolean | null {
  if (typeof value === 'boolean') return value;
  const text = (typeof value === 'string' ? value : value.join(', ')).trim();
  return text === '' ? null : text;
}
