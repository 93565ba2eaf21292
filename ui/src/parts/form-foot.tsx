import { Alert, type AlertProps, Button, Group, type GroupProps } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

/** An error of the gateway that belongs to no field; shows nothing without one. */
export const FormError = ({ children, icon }: Pick<AlertProps, 'children' | 'icon'>) =>
  children === undefined || children === null ? null : (
    <Alert color="red" role="alert" icon={icon}>
      {children}
    </Alert>
  );

interface FormButtonsProps extends Omit<GroupProps, 'justify'> {
  readonly onCancel: () => void;
  readonly saveLabel: string;
  readonly isSaving: boolean;
  readonly isComplete?: boolean;
  /** Further buttons before these. */
  readonly children?: ReactNode;
}

/** The buttons at the end of a form. */
export function FormButtons({
  onCancel,
  saveLabel,
  isSaving,
  isComplete = true,
  children,
  ...group
}: FormButtonsProps) {
  const { t } = useTranslation();
  return (
    <Group justify="flex-end" {...group}>
      {children}
      <Button variant="default" onClick={onCancel}>
        {t('cancel')}
      </Button>
      <Button type="submit" loading={isSaving} disabled={!isComplete}>
        {saveLabel}
      </Button>
    </Group>
  );
}
