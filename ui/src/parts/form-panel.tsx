import { type DrawerProps, Stack } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type FormEvent, type ReactNode, type RefObject, useEffect, useRef } from 'react';
import { FormButtons, FormError } from './form-foot.tsx';
import { SidePanel } from './side-panel.tsx';
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
  /** Further buttons before those. */
  readonly buttons?: ReactNode;
  readonly children: ReactNode;
}

/** A form in the side panel; mounted only while it is open, so that each opening starts afresh. */
export function FormPanel(props: FormPanelProps) {
  const {
    title,
    onClose,
    onSubmit,
    error,
    failure,
    isSaving,
    isDirty,
    saveLabel,
    size = 'md',
    buttons,
    children,
  } = props;
  const form = useFocusOnFault(failure);
  const { isDirty: isAtStake, ask, panel, dialog } = useLeaving(onClose);
  useEffect(() => {
    isAtStake.current = isDirty;
  }, [isAtStake, isDirty]);
  return (
    <>
      <SidePanel opened {...panel} title={title} size={size}>
        <form onSubmit={onSubmit} noValidate ref={form}>
          <Stack>
            {children}
            <FormError icon={<IconAlertTriangle />}>{error}</FormError>
            <FormButtons {...sticky} onCancel={ask} saveLabel={saveLabel} isSaving={isSaving}>
              {buttons}
            </FormButtons>
          </Stack>
        </form>
      </SidePanel>
      {dialog}
    </>
  );
}

/** Keeps the buttons in view while the form scrolls. */
const sticky = {
  pos: 'sticky',
  bottom: 0,
  py: 'sm',
  bg: 'var(--mantine-color-body)',
  style: { borderTop: '1px solid var(--mantine-color-default-border)', zIndex: 1 },
} as const;

function useFocusOnFault(failure: unknown): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (failure) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [failure]);
  return form;
}
