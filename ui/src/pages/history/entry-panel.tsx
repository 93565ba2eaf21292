import { Anchor, Button, Group, Stack, Text } from '@mantine/core';
import { IconRestore } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { type HistoryEntry, useRestoring } from '../../api/history.ts';
import { useConfirm } from '../../parts/confirm.tsx';
import { FullMoment } from '../../parts/moment.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { ErrorState } from '../../parts/states.tsx';
import { ChangesTable } from './changes-table.tsx';
import { changesPath, KindBadge, nameOf, pathOf, whatOf } from './entry-words.tsx';
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
  const what = whatOf(entry, t);
  const { ask, dialog, data, error, isPending } = useAskedRestoring(entry);
  return (
    <SidePanel opened onClose={onClose} title={t('entryOf', { id: entry.id, what })} size="lg">
      {dialog}
      <Stack gap="md">
        <Group gap="sm" justify="space-between" align="flex-start">
          <Head entry={entry} />
          <Who {...entry} />
        </Group>
        <ChangesTable before={entry.before} after={entry.after} />
        {data && <RestoreResult restored={data} of={entry} onLeave={onClose} />}
        {error && <ErrorState error={error} />}
        <Group justify="space-between">
          <Links entry={entry} onClose={onClose} />
          <Button
            leftSection={<IconRestore size={16} />}
            variant="default"
            onClick={ask}
            loading={isPending}
            data-autofocus
          >
            {t('restore')}
          </Button>
        </Group>
      </Stack>
    </SidePanel>
  );
}

/** Shows the effect before it restores anything; the dialog has to be rendered. */
function useAskedRestoring(entry: HistoryEntry) {
  const { t } = useTranslation('history');
  const { mutate, ...restoring } = useRestoring();
  const [confirm, dialog] = useConfirm();
  const ask = () =>
    confirm({
      title: t('restoreOf', { what: whatOf(entry, t) }),
      text: <RestorePreview entry={entry} />,
      action: t('restore'),
      onConfirm: () => mutate(entry.id),
    });
  return { ...restoring, ask, dialog };
}

function Head({ entry }: Pick<EntryPanelProps, 'entry'>) {
  const name = nameOf(entry);
  return (
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
  );
}

function Links({ entry, onClose }: EntryPanelProps) {
  const { t } = useTranslation('history');
  return (
    <Group gap="md">
      <Anchor component={Link} href={changesPath(entry)} onClick={onClose} size="sm">
        {t('allChanges')}
      </Anchor>
      <Anchor component={Link} href={pathOf(entry)} size="sm">
        {t('toObject')}
      </Anchor>
    </Group>
  );
}
