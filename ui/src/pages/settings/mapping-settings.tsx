import { Button, Group, NumberInput, SegmentedControl, Select, SimpleGrid, Stack } from '@mantine/core';
import { type UseFormReturnType, useForm } from '@mantine/form';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { TFunction } from 'i18next';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import {
  type SettingName,
  type Settings,
  type SettingsPatch,
  useSaveSettings,
  useSettings,
} from '../../api/settings.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormError } from '../../parts/form-foot.tsx';
import { PrioritySelect } from '../../parts/priority-select.tsx';
import { Section } from '../../parts/section.tsx';
import { SettingField } from '../../parts/setting-fields.tsx';
import { ErrorState, LoadingState } from '../../parts/states.tsx';
import { tellDone } from '../../parts/tell.ts';

const names = ['enabled', 'mode', 'default_priority', 'cache_ttl_sec', 'x_priority'] as const;
const modes = ['enforce', 'shadow'] as const satisfies readonly Settings['mode'][];
const policies = ['allow', 'internal', 'lower', 'ignore'] as const satisfies readonly Settings['x_priority'][];

type Values = { readonly [Name in SettingName]: Settings[Name] | '' };

export function MappingSettings() {
  const { t } = useTranslation('settings');
  const { data, error, refetch } = useSettings();
  return (
    <Section title={t('mapping')} hint={t('mappingHint')}>
      {data !== undefined && <Form settings={data} />}
      {data === undefined && (error === null ? <LoadingState /> : <ErrorState error={error} onRetry={refetch} />)}
    </Section>
  );
}

function Form({ settings }: { readonly settings: Settings }) {
  const { t: shared } = useTranslation();
  const { form, saving, save, changed } = useSettingsForm(settings);
  const errors = formErrors(saving.error, names, shared);
  const isSame = changed.length === 0;
  return (
    <form onSubmit={form.onSubmit(values => save(patchOf(values, changed), shared('saved')))} noValidate>
      <Stack>
        <Fields settings={settings} form={form} errors={errors} save={save} isBusy={saving.isPending} />
        <FormError icon={<IconAlertTriangle />}>{errors.form}</FormError>
        <Group justify="flex-end">
          <Button variant="default" disabled={isSame} onClick={() => form.setValues(valuesOf(settings))}>
            {shared('discard')}
          </Button>
          <Button type="submit" disabled={isSame} loading={saving.isPending}>
            {shared('save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function useSettingsForm(settings: Settings) {
  const saving = useSaveSettings();
  const form = useForm<Values>({ initialValues: valuesOf(settings) });
  const [seen, setSeen] = useState(settings);
  // Untouched fields follow concurrent changes, so that these are not reverted.
  useEffect(() => {
    if (seen === settings) return;
    for (const name of names) if (form.values[name] === seen[name]) form.setFieldValue(name, settings[name]);
    setSeen(settings);
  }, [seen, settings, form]);
  const save = (patch: SettingsPatch, done: string) =>
    saving.mutate(patch, {
      onSuccess: after => {
        // Fields outside the saved part keep the typed values.
        for (const name of names.filter(name => name in patch)) form.setFieldValue(name, after[name]);
        tellDone(done);
      },
    });
  return { form, saving, save, changed: names.filter(name => form.values[name] !== settings[name]) };
}

interface FieldsProps {
  readonly settings: Settings;
  readonly form: UseFormReturnType<Values>;
  readonly errors: Readonly<Partial<Record<SettingName, string>>>;
  readonly save: (patch: SettingsPatch, done: string) => void;
  readonly isBusy: boolean;
}

function Fields(props: FieldsProps) {
  const { t } = useTranslation('settings');
  const { form, errors } = props;
  const input = (name: SettingName) => ({ 'aria-label': t(name), ...form.getInputProps(name), error: errors[name] });
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl" verticalSpacing="lg">
      <Field name="enabled" {...props}>
        <SegmentedControl
          aria-label={t('enabled')}
          data={[true, false].map(value => ({ value: String(value), label: t(`enabled_${value as true}`) }))}
          value={String(form.values.enabled)}
          onChange={value => form.setFieldValue('enabled', value === 'true')}
        />
      </Field>
      <Field name="mode" {...props}>
        <SegmentedControl
          aria-label={t('mode')}
          data={modes.map(value => ({ value, label: t(`mode_${value}`) }))}
          value={form.values.mode}
          onChange={value => form.setFieldValue('mode', value as Settings['mode'])}
        />
      </Field>
      <Field name="default_priority" {...props}>
        <PrioritySelect {...input('default_priority')} value={form.values.default_priority as number} />
      </Field>
      <Field name="cache_ttl_sec" {...props}>
        <NumberInput {...input('cache_ttl_sec')} suffix={t('secondsSuffix')} thousandSeparator=" " />
      </Field>
      <Field name="x_priority" {...props}>
        <Select {...input('x_priority')} data={policyOptions(t)} allowDeselect={false} />
      </Field>
    </SimpleGrid>
  );
}

const policyOptions = (t: TFunction<'settings'>) => policies.map(value => ({ value, label: t(`x_priority_${value}`) }));

interface FieldProps extends Pick<FieldsProps, 'settings' | 'save' | 'isBusy'> {
  readonly name: SettingName;
  readonly children: ReactNode;
}

function Field({ name, settings, save, isBusy, children }: FieldProps) {
  const { t } = useTranslation('settings');
  return (
    <SettingField
      label={t(name)}
      hint={t(`hint_${name}`)}
      source={settings.source[name]}
      isBusy={isBusy}
      onReset={() => save({ [name]: null }, t('backDone', { setting: t(name) }))}
    >
      {children}
    </SettingField>
  );
}

const valuesOf = ({ source: _source, ...values }: Settings): Values => values;

/** An empty field is invalid: it is sent as it is, and the gateway refuses it. */
const patchOf = (values: Values, changed: readonly SettingName[]) =>
  Object.fromEntries(changed.map(name => [name, values[name]])) as SettingsPatch;
