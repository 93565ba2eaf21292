import { Alert, Badge, Button, Group, Text } from '@mantine/core';
import { IconDatabaseOff, IconPlugConnectedX } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Live } from '../../api/live.ts';

interface Props {
  readonly live: Live;
}

const colors = { connecting: 'gray', live: 'teal', lost: 'orange', held: 'blue' } as const;

/** Whether what is shown is now, and else from when it is. */
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

/** The lanes go on without the database, for a while; what that means is said here, and what is wrong with it. */
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

/** The time of day on the reader's clock, as the charts tell it. */
export function useClock(): (at: number | string) => string {
  const { i18n } = useTranslation();
  return useMemo(() => {
    const format = new Intl.DateTimeFormat(i18n.language, clockStyle);
    return (at: number | string) => format.format(new Date(at));
  }, [i18n.language]);
}
