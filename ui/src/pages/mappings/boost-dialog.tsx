import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { later } from '../../parts/later.ts';
import { LoadingState } from '../../parts/states.tsx';
import type { Row } from './row.ts';
import { TaskDialog } from './task-dialog.tsx';
import type { Task } from './use-task.ts';

// The form includes the calendar, which the list does not need.
const BoostForm = lazy(later(() => import('./boost-form.tsx')));

export function BoostDialog({ task }: { readonly task: Task<Row> }) {
  const { t } = useTranslation('mappings');
  return (
    <TaskDialog task={task} size="lg" title={({ id }) => t('boostTitle', { id })}>
      {row => (
        <Suspense fallback={<LoadingState />}>
          <BoostForm row={row} onClose={task.close} />
        </Suspense>
      )}
    </TaskDialog>
  );
}
