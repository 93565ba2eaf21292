import { Alert, Button, Drawer, type DrawerProps, Group, Stack } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type FormEvent, type ReactNode, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useLeaving } from './use-leaving.tsx';

interface FormPanelProps {
  readonly title: string;
  readonly onClose: () => void;
  /** The result of `form.onSubmit(…)` of @mantine/form. */
  readonly onSubmit: (event?: FormEvent<HTMLFormElement>) => void;
  /** An error of the gateway that belongs to no field. */
  readonly error?: ReactNode;
  /** The refusal itself: each new one moves the focus to the first field at fault. */
  readonly failure?: unknown;
  readonly isSaving: boolean;
  /** Unsaved input is discarded only after a confirmation. */
  readonly isDirty: boolean;
  readonly saveLabel: string;
  readonly size?: DrawerProps['size'];
  readonly children: ReactNode;
}

/** A form in the side panel; mounted only while it is open, so that each opening starts afresh. */
export function FormPanel(props: FormPanelProps) {
  const { title, onClose, onSubmit, error, failure, isSaving, isDirty, saveLabel, size = 'md', children } = props;
  const { t } = useTranslation();
  const form = useRef<HTMLFormElement>(null);
  const { isDirty: isAtStake, ask, panel, dialog } = useLeaving(onClose);
  useEffect(() => {
    isAtStake.current = isDirty;
  }, [isAtStake, isDirty]);
  useEffect(() => {
    if (failure) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [failure]);
  return (
    <>
      <Drawer
        opened
        {...panel}
        title={title}
        position="right"
        size={size}
        closeButtonProps={{ 'aria-label': t('close') }}
      >
        <form onSubmit={onSubmit} noValidate ref={form}>
          <Stack>
            {children}
            {error !== undefined && error !== null && (
              <Alert color="red" icon={<IconAlertTriangle />} role="alert">
                {error}
              </Alert>
            )}
            <Group
              justify="flex-end"
              pos="sticky"
              bottom={0}
              py="sm"
              bg="var(--mantine-color-body)"
              style={{ borderTop: '1px solid var(--mantine-color-default-border)', zIndex: 1 }}
            >
              <Button variant="default" onClick={ask}>
                {t('cancel')}
              </Button>
              <Button type="submit" loading={isSaving}>
                {saveLabel}
              </Button>
            </Group>
          </Stack>
        </form>
      </Drawer>
      {dialog}
    </>
  );
}
