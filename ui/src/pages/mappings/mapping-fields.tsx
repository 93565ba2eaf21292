import { Group, Select, SimpleGrid, Switch, Text, Textarea, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import { PrioritySelect } from '../../parts/priority-select.tsx';
import { HashSwitch } from './hash-switch.tsx';
import { type fieldNames, matchTypes, tenantTypes, type Values } from './row.ts';

interface FieldsProps {
  readonly form: UseFormReturnType<Values>;
  readonly errors: Partial<Record<(typeof fieldNames)[number], string>>;
}

interface MappingFieldsProps extends FieldsProps {
  readonly isHashWanted: boolean;
  readonly onHashWanted: (isWanted: boolean) => void;
}

export const MappingFields = ({ form, errors, isHashWanted, onHashWanted }: MappingFieldsProps) => (
  <>
    <MatchFields form={form} errors={errors} />
    <HashSwitch values={form.values} isWanted={isHashWanted} onWanted={onHashWanted} />
    <TenantFields form={form} errors={errors} />
    <EnabledSwitch form={form} />
  </>
);

/** Which keys, and their priority. */
function MatchFields({ form: { values, setFieldValue: set }, errors }: FieldsProps) {
  const { t } = useTranslation('mappings');
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Select
          label={t('field_match_type')}
          data={matchTypes.map(value => ({ value, label: t(`match_${value}`) }))}
          value={values.match_type}
          onChange={value => value && set('match_type', value)}
          allowDeselect={false}
          error={errors.match_type}
        />
        <PrioritySelect
          label={t('field_priority')}
          placeholder={t('choosePriority')}
          value={values.priority}
          onChange={value => set('priority', value)}
          error={errors.priority}
          required
        />
      </SimpleGrid>
      <TextInput
        label={t('field_pattern')}
        description={t(`patternHint_${values.match_type}`)}
        value={values.pattern}
        onChange={event => set('pattern', event.currentTarget.value)}
        error={errors.pattern}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        autoComplete="off"
        spellCheck={false}
        required
        data-autofocus
      />
    </>
  );
}

/** The tenant of the keys. */
function TenantFields({ form: { values, setFieldValue: set }, errors }: FieldsProps) {
  const { t } = useTranslation(['mappings', 'shell']);
  /** A text of the row; an empty text is sent as null. */
  const text = (name: 'tenant_id' | 'tenant_name' | 'description') => ({
    name,
    label: t(`field_${name}`),
    value: values[name] ?? '',
    onChange: (event: { currentTarget: { value: string } }) => set(name, event.currentTarget.value || null),
    error: errors[name],
  });
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <TextInput {...text('tenant_id')} description={t('tenantIdHint')} />
        <TextInput {...text('tenant_name')} description={t('tenantNameHint')} />
      </SimpleGrid>
      <Select
        label={t('field_tenant_type')}
        placeholder={t('noType')}
        data={tenantTypes.map(value => ({ value, label: t(value) }))}
        value={values.tenant_type ?? null}
        onChange={value => set('tenant_type', value)}
        error={errors.tenant_type}
        clearable
        clearButtonProps={{ 'aria-label': t('shell:clearFilter', { name: t('field_tenant_type') }) }}
      />
      <Textarea {...text('description')} autosize minRows={2} maxRows={6} />
    </>
  );
}

function EnabledSwitch({ form: { values, setFieldValue: set } }: Pick<FieldsProps, 'form'>) {
  const { t } = useTranslation('mappings');
  return (
    <Group gap="xs">
      <Switch
        label={t('field_enabled')}
        checked={values.enabled ?? true}
        onChange={event => set('enabled', event.currentTarget.checked)}
      />
      {values.enabled === false && (
        <Text size="sm" c="dimmed">
          {t('disabledHint')}
        </Text>
      )}
    </Group>
  );
}
