import { Button, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { type Change, useChangeMapping, useEndBoost, useTrial } from '../../api/mappings.ts';
import { FormError } from '../../parts/form-foot.tsx';
import { errorText } from '../../parts/states.tsx';
import { tellDone } from '../../parts/tell.ts';
import { RowSummary } from './cells.tsx';
import type { Row } from './row.ts';
import { TaskDialog } from './task-dialog.tsx';
import { TrialResult } from './trial-result.tsx';
import type { Task } from './use-task.ts';

export interface RowChange {
  readonly kind: 'enable' | 'disable' | 'delete' | 'endBoost';
  readonly row: Row;
}

/** Asks for confirmation of a change from a row's menu, and shows its effect. */
export function ChangeDialog({ task }: { readonly task: Task<RowChange> }) {
  const { t } = useTranslation('mappings');
  return (
    <TaskDialog task={task} size="lg" title={({ kind, row }) => t(`ask_${kind}`, { id: row.id })}>
      {change => <Question {...change} onClose={task.close} />}
    </TaskDialog>
  );
}

function Question({ kind, row, onClose }: RowChange & { readonly onClose: () => void }) {
  const { t } = useTranslation(['mappings', 'shell']);
  const { t: shell } = useTranslation();
  const change = changeOf(kind, row);
  const trial = useTrial([kind, row.id, row.etag], change && (async () => change));
  const { confirm, isPending, error: refusal } = useConfirmed({ kind, row }, change, onClose);
  const error = refusal ?? trial.error;
  return (
    <Stack>
      <RowSummary row={row} />
      <Text size="sm">{t(`text_${kind}`)}</Text>
      {change && !trial.error && <TrialResult tried={trial.data} isTrying={trial.isFetching} hint="" />}
      <FormError>{error && errorText(error, shell)}</FormError>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          {t('shell:cancel')}
        </Button>
        <Button color={kind === 'delete' ? 'red' : undefined} loading={isPending} onClick={confirm}>
          {t(kind)}
        </Button>
      </Group>
    </Stack>
  );
}

/** Makes the change, or ends the boost if the row itself does not change. */
function useConfirmed({ kind, row: { id } }: RowChange, change: Change | null, onClose: () => void) {
  const { t } = useTranslation('mappings');
  const writing = useChangeMapping();
  const ending = useEndBoost();
  const onSuccess = () => {
    tellDone(t(`done_${kind}`, { id }));
    onClose();
  };
  const confirm = () =>
    change === null ? ending.mutate(id, { onSuccess }) : writing.mutate(async () => change, { onSuccess });
  return { confirm, isPending: writing.isPending || ending.isPending, error: writing.error ?? ending.error };
}

/** Returns null if it does not change the row itself. */
function changeOf(kind: RowChange['kind'], { id, etag }: Row): Change | null {
  if (kind === 'endBoost') return null;
  if (kind === 'delete') return { kind, id, etag };
  return { kind: 'update', id, etag, body: { enabled: kind === 'enable' } };
}
