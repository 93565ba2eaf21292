import { Badge, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useWindows } from '../../api/schedules.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { ErrorState } from '../../parts/states.tsx';
import { readerZone } from './zones.ts';

interface NextWindowsProps {
  readonly mappingId: number;
  /** The schedule that is edited; null: a new one. */
  readonly scheduleId: number | null;
}

const mostShown = 8;
const spanStyle = {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
} as const;

/** The windows of the mapping's schedules in the next days, which no other window may overlap. */
export function NextWindows({ mappingId, scheduleId }: NextWindowsProps) {
  const { t, i18n } = useTranslation('schedules');
  const { data, error, refetch } = useWindows(mappingId, true);
  if (error) return <ErrorState error={error} onRetry={refetch} />;
  if (data === undefined) return null;
  const format = new Intl.DateTimeFormat(i18n.language, spanStyle);
  const shown = data.windows.slice(0, mostShown);
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500}>
        {t('nextWindows', { zone: readerZone() })}
      </Text>
      {shown.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('noWindows')}
        </Text>
      )}
      {shown.map(({ schedule_id: id, priority, start, end }) => (
        <Group key={`${id} ${start}`} gap="xs" wrap="nowrap">
          <PriorityBadge level={priority} />
          <Text size="sm">{format.formatRange(new Date(start), new Date(end))}</Text>
          <Badge variant="default" size="sm" tt="none">
            {t(id === scheduleId ? 'thisOne' : 'otherOne', { id })}
          </Badge>
        </Group>
      ))}
    </Stack>
  );
}
