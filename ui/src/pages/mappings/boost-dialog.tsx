import { Modal } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { later } from '../../parts/later.ts';
import { LoadingState } from '../../parts/states.tsx';
import type { Row } from './row.ts';
import type { Task } from './use-task.ts';

// It brings the calendar along, which the list does without.
const BoostForm = lazy(later(() => import('./boost-form.tsx')));

export function BoostDialog({ task: { subject, isOpen, close } }: { readonly task: Task<Row> }) {
  const { t } = useTranslation(['mappings', 'shell']);
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title={subject && t('boostTitle', { id: subject.id })}
      closeButtonProps={{ 'aria-label': t('shell:close') }}
    >
      <Suspense fallback={<LoadingState />}>{subject && <BoostForm row={subject} onClose={close} />}</Suspense>
    </Modal>
  );
}
