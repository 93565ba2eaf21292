import { SegmentedControl, Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
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

export function UserPanel({ user, onClose, confirmDeactivation }: UserPanelProps) {
  const { t } = useTranslation('users');
  const { t: shared } = useTranslation();
  const saving = useSaveUser();
  const form = useForm<Values>({ initialValues: valuesOf(user) });
  const errors = { ...formErrors(saving.error, formFields, shared), ...form.errors };
  const save = (values: Values) =>
    saving.mutate(user === null ? { id: null, ...newUser(values) } : { id: user.id, ...patchOf(user, values) }, {
      onSuccess: ({ email }) => {
        tellDone(t(user === null ? 'created' : 'changed', { email }));
        onClose();
      },
    });
  const submit = form.onSubmit(values => {
    if (user?.status === 'active' && values.status === 'inactive') confirmDeactivation(user, () => save(values));
    else save(values);
  });
  const input = (name: (typeof formFields)[number]) => ({ ...form.getInputProps(name), error: errors[name], name });
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
      <TextInput
        label={t('email')}
        type="email"
        {...input('email')}
        {...(user === null ? { required: true, 'data-autofocus': true } : { readOnly: true, variant: 'filled' })}
        description={user === null ? undefined : t('emailHint')}
      />
      <TextInput
        label={t('displayName')}
        {...input('display_name')}
        {...(user === null ? {} : { 'data-autofocus': true })}
      />
      <Select
        label={t('role')}
        description={t('roleHint')}
        data={roleOptions(t)}
        allowDeselect={false}
        {...input('role')}
      />
      {user !== null && (
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
      )}
    </FormPanel>
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
