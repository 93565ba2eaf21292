import { Alert, Badge, Button, Group, Text } from '@mantine/core';
import { IconDatabaseOff, IconPlugConnectedX } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Live } from '../../api/live.ts';

interface Props {
  readonly live: Live;
}

const colors = { connecting: 'gray', live: 'teal', lost: 'orange', held: 'blue' } as const;

/** Shows whether the data are live, and otherwise their time. */
export function StreamBadge({ live: { state, lastNewsAt } }: Props) {
  const { t } = useTranslation('lanes');
  const clock = useClock();
  return (
    <Group gap="xs" mih={22}>
      <Badge variant="dot" color={colors[state]} tt="none" fw={500}>
        {t(`state_${state}`)}
      </Badge>
      {lastNewsAt !== null && <span>{t('asOf', { time: clock(lastNewsAt) })}</span>}
    </Group>
  );
}

export function StreamLost({ live: { state, lastNewsAt }, onRetry }: Props & { readonly onRetry: () => void }) {
  const { t } = useTranslation('lanes');
  const clock = useClock();
  if (state !== 'lost') return null;
  return (
    <Alert color="orange" icon={<IconPlugConnectedX />} title={t('lost')} role="alert" mb="md">
      <Group justify="space-between" gap="sm">
        <Text size="sm">{lastNewsAt === null ? t('noNewsYet') : t('noNewsSince', { time: clock(lastNewsAt) })}</Text>
        <Button size="xs" variant="default" onClick={onRetry}>
          {t('tryNow')}
        </Button>
      </Group>
    </Alert>
  );
}

/** The gateway serves without the database for a while; this explains the consequence and the fault. */
export function DatabaseState({ live: { lanes } }: Props) {
  const { t } = useTranslation('lanes');
  const state = lanes?.database ?? 'ready';
  if (state === 'ready') return null;
  return (
    <Alert color="red" icon={<IconDatabaseOff />} title={t(`database_${state}`)} role="alert" mb="md">
      <Text size="sm">{t(`database_${state}_what`)}</Text>
      {lanes?.database_reasons.map(reason => (
        <Text key={reason} size="sm" mt={4} fw={500}>
          {reason}.
        </Text>
      ))}
    </Alert>
  );
}

const clockStyle = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;

/** Formats the time of day in local time, as the charts do. */
export function useClock(): (at: number | string) => string {
  const { i18n } = useTranslation();
  return useMemo(() => {
    const format = new Intl.DateTimeFormat(i18n.language, clockStyle);
    return (at: number | string) => format.format(new Date(at));
  }, [i18n.language]);
}
