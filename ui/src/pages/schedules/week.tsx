import { Alert, Group, Select, Skeleton, Stack, Text } from '@mantine/core';
import { IconClock } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { mostWindows, type PoolSchedules, type ScheduleList, useWindows } from '../../api/schedules.ts';
import { ErrorState } from '../../parts/states.tsx';
import type { Edited } from './schedule-values.ts';
import { mappingWindow, poolWindow, type ShownWindow } from './shown-windows.ts';
import { WeekView } from './week-view.tsx';
import { readerZone } from './zones.ts';

interface WeekProps {
  readonly isTeam: boolean;
  readonly mappingId: string | undefined;
  readonly pools: readonly PoolSchedules[];
  /** The page of schedules shown below. */
  readonly schedules: ScheduleList | undefined;
  readonly onEdit: (edited: Edited) => void;
  /** The filter before the choice of the zone. */
  readonly children: ReactNode;
}

/** The week of all windows, or of one mapping's; pools' settings are included if no mapping is chosen. */
export function Week({ isTeam, mappingId, pools, schedules, onEdit, children }: WeekProps) {
  const { t } = useTranslation('schedules');
  const windows = useWindows(mappingId, isTeam);
  const [zone, setZone] = useState(readerZone);
  if (windows.error) return <ErrorState error={windows.error} onRetry={windows.refetch} />;
  if (isTeam && windows.isPending) return <Skeleton height={620} />;
  const ofPools = mappingId === undefined ? pools : [];
  const shown = [
    ...(windows.data?.windows ?? []).map(mappingWindow),
    ...ofPools.flatMap(({ pool, windows: { windows: own } }) => own.map(window => poolWindow(window, pool))),
  ];
  const ofRows = [...(schedules?.schedules ?? []), ...ofPools.flatMap(({ schedules: rows }) => rows)];
  const zones = [...new Set([readerZone(), zone, ...ofRows.map(row => row.zone)])];
  const open = ({ scheduleId: id, mappingId: ofMapping }: ShownWindow) => {
    if (ofMapping !== null) return onEdit({ of: 'window', id, mappingId: ofMapping });
    const schedule = pools.flatMap(({ schedules: rows }) => rows).find(row => row.id === id);
    if (schedule !== undefined) onEdit({ of: 'pool', schedule });
  };
  return (
    <Stack gap="xs">
      <Group gap="xs">
        {children}
        <ZoneSelect zones={zones} value={zone} onChange={setZone} />
      </Group>
      <Text size="sm" c="dimmed">
        {t(zone === readerZone() ? 'onYourClock' : 'onClock', { zone })}
      </Text>
      {(windows.data?.total ?? 0) > mostWindows && (
        <Alert color="blue">{t('notAll', { shown: mostWindows, total: windows.data?.total })}</Alert>
      )}
      <WeekView windows={shown} zone={zone} onOpen={open} />
    </Stack>
  );
}

interface ZoneSelectProps {
  readonly zones: readonly string[];
  readonly value: string;
  readonly onChange: (zone: string) => void;
}

/** Chooses the time zone of the view. */
function ZoneSelect({ zones, value, onChange }: ZoneSelectProps) {
  const { t } = useTranslation('schedules');
  const own = readerZone();
  return (
    <Select
      aria-label={t('clock')}
      data={zones.map(zone => ({ value: zone, label: zone === own ? t('yours', { zone }) : zone }))}
      value={value}
      onChange={chosen => onChange(chosen ?? own)}
      allowDeselect={false}
      leftSection={<IconClock size={16} />}
      w={{ base: '100%', xs: 260 }}
    />
  );
}
