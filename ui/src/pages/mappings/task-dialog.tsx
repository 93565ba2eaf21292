import { Modal, type ModalProps } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Task } from './use-task.ts';

interface TaskDialogProps<Subject> extends Pick<ModalProps, 'size'> {
  readonly task: Task<Subject>;
  readonly title: (subject: Subject) => string;
  readonly children: (subject: Subject) => ReactNode;
}

/** A dialog for the subject of its task. */
export function TaskDialog<Subject>({ task, title, children, ...props }: TaskDialogProps<Subject>) {
  const { t } = useTranslation();
  const { subject, isOpen, close } = task;
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title={subject && title(subject)}
      closeButtonProps={{ 'aria-label': t('close') }}
      {...props}
    >
      {subject && children(subject)}
    </Modal>
  );
}
