import { Alert, Badge, Box, Button, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconPencil } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { PoolKey, ShownPool } from '../../api/pools.ts';
import type { ShownProvider } from '../../api/providers.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { Section } from '../../parts/section.tsx';
import { SourceBadge } from '../../parts/setting-fields.tsx';
import { LevelTable } from './level-table.tsx';
import { groupNames, settingsOf, type Unit } from './pool-form-values.ts';
import { usePoolValueText } from './pool-words.tsx';
import { ScheduledNote } from './scheduled-note.tsx';

interface PoolCardProps {
  readonly pool: ShownPool;
  readonly providers: readonly ShownProvider[];
  readonly onEdit: () => void;
}

/** One pool: its settings in effect, and the source of each value. */
export function PoolCard({ pool, providers, onEdit }: PoolCardProps) {
  const { t } = useTranslation('pools');
  const names = providers.filter(provider => provider.pool === pool.name).map(({ name }) => name);
  return (
    <Section
      title={<Name pool={pool} />}
      hint={names.length > 0 ? t('servedBy', { names: names.join(', ') }) : undefined}
      aside={
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPencil size={15} />}
          onClick={onEdit}
          aria-label={t('changeOf', { pool: pool.name })}
        >
          {t('change')}
        </Button>
      }
    >
      <Stack gap="md">
        {pool.fault !== null && (
          <Alert color="yellow" icon={<IconAlertTriangle />} title={t('fault')}>
            {pool.fault}
          </Alert>
        )}
        <ScheduledNote pool={pool} />
        <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="xl">
          {groupNames.map(group => (
            <SettingGroup key={group} pool={pool} group={group} />
          ))}
        </SimpleGrid>
        <LevelTable pool={pool} />
      </Stack>
    </Section>
  );
}

interface OfPool {
  readonly pool: ShownPool;
}

function Name({ pool: { name, seats } }: OfPool) {
  const { t } = useTranslation('pools');
  const { count } = useNumbers();
  return (
    <Group gap="xs">
      {name}
      <Badge variant="default" radius="sm" tt="none">
        {t('seats', { count: seats, seats: count(seats) })}
      </Badge>
    </Group>
  );
}

/** The settings of a group that are the same for all levels. */
function SettingGroup({ pool, group }: OfPool & { readonly group: (typeof groupNames)[number] }) {
  const { t } = useTranslation('pools');
  const sharingHint = pool.policy === 'strict' ? t('shareByHint_strict') : t(`shareByHint_${pool.share_by as 'level'}`);
  return (
    <Box>
      <Text size="xs" fw={600} c="dimmed" mb={4}>
        {t(`group_${group}`)}
      </Text>
      {settingsOf(group)
        .filter(({ kind }) => kind !== 'levels')
        .map(({ key, unit }) => (
          <Value key={key} pool={pool} name={key} unit={unit} />
        ))}
      {group === 'sharing' && (
        <Text size="xs" c="dimmed" mt={4}>
          {t(`policyHint_${pool.policy as 'strict'}`)} {sharingHint}
        </Text>
      )}
    </Box>
  );
}

interface ValueProps extends OfPool {
  readonly name: PoolKey;
  readonly unit: Unit | undefined;
}

function Value({ pool, name, unit }: ValueProps) {
  const { t } = useTranslation('pools');
  const text = usePoolValueText();
  const value = pool[name];
  return (
    <Group justify="space-between" gap="xs" py={3} wrap="nowrap">
      <Text size="sm">{t(name)}</Text>
      <Group gap="xs" wrap="nowrap">
        <Text
          size="sm"
          fw={500}
          ta="right"
          style={{ whiteSpace: 'nowrap' }}
          {...(value === null ? { c: 'dimmed' } : {})}
        >
          {text(value, unit)}
        </Text>
        <SourceBadge source={pool.source[name]} />
      </Group>
    </Group>
  );
}
