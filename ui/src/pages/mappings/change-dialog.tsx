import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { type Change, useChangeMapping, useEndBoost, useTrial } from '../../api/mappings.ts';
import { errorText } from '../../parts/states.tsx';
import { tellDone } from '../../parts/tell.ts';
import { PatternCell, TenantCell } from './cells.tsx';
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
  const writing = useChangeMapping();
  const ending = useEndBoost();
  const onSuccess = () => {
    tellDone(t(`done_${kind}`, { id: row.id }));
    onClose();
  };
  const confirm = () =>
    change === null ? ending.mutate(row.id, { onSuccess }) : writing.mutate(async () => change, { onSuccess });
  const error = writing.error ?? ending.error ?? trial.error;
  return (
    <Stack>
      <Stack gap={4}>
        <TenantCell row={row} />
        <PatternCell row={row} />
      </Stack>
      <Text size="sm">{t(`text_${kind}`)}</Text>
      {change && !trial.error && <TrialResult tried={trial.data} isTrying={trial.isFetching} hint="" />}
      {error !== null && (
        <Alert color="red" role="alert">
          {errorText(error, shell)}
        </Alert>
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          {t('shell:cancel')}
        </Button>
        <Button
          color={kind === 'delete' ? 'red' : undefined}
          loading={writing.isPending || ending.isPending}
          onClick={confirm}
        >
          {t(kind)}
        </Button>
      </Group>
    </Stack>
  );
}

/** Returns null if it does not change the row itself. */
function changeOf(kind: RowChange['kind'], { id, etag }: Row): Change | null {
  if (kind === 'endBoost') return null;
  if (kind === 'delete') return { kind, id, etag };
  return { kind: 'update', id, etag, body: { enabled: kind === 'enable' } };
}
