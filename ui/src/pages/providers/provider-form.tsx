import { Alert, Select, SimpleGrid, Text, Textarea, TextInput } from '@mantine/core';
import { type UseFormReturnType, useForm } from '@mantine/form';
import { IconInfoCircle } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type StoredProvider, useChangeProvider } from '../../api/providers.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormPanel } from '../../parts/form-panel.tsx';
import { SettingField } from '../../parts/setting-fields.tsx';
import { tellDone } from '../../parts/tell.ts';
import { choices, keysOf, labelOf, patchOf } from './provider-settings.ts';
import { SecretInput } from './secret-input.tsx';

interface ProviderFormProps {
  readonly stored: StoredProvider;
  readonly onClose: () => void;
}

/** Changes a provider, also one of the file: what is changed is stored, and lies over it. */
export function ProviderForm({ stored, onClose }: ProviderFormProps) {
  const { t } = useTranslation('providers');
  const { t: shared } = useTranslation();
  const { form, patch, saving, save } = useEditing(stored, onClose);
  const keys = keysOf(stored);
  const errors = formErrors(saving.error, [...keys, 'api_key', 'description'], shared);
  const isMoved = 'base_url' in patch || 'type' in patch;
  const input = (key: string) => ({ ...form.getInputProps(key), error: errors[key], name: key });
  return (
    <FormPanel
      title={t('editOf', { name: stored.name })}
      onClose={onClose}
      onSubmit={form.onSubmit(save)}
      error={errors.form}
      failure={saving.error}
      isSaving={saving.isPending}
      isDirty={Object.keys(patch).length > 0}
      saveLabel={shared('save')}
      size="xl"
    >
      <Alert color="blue" icon={<IconInfoCircle />}>
        {t('liesOver')}
      </Alert>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg" verticalSpacing="md">
        {keys.map(key => (
          <SettingField
            key={key}
            label={labelOf(key, t)}
            source={stored.sources[key] ?? 'default'}
            onReset={() => form.setFieldValue(key, '')}
          >
            <Control name={key} label={labelOf(key, t)} input={input(key)} />
          </SettingField>
        ))}
        <TextInput label={t('description')} {...input('description')} />
        {isMoved && <SecretInput label={t('key')} description={t('keyAgain')} {...input('api_key')} />}
      </SimpleGrid>
    </FormPanel>
  );
}

function useEditing(stored: StoredProvider, onClose: () => void) {
  const { t } = useTranslation('providers');
  const saving = useChangeProvider();
  // The values at the opening, so that changes of others to other fields are not reverted.
  const [base] = useState(() => ({ ...stored.settings, description: stored.description ?? '', api_key: '' }));
  const form = useForm<Record<string, string>>({ initialValues: base });
  const save = (values: Record<string, string>) =>
    saving.mutate(
      { name: stored.name, fields: patchOf(base, values), etag: stored.etag },
      {
        onSuccess: ({ name }) => {
          tellDone(t('changed', { name }));
          onClose();
        },
      },
    );
  return { form, patch: patchOf(base, form.values), saving, save };
}

interface ControlProps {
  readonly name: string;
  readonly label: string;
  /** Its value is a text. */
  readonly input: ReturnType<UseFormReturnType<Record<string, string>>['getInputProps']>;
}

function Control({ name, label, input }: ControlProps) {
  const { t } = useTranslation('providers');
  const options = choices[name];
  const { onChange, value } = input;
  if (options !== undefined)
    return (
      <Select
        aria-label={label}
        data={[...options]}
        clearable={name !== 'type'}
        allowDeselect={false}
        {...input}
        value={value === '' ? null : value}
        onChange={chosen => onChange(chosen ?? '')}
      />
    );
  if (name !== 'base_url') return <TextInput aria-label={label} spellCheck={false} {...input} />;
  return (
    <>
      <Textarea aria-label={label} autosize minRows={2} spellCheck={false} classNames={{ input: 'mono' }} {...input} />
      <Text size="xs" c="dimmed">
        {t('urlsHint')}
      </Text>
    </>
  );
}
