import { Select, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import { PrioritySelect } from '../../parts/priority-select.tsx';
import { MappingSelect } from './mapping-select.tsx';
import type { Pools, Values } from './schedule-values.ts';
import { valueText } from './shown-windows.ts';

export interface FieldsProps {
  readonly form: UseFormReturnType<Values>;
  /** The gateway's errors, by field. */
  readonly errors: Readonly<Partial<Record<string, string>>>;
}

interface TargetFieldsProps extends FieldsProps {
  readonly isNew: boolean;
  readonly pools: Pools;
}

/** The subject of the schedule, and the value in its windows. */
export function TargetFields(props: TargetFieldsProps) {
  return props.form.values.of === 'mapping' ? <OfMapping {...props} /> : <OfPool {...props} />;
}

function OfMapping({ form, errors, isNew }: TargetFieldsProps) {
  const { t } = useTranslation('schedules');
  const { mapping_id, priority } = form.values;
  return (
    <>
      {isNew && (
        <MappingSelect
          label={t('mapping')}
          placeholder={t('searchMapping')}
          value={mapping_id}
          onChange={id => form.setFieldValue('mapping_id', id)}
          error={errors.mapping_id}
          required
          openOnFocus={false}
          data-autofocus
        />
      )}
      <PrioritySelect
        label={t('priority')}
        description={t('priorityHint')}
        value={priority}
        onChange={level => form.setFieldValue('priority', level)}
        error={errors.priority}
        required
      />
    </>
  );
}

function OfPool(props: TargetFieldsProps) {
  const { t } = useTranslation('schedules');
  const { form, errors, isNew } = props;
  return (
    <>
      {isNew && <PoolSetting {...props} />}
      <TextInput
        label={t('value')}
        description={t('valueHint')}
        className="mono-input"
        {...form.getInputProps('value')}
        error={errors.value}
        required
      />
    </>
  );
}

/** Chooses a pool and one of its settings. */
function PoolSetting({ form, errors, pools }: TargetFieldsProps) {
  const { t } = useTranslation('schedules');
  const { pool: name, key } = form.values;
  const pool = pools.find(one => one.name === name);
  const keys = pool === undefined ? [] : settingsOf(pool);
  const chooseKey = (chosen: string | null) => {
    form.setFieldValue('key', chosen);
    const now = keys.find(one => one === chosen);
    const value = now && pool?.[now];
    // The value in effect is the initial value of the field.
    form.setFieldValue('value', value === null || value === undefined ? '' : valueText(value));
  };
  return (
    <>
      <Select
        label={t('pool')}
        data={pools.map(one => one.name)}
        allowDeselect={false}
        {...form.getInputProps('pool')}
      />
      <Select
        label={t('setting')}
        data={keys}
        value={key}
        onChange={chooseKey}
        searchable
        error={errors.key}
        required
      />
    </>
  );
}

/** Returns the names of all settings of a pool. */
const settingsOf = ({ source }: Pools[number]) => Object.keys(source) as (keyof Pools[number]['source'])[];
