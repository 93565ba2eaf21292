import { Alert, Button, Group, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDebouncedValue } from '@mantine/hooks';
import { type RefObject, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Mapping } from '../../../../src/http/admin/contract/contract.ts';
import { type Change, conflictOf, useChangeMapping, useTrial } from '../../api/mappings.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { tellDone } from '../../parts/tell.ts';
import { Conflict, ConflictNotice } from './conflict.tsx';
import { bodyOf } from './exact-key.ts';
import { MappingFields } from './mapping-fields.tsx';
import classes from './mappings.module.css';
import { blank, fieldNames, type Values, valuesOf } from './row.ts';
import { TrialResult } from './trial-result.tsx';

interface MappingFormProps {
  /** Null: a new mapping. */
  readonly row: Mapping | null;
  /** Read by the components that may close the form. */
  readonly isDirty: RefObject<boolean>;
  readonly onCancel: () => void;
  readonly onDone: () => void;
}

const restMs = 350;

export function MappingForm({ row, isDirty, onCancel, onDone }: MappingFormProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  const { t: shell } = useTranslation();
  const [base, setBase] = useState(row);
  const [isHashWanted, setIsHashWanted] = useState(row === null);
  const [isComparing, setIsComparing] = useState(false);
  const saving = useChangeMapping();
  const form = useForm<Values>({
    initialValues: row === null ? blank : valuesOf(row),
    onValuesChange: () => saving.reset(),
  });
  const { values } = form;
  const [rested] = useDebouncedValue(values, restMs);
  const isComplete = rested.pattern !== '' && rested.priority !== null;
  const change = (of: Values, on = base) => changeOf(of, on, isHashWanted);
  const trial = useTrial([base?.etag, rested, isHashWanted], isComplete ? () => change(rested) : null);
  const hasChanges = form.isDirty();
  useEffect(() => {
    isDirty.current = hasChanges;
  }, [isDirty, hasChanges]);

  const save = (on = base) =>
    saving.mutate(() => change(values, on), {
      onSuccess: () => {
        tellDone(t('shell:saved'));
        onDone();
      },
    });
  const startFrom = (current: Mapping | null, next: Values) => {
    saving.reset();
    setIsComparing(false);
    setBase(current);
    form.setInitialValues(current === null ? blank : valuesOf(current));
    form.setValues(next);
  };
  // Reported during typing, shown on request or when saving: the form does not disappear while it is used.
  const tried = base === null ? null : conflictOf(trial.error);
  const conflict = base === null ? null : (conflictOf(saving.error) ?? (isComparing ? tried : null));
  if (conflict !== null && base !== null) {
    return (
      <Conflict
        base={base}
        mine={values}
        current={conflict.current}
        isSaving={saving.isPending}
        onTakeTheirs={current => startFrom(current, valuesOf(current))}
        onKeepMine={current => {
          setIsComparing(false);
          setBase(current);
          save(current);
        }}
        onGoOn={current => startFrom(current, values)}
        onClose={onDone}
      />
    );
  }
  const errors = formErrors(saving.error ?? (isComplete && tried === null ? trial.error : null), fieldNames, shell);
  return (
    <form onSubmit={form.onSubmit(() => save())} noValidate>
      <Stack mih="calc(100vh - 92px)">
        {tried !== null && <ConflictNotice onCompare={() => setIsComparing(true)} />}
        <MappingFields form={form} errors={errors} isHashWanted={isHashWanted} onHashWanted={setIsHashWanted} />
        <TrialResult
          tried={isComplete && !trial.error ? trial.data : undefined}
          isTrying={trial.isFetching || rested !== values}
          hint={t(errors.form === undefined && !trial.error ? 'tryHint' : 'cannotTry')}
        />
        {errors.form !== undefined && (
          <Alert color="red" role="alert">
            {errors.form}
          </Alert>
        )}
        <Group justify="flex-end" className={classes.footer}>
          <Button variant="default" onClick={onCancel}>
            {t('shell:cancel')}
          </Button>
          <Button type="submit" loading={saving.isPending}>
            {t(base === null ? 'shell:create' : 'shell:save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

async function changeOf(values: Values, on: Mapping | null, isHashWanted: boolean): Promise<Change> {
  const body = await bodyOf(values, isHashWanted);
  return on === null ? { kind: 'create', body } : { kind: 'update', id: on.id, etag: on.etag, body };
}
