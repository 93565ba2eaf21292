import { Alert, Button, Switch, TagsInput, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useProviders } from '../../api/providers.ts';
import { type StoredRoute, useDeleteRoute, useSaveRoute } from '../../api/routes.ts';
import { useConfirm } from '../../parts/confirm.tsx';
import { formErrors } from '../../parts/form-errors.ts';
import { FormPanel } from '../../parts/form-panel.tsx';
import { tellDone, tellError } from '../../parts/tell.ts';
import { fieldNames, patchOf, type Values, valuesOf } from './route-values.ts';

interface RouteFormProps {
  /** Null: a new route. */
  readonly stored: StoredRoute | null;
  readonly onClose: () => void;
}

export function RouteForm({ stored, onClose }: RouteFormProps) {
  const { t } = useTranslation('routes');
  const { t: shared } = useTranslation();
  const { form, saving, save } = useRouteForm(stored, onClose);
  const errors = formErrors(saving.error, fieldNames, shared);
  const input = (name: keyof Values) => ({ ...form.getInputProps(name), error: errors[name], name });
  const enabled = form.getInputProps('enabled', { type: 'checkbox' });
  return (
    <FormPanel
      title={stored === null ? t('add') : t('editOf', { name: stored.name })}
      onClose={onClose}
      onSubmit={form.onSubmit(save)}
      error={errors.form}
      failure={saving.error}
      isSaving={saving.isPending}
      isDirty={form.isDirty()}
      saveLabel={shared(stored === null ? 'create' : 'save')}
      size="lg"
      buttons={stored?.source === 'database' && <Delete name={stored.name} onDeleted={onClose} />}
    >
      {stored !== null && <Standing stored={stored} />}
      {stored === null && (
        <TextInput label={t('name')} description={t('nameHint')} required data-autofocus {...input('name')} />
      )}
      <TagsInput
        label={t('targets')}
        description={t('targetsHint')}
        data={useSuggestions()}
        required
        {...ofTags}
        {...input('targets')}
      />
      <TagsInput label={t('aliases')} description={t('aliasesHint')} {...ofTags} {...input('aliases')} />
      <TextInput
        label={t('spillSec')}
        description={t('spillSecHint')}
        inputMode="decimal"
        {...input('spill_after_sec')}
      />
      <TextInput label={t('spillLevels')} description={t('spillLevelsHint')} {...input('spill_levels')} />
      <TextInput label={t('description')} {...input('description')} />
      {stored !== null && <Switch label={t('enabled')} {...enabled} error={errors.enabled} />}
    </FormPanel>
  );
}

/** A quoted name may hold any character, so only Enter ends an entry. */
const ofTags = { splitChars: [], allowDuplicates: true, maxDropdownHeight: 240 };

/** The fault of a route, or that it stands in the file. */
function Standing({ stored: { fault, source } }: { readonly stored: StoredRoute }) {
  const { t } = useTranslation('routes');
  if (fault !== null) {
    return (
      <Alert color="red" icon={<IconAlertTriangle />}>
        {fault}
      </Alert>
    );
  }
  if (source === 'database') return null;
  return (
    <Text size="sm" c="dimmed">
      {t('ofFile')}
    </Text>
  );
}

/** The providers, and their models as far as they are named one by one. */
function useSuggestions(): string[] {
  const providers = useProviders().data?.providers ?? [];
  const names = providers.flatMap(({ name, models }) => [
    name,
    ...models.filter(model => /^[^\s,|*"?[]+$/.test(model)).map(model => `${name}:${model}`),
  ]);
  return [...new Set(names)];
}

function useRouteForm(stored: StoredRoute | null, onClose: () => void) {
  const { t } = useTranslation('routes');
  const saving = useSaveRoute();
  const [base] = useState(() => valuesOf(stored));
  const form = useForm<Values>({ initialValues: base });
  const save = (values: Values) =>
    saving.mutate(
      {
        name: stored?.name ?? values.name.trim(),
        fields: patchOf(base, values),
        etag: stored?.etag ?? null,
        isNew: stored === null,
      },
      {
        onSuccess: ({ name }) => {
          tellDone(t(stored === null ? 'created' : 'changed', { name }));
          onClose();
        },
      },
    );
  return { form, saving, save };
}

function Delete({ name, onDeleted }: { readonly name: string; readonly onDeleted: () => void }) {
  const { t } = useTranslation('routes');
  const { t: shared } = useTranslation();
  const [confirm, dialog] = useConfirm();
  const deleting = useDeleteRoute();
  const remove = () =>
    deleting.mutate(name, {
      onSuccess: () => {
        tellDone(t('deleted', { name }));
        onDeleted();
      },
      onError: error => tellError(error, shared),
    });
  const ask = () =>
    confirm({ title: t('deleteOf', { name }), text: t('deleteAsk'), action: shared('delete'), onConfirm: remove });
  return (
    <>
      {dialog}
      <Button variant="default" loading={deleting.isPending} onClick={ask}>
        {shared('delete')}
      </Button>
    </>
  );
}
