import { SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core';
import { type UseFormReturnType, useForm } from '@mantine/form';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { type NewUser, type User, type UserPatch, useSaveUser } from '../../api/users.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormPanel } from '../../parts/form-panel.tsx';
import { tellDone } from '../../parts/tell.ts';
import { roleOptions, statusOptions } from './user-words.tsx';

interface UserPanelProps {
  /** Null: a new user. */
  readonly user: User | null;
  readonly onClose: () => void;
  /** Asks for confirmation before a user is deactivated. */
  readonly confirmDeactivation: (user: User, onConfirm: () => void) => void;
}

const formFields = ['email', 'role', 'display_name', 'status'] as const;
type Values = Record<(typeof formFields)[number], string>;
type FieldErrors = Readonly<Partial<Record<keyof Values | 'form', ReactNode>>>;

export function UserPanel({ user, onClose, confirmDeactivation }: UserPanelProps) {
  const { t } = useTranslation('users');
  const { t: shared } = useTranslation();
  const { saving, save } = useSaving(user, onClose);
  const form = useForm<Values>({ initialValues: valuesOf(user) });
  const errors: FieldErrors = { ...formErrors(saving.error, formFields, shared), ...form.errors };
  const submit = form.onSubmit(values => {
    if (user?.status === 'active' && values.status === 'inactive') confirmDeactivation(user, () => save(values));
    else save(values);
  });
  return (
    <FormPanel
      title={user === null ? t('create') : t('editOf', { email: user.email })}
      onClose={onClose}
      onSubmit={submit}
      error={errors.form}
      failure={saving.error}
      isSaving={saving.isPending}
      isDirty={form.isDirty()}
      saveLabel={shared(user === null ? 'create' : 'save')}
    >
      <UserFields form={form} errors={errors} isNew={user === null} />
      {user !== null && <StatusField form={form} errors={errors} />}
    </FormPanel>
  );
}

function useSaving(user: User | null, onClose: () => void) {
  const { t } = useTranslation('users');
  const saving = useSaveUser();
  const save = (values: Values) =>
    saving.mutate(user === null ? { id: null, ...newUser(values) } : { id: user.id, ...patchOf(user, values) }, {
      onSuccess: ({ email }) => {
        tellDone(t(user === null ? 'created' : 'changed', { email }));
        onClose();
      },
    });
  return { saving, save };
}

interface FieldsProps {
  readonly form: UseFormReturnType<Values>;
  readonly errors: FieldErrors;
}

function UserFields({ form, errors, isNew }: FieldsProps & { readonly isNew: boolean }) {
  const { t } = useTranslation('users');
  const input = (name: keyof Values) => ({ ...form.getInputProps(name), error: errors[name], name });
  return (
    <>
      <TextInput
        label={t('email')}
        type="email"
        {...input('email')}
        {...(isNew ? { required: true, 'data-autofocus': true } : { readOnly: true, variant: 'filled' })}
        description={isNew ? undefined : t('emailHint')}
      />
      <TextInput label={t('displayName')} {...input('display_name')} {...(isNew ? {} : { 'data-autofocus': true })} />
      <Select
        label={t('role')}
        description={t('roleHint')}
        data={roleOptions(t)}
        allowDeselect={false}
        {...input('role')}
      />
    </>
  );
}

function StatusField({ form, errors }: FieldsProps) {
  const { t } = useTranslation('users');
  return (
    <Stack gap={4}>
      <Text size="sm" fw={600} id="status-label">
        {t('status')}
      </Text>
      <SegmentedControl
        data={statusOptions(t)}
        aria-labelledby="status-label"
        {...form.getInputProps('status', { withError: false })}
      />
      {errors.status !== undefined && (
        <Text size="xs" c="var(--mantine-color-error)" role="alert">
          {errors.status}
        </Text>
      )}
    </Stack>
  );
}

const valuesOf = (user: User | null): Values => ({
  email: user?.email ?? '',
  role: user?.role ?? 'gateway_user',
  display_name: user?.display_name ?? '',
  status: user?.status ?? 'active',
});

const nameOf = ({ display_name }: Values) => (display_name.trim() === '' ? null : display_name.trim());

// The gateway validates the fields.
const newUser = (values: Values) =>
  ({ email: values.email, role: values.role, display_name: nameOf(values) }) as NewUser;

/** Sends only changed fields, so that concurrent changes of others are kept. */
const patchOf = (user: User, values: Values) =>
  ({
    ...(values.role === user.role ? {} : { role: values.role }),
    ...(values.status === user.status ? {} : { status: values.status }),
    ...(nameOf(values) === user.display_name ? {} : { display_name: nameOf(values) }),
  }) as UserPatch;
