import { Alert, Anchor, Text } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import type { HistoryEntry, Restored } from '../../api/history.ts';
import { changesPath, whatOf } from './entry-words.tsx';

interface RestoreResultProps {
  readonly restored: Restored;
  readonly of: HistoryEntry;
  readonly onLeave: () => void;
}

export function RestoreResult({ restored: { entry }, of, onLeave }: RestoreResultProps) {
  const { t } = useTranslation('history');
  const words = { what: whatOf(of, t), id: of.id };
  return (
    <Alert color="teal" icon={<IconCheck />} role="status">
      <Text size="sm">{t(entry === null ? 'wasSame' : 'isRestored', words)}</Text>
      {entry !== null && (
        <Anchor component={Link} href={changesPath(entry)} onClick={onLeave} size="sm">
          {t('newEntry', { id: entry.id })}
        </Anchor>
      )}
    </Alert>
  );
}
