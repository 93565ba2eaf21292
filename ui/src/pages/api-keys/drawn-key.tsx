import { Alert, Button, CopyButton, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { DrawnApiKey } from '../../api/api-keys.ts';
import { useUser } from '../../api/users.ts';

interface DrawnKeyProps {
  readonly drawn: DrawnApiKey;
  /** Closing removes the key from memory. */
  readonly onClose: () => void;
}

/** The only display of a key: neither Escape, nor a click beside it, nor a reload closes it without a question. */
export function DrawnKey({ drawn, onClose }: DrawnKeyProps) {
  const { t } = useTranslation('apiKeys');
  const email = useUser(drawn.user_id).data?.email;
  useAskBeforeLeaving();
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('drawnTitle')}
      closeOnEscape={false}
      closeOnClickOutside={false}
      withCloseButton={false}
      size={720}
      centered
    >
      <Stack>
        <Text size="sm">{email === undefined ? ' ' : t('drawnOf', { email })}</Text>
        <KeyField value={drawn.key} />
        <Alert color="yellow" icon={<IconAlertTriangle />}>
          {t('drawnOnce')}
        </Alert>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t('drawnKept')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function KeyField({ value }: { readonly value: string }) {
  const { t } = useTranslation('apiKeys');
  const field = useRef<HTMLInputElement>(null);
  // Browsers offer the clipboard only on https and localhost.
  const hasClipboard = navigator.clipboard !== undefined;
  const selectAll = () => {
    field.current?.focus();
    field.current?.select();
  };
  return (
    <Group align="flex-end" gap="xs" wrap="wrap">
      <TextInput
        ref={field}
        label={t('key')}
        description={hasClipboard ? undefined : t('noClipboard')}
        value={value}
        readOnly
        classNames={{ input: 'mono' }}
        onFocus={selectAll}
        autoComplete="off"
        style={{ flex: '1 1 280px' }}
      />
      {hasClipboard ? (
        <CopyKey value={value} />
      ) : (
        <Button onClick={selectAll} data-autofocus>
          {t('selectAll')}
        </Button>
      )}
    </Group>
  );
}

function CopyKey({ value }: { readonly value: string }) {
  const { t } = useTranslation();
  return (
    <CopyButton value={value} timeout={4_000}>
      {({ copied, copy }) => (
        <Button
          onClick={copy}
          data-autofocus
          leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          miw={110}
        >
          <span aria-live="polite">{t(copied ? 'copied' : 'copy')}</span>
        </Button>
      )}
    </CopyButton>
  );
}

function useAskBeforeLeaving(): void {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, []);
}
