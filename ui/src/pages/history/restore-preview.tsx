import { Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { type HistoryEntry, useLatest } from '../../api/history.ts';
import { ErrorState, LoadingState } from '../../parts/states.tsx';
import { isSameImage } from './changes.ts';
import { ChangesTable } from './changes-table.tsx';

/** Compares the state to be restored with the object's present one, which is in its last entry. */
export function RestorePreview({ entry }: { readonly entry: HistoryEntry }) {
  const { t } = useTranslation('history');
  const { data: latest, error, isPending, refetch } = useLatest(entry);
  if (error) return <ErrorState error={error} onRetry={refetch} />;
  if (isPending) return <LoadingState />;
  const now = latest?.after ?? null;
  const words = () => {
    if (isSameImage(now, entry.after)) return 'restoreSame';
    if (entry.after === null) return 'restoreDeletes';
    return now === null ? 'restoreCreates' : 'restoreChanges';
  };
  return (
    <Stack gap="sm">
      <Text size="sm">{t(words(), { id: entry.id })}</Text>
      {words() !== 'restoreSame' && (
        <ChangesTable before={now} after={entry.after} titles={{ before: t('now'), after: t('restoredTo') }} />
      )}
    </Stack>
  );
}
