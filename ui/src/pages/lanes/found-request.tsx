import { Alert, Badge, DataList, Group, Loader, Paper, Stack, Text } from '@mantine/core';
import { IconGhost, IconHourglass, IconPlayerPlay } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { isGone, type PresentRequest, useRequest } from '../../api/requests.ts';
import { durationText } from '../../parts/duration.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { ErrorState } from '../../parts/states.tsx';
import { useClock } from './stream-state.tsx';

/** Shows where a request is, and why; polls while it exists. */
export function FoundRequest({ id }: { readonly id: string }) {
  const query = useRequest(id);
  const { t } = useTranslation('lanes');
  const isOver = isGone(query.error);
  return (
    <Paper withBorder p="md" component="section" aria-label={t('request')} aria-live="polite">
      <Stack gap="sm">
        {query.isPending && <Loader size="sm" aria-label={t('looking')} />}
        {isOver && <Gone seen={query.data ?? null} seenAt={query.dataUpdatedAt} />}
        {query.isError && !isOver && <ErrorState error={query.error} onRetry={query.refetch} />}
        {query.data && <Present request={query.data} isOver={isOver} />}
      </Stack>
    </Paper>
  );
}

function Gone({ seen, seenAt }: { readonly seen: PresentRequest | null; readonly seenAt: number }) {
  const { t } = useTranslation('lanes');
  const clock = useClock();
  return (
    <Alert color="gray" icon={<IconGhost />} title={t('gone')}>
      {seen === null ? t('neverSeen') : t(`goneFrom_${seen.state}`, { time: clock(seenAt) })}
    </Alert>
  );
}

function Present({ request, isOver }: { readonly request: PresentRequest; readonly isOver: boolean }) {
  const { t } = useTranslation('lanes');
  const isWaiting = request.state === 'waiting';
  return (
    <>
      <Group gap="xs">
        <Badge
          color={isWaiting ? 'yellow.5' : 'teal.9'}
          tt="none"
          leftSection={isWaiting ? <IconHourglass size={13} /> : <IconPlayerPlay size={13} />}
        >
          {t(isWaiting ? 'isWaiting' : 'isRunning')}
        </Badge>
        <PriorityBadge level={request.level} />
        <Text size="sm">{t('inPool', { pool: request.pool })}</Text>
        <Text size="sm" className="mono">
          {request.flow_id}
        </Text>
      </Group>
      {request.reason !== null && !isOver && (
        <Alert color="blue" title={t('whyItWaits')}>
          {t(`reason_${request.reason.code}`)}
        </Alert>
      )}
      <Facts request={request} />
    </>
  );
}

function Facts({ request }: { readonly request: PresentRequest }) {
  const { t } = useTranslation('lanes');
  const { count } = useNumbers();
  const { position, ahead, expected_wait_ms, gives_up_in_ms, gateway } = request;
  const facts: (readonly [string, string])[] = [
    [t(request.state === 'waiting' ? 'waitsFor' : 'hasWaited'), durationText(request.waited_ms)],
  ];
  if (request.state === 'waiting') {
    const about = expected_wait_ms === null ? t('unknown') : t('about', { time: durationText(expected_wait_ms) });
    facts.push([t('expectedWait'), about]);
    facts.push([t('givesUpIn'), gives_up_in_ms === null ? t('unknown') : durationText(gives_up_in_ms)]);
  }
  if (gateway !== undefined) facts.push([t('atGateway'), gateway]);
  if (position !== null) facts.push([t('position'), count(position)]);
  if (ahead !== null) {
    const { better_levels, own_level, worse_levels, own_flow } = ahead;
    facts.push([
      t('ahead'),
      t(worse_levels > 0 ? 'aheadOfAll' : 'aheadOf', {
        better: count(better_levels),
        level: count(own_level),
        worse: count(worse_levels),
        flow: count(own_flow),
      }),
    ]);
  }
  return (
    <DataList labelWidth={150} size="sm">
      {facts.map(([label, value]) => (
        <DataList.Item key={label}>
          <DataList.ItemLabel>{label}</DataList.ItemLabel>
          <DataList.ItemValue>{value}</DataList.ItemValue>
        </DataList.Item>
      ))}
    </DataList>
  );
}
