import { Anchor, Button, Drawer, Group, Stack, Text } from '@mantine/core';
import { IconRestore } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { type HistoryEntry, useRestoring } from '../../api/history.ts';
import { useConfirm } from '../../parts/confirm.tsx';
import { FullMoment } from '../../parts/moment.tsx';
import { ErrorState } from '../../parts/states.tsx';
import { ChangesTable } from './changes-table.tsx';
import { changesPath, KindBadge, nameOf, objectText, pathOf } from './entry-words.tsx';
import { Who } from './history-columns.tsx';
import { RestorePreview } from './restore-preview.tsx';
import { RestoreResult } from './restore-result.tsx';

interface EntryPanelProps {
  readonly entry: HistoryEntry;
  readonly onClose: () => void;
}

/** One change: who made it, what it did, and the way to undo it. */
export function EntryPanel({ entry, onClose }: EntryPanelProps) {
  const { t } = useTranslation('history');
  const { t: shared } = useTranslation();
  const restoring = useRestoring();
  const [confirm, dialog] = useConfirm();
  const name = nameOf(entry);
  const what = `${objectText(entry.object, t)} ${entry.object_id}`;
  const askRestore = () =>
    confirm({
      title: t('restoreOf', { what }),
      text: <RestorePreview entry={entry} />,
      action: t('restore'),
      onConfirm: () => restoring.mutate(entry.id),
    });
  return (
    <Drawer
      opened
      onClose={onClose}
      title={t('entryOf', { id: entry.id, what })}
      position="right"
      size="lg"
      closeButtonProps={{ 'aria-label': shared('close') }}
    >
      {dialog}
      <Stack gap="md">
        <Group gap="sm" justify="space-between" align="flex-start">
          <Stack gap={4}>
            <Group gap={6}>
              <KindBadge kind={entry.kind} />
              <Text size="sm">
                <FullMoment at={entry.at} />
              </Text>
            </Group>
            {name !== null && (
              <Text size="sm" className="mono" style={{ overflowWrap: 'anywhere' }}>
                {name}
              </Text>
            )}
          </Stack>
          <Who {...entry} />
        </Group>
        <ChangesTable before={entry.before} after={entry.after} />
        {restoring.data && <RestoreResult restored={restoring.data} of={entry} onLeave={onClose} />}
        {restoring.error && <ErrorState error={restoring.error} />}
        <Group justify="space-between">
          <Group gap="md">
            <Anchor component={Link} href={changesPath(entry)} onClick={onClose} size="sm">
              {t('allChanges')}
            </Anchor>
            <Anchor component={Link} href={pathOf(entry)} size="sm">
              {t('toObject')}
            </Anchor>
          </Group>
          <Button
            leftSection={<IconRestore size={16} />}
            variant="default"
            onClick={askRestore}
            loading={restoring.isPending}
            data-autofocus
          >
            {t('restore')}
          </Button>
        </Group>
      </Stack>
    </Drawer>
  );
}
