import { Alert, Anchor, Text } from '@mantine/core';
import { IconCalendarTime } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { type ShownPool, useOpenWindows } from '../../api/pools.ts';
import { Moment } from '../../parts/moment.tsx';
import { allKeys } from './pool-form-values.ts';

/** The settings that a schedule controls now, and until when. */
export function ScheduledNote({ pool }: { readonly pool: ShownPool }) {
  const { t } = useTranslation('pools');
  const scheduled = allKeys.filter(key => pool.source[key] === 'schedule');
  const windows = useOpenWindows(pool.name, scheduled.length > 0).data ?? [];
  if (scheduled.length === 0) return null;
  return (
    <Alert color="grape" icon={<IconCalendarTime />} title={t('scheduleHolds')}>
      {scheduled.map(key => {
        const end = windows.find(window => window.key === key)?.end;
        return (
          <Text key={key} size="sm">
            {t(key)}
            {end !== undefined && (
              <>
                {' – '}
                {t('windowEnds')} <Moment at={end} />
              </>
            )}
          </Text>
        );
      })}
      <Text size="sm">
        {t('scheduleUnder')}{' '}
        <Anchor component={Link} href="/schedules" size="sm" inherit underline="always" c="inherit">
          {t('toSchedules')}
        </Anchor>
      </Text>
    </Alert>
  );
}
