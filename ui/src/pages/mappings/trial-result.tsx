import { Alert, Group, List, Loader, SimpleGrid, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Tried } from '../../../../src/http/admin/contract/transfer.ts';
import { Moment } from '../../parts/moment.tsx';
import { type Impact, Moves } from './moves.tsx';
import { ShareChanges } from './share-changes.tsx';

interface TrialResultProps {
  readonly tried: Tried | undefined;
  readonly isTrying: boolean;
  /** Shown while there is nothing to try yet. */
  readonly hint: string;
}

/** The effect of a change, and lint's findings about it; updated while it is typed. */
export function TrialResult({ tried, isTrying, hint }: TrialResultProps) {
  const { t } = useTranslation('mappings');
  return (
    <Stack gap="sm" component="section" aria-label={t('wouldChange')} aria-live="polite" aria-busy={isTrying}>
      <Group gap="xs" mih={24}>
        <Text fw={600} size="sm">
          {t('wouldChange')}
        </Text>
        {isTrying && <Loader size={14} aria-label={t('trying')} />}
      </Group>
      {tried === undefined ? (
        <Text size="sm" c="dimmed">
          {isTrying ? t('trying') : hint}
        </Text>
      ) : (
        <>
          <Warnings tried={tried} />
          <ImpactFigures impact={tried.impact} />
        </>
      )}
    </Stack>
  );
}

function Warnings({ tried: { warnings } }: { readonly tried: Tried }) {
  const { t } = useTranslation('mappings');
  if (warnings.length === 0) return null;
  return (
    <Alert color="orange" variant="light" icon={<IconAlertTriangle />} title={t('warnings')}>
      <List size="sm" spacing={4}>
        {warnings.map(({ message }) => (
          <List.Item key={message} style={{ overflowWrap: 'anywhere' }}>
            {message}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

function ImpactFigures({ impact }: { readonly impact: Impact }) {
  const { t } = useTranslation('mappings');
  const { mapping, keys, requests } = impact;
  return (
    <>
      {mapping !== 'enforced' && (
        <Text size="sm" c="dimmed">
          {t(mapping === 'off' ? 'impactWhileOff' : 'impactWhileShadow')}
        </Text>
      )}
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
        <Figure label={t('keys')} figures={keys} />
        <Figure label={t('recentRequests')} figures={requests} since={requests.since} />
      </SimpleGrid>
      <ShareChanges impact={impact} />
      <Moves impact={impact} />
    </>
  );
}

interface FigureProps {
  readonly label: string;
  readonly figures: Impact['keys'];
  readonly since?: string;
}

function Figure({ label, figures: { total, changed, unknown }, since }: FigureProps) {
  const { t } = useTranslation('mappings');
  return (
    <Stack gap={0}>
      <Text size="xs" c="dimmed">
        {label} {since !== undefined && <SinceMoment at={since} />}
      </Text>
      <Text fw={600}>{t('changedOf', { changed, total })}</Text>
      {unknown > 0 && (
        <Text size="xs" c="dimmed">
          {t('unknown', { unknown })}
        </Text>
      )}
    </Stack>
  );
}

function SinceMoment({ at }: { readonly at: string }) {
  const { t } = useTranslation('mappings');
  return (
    <>
      {t('since')} <Moment at={at} />
    </>
  );
}
