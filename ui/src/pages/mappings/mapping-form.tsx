import { Stack } from '@mantine/core';
import { type RefObject, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Mapping } from '../../../../src/http/admin/contract/contract.ts';
import { conflictOf } from '../../api/mappings.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormButtons, FormError } from '../../parts/form-foot.tsx';
import { Conflict, ConflictNotice } from './conflict.tsx';
import { MappingFields } from './mapping-fields.tsx';
import classes from './mappings.module.css';
import { fieldNames, valuesOf } from './row.ts';
import { TrialResult } from './trial-result.tsx';
import { type MappingEditing, useFormTrial, useMappingForm } from './use-mapping-form.ts';

interface MappingFormProps {
  /** Null: a new mapping. */
  readonly row: Mapping | null;
  /** Read by the components that may close the form. */
  readonly isDirty: RefObject<boolean>;
  readonly onCancel: () => void;
  readonly onDone: () => void;
}

export function MappingForm({ row, isDirty, onCancel, onDone }: MappingFormProps) {
  const editing = useMappingForm(row, onDone);
  const { form, base, saving } = editing;
  const trial = useFormTrial(editing);
  const [isComparing, setIsComparing] = useState(false);
  const hasChanges = form.isDirty();
  useEffect(() => {
    isDirty.current = hasChanges;
  }, [isDirty, hasChanges]);
  // Reported during typing, shown on request or when saving: the form does not disappear while it is used.
  const tried = base === null ? null : conflictOf(trial.error);
  const conflict = base === null ? null : (conflictOf(saving.error) ?? (isComparing ? tried : null));
  if (conflict === null || base === null) {
    const onCompare = tried && (() => setIsComparing(true));
    return <Fields editing={editing} trial={trial} onCompare={onCompare} onCancel={onCancel} />;
  }
  const settle = (act: (current: Mapping) => void) => (current: Mapping) => {
    setIsComparing(false);
    act(current);
  };
  return (
    <Conflict
      base={base}
      mine={form.values}
      current={conflict.current}
      isSaving={saving.isPending}
      onTakeTheirs={settle(current => editing.startFrom(current, valuesOf(current)))}
      onKeepMine={settle(editing.saveOver)}
      onGoOn={settle(current => editing.startFrom(current, form.values))}
      onClose={onDone}
    />
  );
}

interface FieldsProps {
  readonly editing: MappingEditing;
  readonly trial: ReturnType<typeof useFormTrial>;
  /** Null: the dry run has met no concurrent change. */
  readonly onCompare: (() => void) | null;
  readonly onCancel: () => void;
}

function Fields({ editing, trial, onCompare, onCancel }: FieldsProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  const { t: shell } = useTranslation();
  const { form, base, saving, isHashWanted, setIsHashWanted } = editing;
  const fault = saving.error ?? (trial.isComplete && onCompare === null ? trial.error : null);
  const errors = formErrors(fault, fieldNames, shell);
  return (
    <form onSubmit={form.onSubmit(editing.save)} noValidate>
      <Stack mih="calc(100vh - 92px)">
        {onCompare && <ConflictNotice onCompare={onCompare} />}
        <MappingFields form={form} errors={errors} isHashWanted={isHashWanted} onHashWanted={setIsHashWanted} />
        <TrialResult
          tried={trial.tried}
          isTrying={trial.isTrying}
          hint={t(errors.form === undefined && !trial.error ? 'tryHint' : 'cannotTry')}
        />
        <FormError>{errors.form}</FormError>
        <FormButtons
          className={classes.footer ?? ''}
          onCancel={onCancel}
          saveLabel={t(base === null ? 'shell:create' : 'shell:save')}
          isSaving={saving.isPending}
        />
      </Stack>
    </form>
  );
}
