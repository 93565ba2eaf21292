import { Badge, Text } from '@mantine/core';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { type HistoryEntry, kinds, objects } from '../../api/history.ts';

const kindColors: Readonly<Record<string, string>> = { create: 'teal', update: 'blue', delete: 'red' };

/** Returns `Mapping`, `Boost`; the gateway's own word if this console does not know it. */
export function objectText(object: string, t: TFunction<'history'>): string {
  const known = objects.find(name => name === object);
  return known === undefined ? object : t(`object_${known}`);
}

/** Returns `Mapping 12`. */
export const whatOf = ({ object, object_id }: HistoryEntry, t: TFunction<'history'>): string =>
  `${objectText(object, t)} ${object_id}`;

export function KindBadge({ kind }: Pick<HistoryEntry, 'kind'>) {
  const { t } = useTranslation('history');
  const known = kinds.find(name => name === kind);
  return (
    <Badge variant="outline" color={kindColors[kind] ?? 'gray'} tt="none" size="sm" style={{ flexShrink: 0 }}>
      <Text span inherit c="var(--mantine-color-text)">
        {known === undefined ? kind : t(`kind_${known}`)}
      </Text>
    </Badge>
  );
}

/** Returns the usual name of the object: a mapping's pattern, a schedule's hours. Null if its ID is enough. */
export function nameOf({ object, before, after }: HistoryEntry): string | null {
  const row = after ?? before ?? {};
  const text = (field: string): string => (typeof row[field] === 'string' ? row[field] : '');
  if (object === 'mapping') return text('pattern') || null;
  if (object === 'schedule' || object === 'pool_schedule') {
    const hours = `${text('weekdays')} ${text('start_time')}–${text('end_time')}`;
    return object === 'schedule'
      ? `#${String(row.mapping_id)} · ${hours}`
      : `${text('pool')}/${text('key')} · ${hours}`;
  }
  return null;
}

const searchable = (pattern: string): string => encodeURIComponent(pattern);

const providerPath = (name: unknown): string => `/providers?edit=${encodeURIComponent(String(name))}`;

/** The page that shows the present object. */
export function pathOf(entry: HistoryEntry): string {
  const { object, before, after } = entry;
  const { pattern, match_type, provider } = after ?? before ?? {};
  const isFound = object === 'mapping' && typeof pattern === 'string' && match_type !== 'exact';
  const paths: Readonly<Record<string, string>> = {
    mapping: isFound ? `/mappings?q=${searchable(pattern)}` : '/mappings',
    boost: '/mappings?state=boosted',
    schedule: '/schedules',
    pool_schedule: '/schedules',
    setting: '/settings',
    pool_setting: '/pools',
    provider: providerPath(entry.object_id),
    provider_endpoint: providerPath(provider),
    provider_key: providerPath(provider),
    model_route: '/routes',
  };
  return paths[object] ?? '/history';
}

/** The page of all changes of the same object. */
export const changesPath = ({ object, object_id }: Pick<HistoryEntry, 'object' | 'object_id'>): string =>
  `/history?object=${object}&object_id=${encodeURIComponent(object_id)}`;
