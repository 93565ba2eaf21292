import { Button, Group, Stack, Text } from '@mantine/core';
import { IconPencil } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { type StoredProvider, useChangeProvider, useDeleteProvider } from '../../api/providers.ts';
import { useConfirm } from '../../parts/confirm.tsx';
import { tellDone, tellError } from '../../parts/tell.ts';

interface ProviderActionsProps {
  readonly stored: StoredProvider;
  readonly onEdit: () => void;
  readonly onDeleted: () => void;
}

export function ProviderActions({ stored, onEdit, onDeleted }: ProviderActionsProps) {
  const { t } = useTranslation('providers');
  const { t: shared } = useTranslation();
  const [confirm, dialog] = useConfirm();
  const { setEnabled, remove, isBusy } = useActions(stored, onDeleted);
  const { name, enabled, description, source } = stored;
  const ask = (action: 'disable' | 'delete', onConfirm: () => void) =>
    confirm({ title: t(`of_${action}`, { name }), text: t(`ask_${action}`), action: t(action), onConfirm });
  return (
    <Stack gap="xs">
      {dialog}
      {description !== null && <Text size="sm">{description}</Text>}
      <Group gap="xs">
        <Button size="xs" leftSection={<IconPencil size={15} />} onClick={onEdit}>
          {shared('edit')}
        </Button>
        <Button
          size="xs"
          variant="default"
          loading={isBusy}
          onClick={() => (enabled ? ask('disable', () => setEnabled(false)) : setEnabled(true))}
        >
          {t(enabled ? 'disable' : 'enable')}
        </Button>
        {source === 'database' && (
          <Button size="xs" variant="default" loading={isBusy} onClick={() => ask('delete', remove)}>
            {t('delete')}
          </Button>
        )}
      </Group>
      {source === 'file' && (
        <Text size="sm" c="dimmed">
          {t('ofFile')}
        </Text>
      )}
    </Stack>
  );
}

function useActions({ name, etag }: StoredProvider, onDeleted: () => void) {
  const { t } = useTranslation('providers');
  const { t: shared } = useTranslation();
  const changing = useChangeProvider();
  const deleting = useDeleteProvider();
  const onError = (error: unknown) => tellError(error, shared);
  const setEnabled = (enabled: boolean) =>
    changing.mutate(
      { name, fields: { enabled }, etag },
      { onSuccess: () => tellDone(t(enabled ? 'enabledDone' : 'disabledDone', { name })), onError },
    );
  const remove = () =>
    deleting.mutate(name, {
      onSuccess: () => {
        tellDone(t('deleted', { name }));
        onDeleted();
      },
      onError,
    });
  return { setEnabled, remove, isBusy: changing.isPending || deleting.isPending };
}
