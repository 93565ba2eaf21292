import { SegmentedControl } from '@mantine/core';
import { type UseFormReturnType, useForm } from '@mantine/form';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSaveSchedule, useSchedules } from '../../api/schedules.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormPanel } from '../../parts/form-panel.tsx';
import { SidePanel } from '../../parts/side-panel.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../parts/states.tsx';
import { tellDone } from '../../parts/tell.ts';
import { NextWindows } from './next-windows.tsx';
import { RuleFields } from './rule-fields.tsx';
import {
  type Edited,
  type EditedSchedule,
  formFields,
  type Pools,
  targetText,
  type Values,
  valuesOf,
  writeOf,
} from './schedule-values.ts';
import { TargetFields } from './target-fields.tsx';

interface PanelProps<Of> {
  readonly edited: Of;
  readonly isTeam: boolean;
  readonly pools: Pools;
  /** The preset mapping of a new schedule. */
  readonly mappingId: number | null;
  readonly onClose: () => void;
}

/** A schedule in the side panel; one that was opened by its window is loaded first. */
export function SchedulePanel({ edited, ...props }: PanelProps<Edited>) {
  if (edited.of === 'window') return <WindowPanel {...props} edited={edited} />;
  return <ScheduleForm {...props} edited={edited} />;
}

/** More than a mapping can have. */
const mostOfMapping = 100;

function WindowPanel({ edited, ...props }: PanelProps<Extract<Edited, { readonly of: 'window' }>>) {
  const { t } = useTranslation('schedules');
  const { data, error, refetch } = useSchedules(
    { mapping_id: edited.mappingId, limit: mostOfMapping, offset: 0 },
    true,
  );
  const found = data?.schedules.find(({ id }) => id === edited.id);
  // An open schedule stays open if it is deleted meanwhile, so that typed values are not lost.
  const [schedule, setSchedule] = useState(found);
  if (schedule === undefined && found !== undefined) setSchedule(found);
  if (schedule !== undefined) return <ScheduleForm {...props} edited={{ of: 'mapping', schedule }} />;
  return (
    <SidePanel opened onClose={props.onClose} title={t('editOf', { id: edited.id })}>
      {error && <ErrorState error={error} onRetry={refetch} />}
      {data === undefined && error === null && <LoadingState />}
      {data !== undefined && <EmptyState />}
    </SidePanel>
  );
}

function ScheduleForm({ edited, isTeam, pools, mappingId, onClose }: PanelProps<EditedSchedule>) {
  const { t } = useTranslation('schedules');
  const { t: shared } = useTranslation();
  const form = useForm<Values>({ initialValues: valuesOf(edited, { isTeam, pools, mappingId }) });
  const { saving, save } = useSaving(edited, form, onClose);
  const errors = formErrors(saving.error, formFields, shared);
  const isNew = edited.of === 'new';
  const { of, mapping_id } = form.values;
  return (
    <FormPanel
      title={isNew ? t('create') : t('editTitle', { id: edited.schedule.id, target: targetText(edited.schedule, t) })}
      onClose={onClose}
      onSubmit={form.onSubmit(save)}
      error={errors.form}
      failure={saving.error}
      isSaving={saving.isPending}
      isDirty={form.isDirty()}
      saveLabel={shared(isNew ? 'create' : 'save')}
      size="lg"
    >
      {isNew && isTeam && <OfWhat form={form} />}
      <TargetFields form={form} errors={errors} isNew={isNew} pools={pools} />
      <RuleFields form={form} errors={errors} />
      {of === 'mapping' && mapping_id !== null && (
        <NextWindows mappingId={mapping_id} scheduleId={isNew ? null : edited.schedule.id} />
      )}
    </FormPanel>
  );
}

type ScheduleFormState = UseFormReturnType<Values>;

function useSaving(edited: EditedSchedule, form: ScheduleFormState, onClose: () => void) {
  const { t } = useTranslation('schedules');
  const saving = useSaveSchedule();
  const save = (values: Values) =>
    saving.mutate(writeOf(edited, values, form.getInitialValues()), {
      onSuccess: ({ id }) => {
        tellDone(t(edited.of === 'new' ? 'created' : 'changed', { id }));
        onClose();
      },
    });
  return { saving, save };
}

/** Chooses between the schedules of mappings and those of pools. */
function OfWhat({ form }: { readonly form: ScheduleFormState }) {
  const { t } = useTranslation('schedules');
  return (
    <SegmentedControl
      aria-label={t('of')}
      data={[
        { value: 'mapping', label: t('mappingsPriority') },
        { value: 'pool', label: t('poolsSetting') },
      ]}
      {...form.getInputProps('of')}
    />
  );
}
