/** Stored providers, keys and routes in words. */
import type {
  StoredKey,
  StoredProvider,
  StoredRoute,
  TriedProvider,
} from '../../../http/admin/contract/stored-providers.ts';
import { table, visible } from '../output.ts';

export function providerText({ sources, keys, ...stored }: StoredProvider): string {
  const rows = Object.entries(stored.settings).map(([key, value]) => [key, value || '-', sources[key] ?? '-']);
  const settings = table([{ title: 'setting' }, { title: 'value' }, { title: 'from' }], rows);
  return headText(stored) + settings + keys.map(keyText).join('');
}

export const routeText = (stored: StoredRoute): string =>
  headText(stored) +
  table(
    [{ title: 'setting' }, { title: 'value' }],
    Object.entries(stored.settings).map(([key, value]) => [key, value || '-']),
  );

type Head = Pick<StoredRoute, 'name' | 'source' | 'enabled' | 'description' | 'fault'>;

function headText({ name, source, enabled, description, fault }: Head): string {
  const about = description === null ? '' : `: ${visible(description)}`;
  const state = enabled ? '' : ', out of service';
  const wrong = fault === null ? '' : `  at fault: ${visible(fault)}\n`;
  return `${visible(name)} (${source}${state})${about}\n${wrong}`;
}

function keyText({ id, fingerprint, origins, description, ...key }: StoredKey): string {
  const about = description === null ? '' : ` (${visible(description)})`;
  return `  key ${id}: ${fingerprint}${about} for ${origins.map(visible).join(', ')}: ${visible(stateOf(key))}\n`;
}

function stateOf({
  fault,
  set_aside_at,
  why,
  refused_until,
}: Pick<StoredKey, 'fault' | 'set_aside_at' | 'why' | 'refused_until'>) {
  if (fault !== null) return fault;
  if (set_aside_at !== null) return why === null ? 'set aside' : `set aside: ${why}`;
  return refused_until === null ? 'used' : `the upstream has refused it with 401; not used until ${refused_until}`;
}

export function triedText({ url, ...tried }: TriedProvider['endpoints'][number]): string {
  const { answers, ms, models, models_left_out, error, request } = tried;
  const left = models_left_out > 0 ? ` and ${models_left_out} more` : '';
  const listed = answers
    ? `${counted(models.length + models_left_out, 'model')} in ${ms} ms: ${models.map(visible).join(', ')}${left}`
    : `no models: ${visible(error ?? '')}`;
  return `${visible(url)}: ${listed}\n${request === null ? '' : requestText(request)}`;
}

function requestText({ status, ms, error }: NonNullable<TriedProvider['endpoints'][number]['request']>): string {
  const why = error === null ? '' : `: ${visible(error)}`;
  return `  one request: ${status ?? 'no answer'} in ${ms} ms${why}\n`;
}

export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;
