import { Group, Paper, Text, Title } from '@mantine/core';
import { IconArrowRight, IconRocket } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { LanesEvent } from '../../../../src/http/admin/contract/live.ts';
import { useTimeLeft } from '../../parts/countdown.tsx';
import { fullText } from '../../parts/moment.tsx';
import { PriorityBadge } from '../../parts/priority.tsx';

interface Props {
  readonly boosts: LanesEvent['boosts'];
  readonly clockAheadMs: number;
}

/** The active boosts, each until its countdown ends. */
export function Boosts({ boosts, clockAheadMs }: Props) {
  const { t } = useTranslation('lanes');
  return (
    <Paper withBorder component="section" aria-label={t('boosts')} p="sm">
      <Group gap="md">
        <Group gap={6}>
          <IconRocket size={18} stroke={1.6} aria-hidden />
          <Title order={2} size="h5">
            {t('boosts')}
          </Title>
        </Group>
        {boosts.map(boost => (
          <Group key={boost.mapping_id} gap={6}>
            <Text size="sm" fw={600}>
              {boost.tenant_id ?? t('mapping', { id: boost.mapping_id })}
            </Text>
            <PriorityBadge level={boost.own_priority} />
            <IconArrowRight size={14} aria-label={t('boostedTo')} />
            <PriorityBadge level={boost.priority} />
            <EndsIn until={boost.until} clockAheadMs={clockAheadMs} />
          </Group>
        ))}
      </Group>
    </Paper>
  );
}

function EndsIn({ until, clockAheadMs }: { readonly until: string; readonly clockAheadMs: number }) {
  const { t, i18n } = useTranslation('lanes');
  return (
    <Text size="sm" title={fullText(new Date(until), i18n.language)}>
      {t('endsIn', { time: useTimeLeft(until, clockAheadMs) })}
    </Text>
  );
}
