import { TagsInput, Text, TextInput, type TextInputProps } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useTranslation } from 'react-i18next';
import { type DrawnApiKey, type NewApiKey, useCreateApiKey } from '../../api/api-keys.ts';
import { formErrors } from '../../parts/form-errors.ts';
import { FormPanel } from '../../parts/form-panel.tsx';
import { MomentInput } from '../../parts/moment-input.tsx';
import { UserSelect } from '../../parts/user-select.tsx';

interface KeyPanelProps {
  /** The user whose keys the page shows; null: those of all users. */
  readonly userId: number | null;
  readonly onClose: () => void;
  readonly onDrawn: (key: DrawnApiKey) => void;
}

const formFields = ['user_id', 'prefix', 'scopes', 'expires_at'] as const;
interface Values {
  readonly user_id: number | null;
  readonly prefix: string;
  readonly scopes: string[];
  readonly expires_at: string | null;
}

export function KeyPanel({ userId, onClose, onDrawn }: KeyPanelProps) {
  const { t } = useTranslation('apiKeys');
  const { t: shared } = useTranslation();
  const creating = useCreateApiKey(onDrawn);
  const form = useForm<Values>({ initialValues: { user_id: userId, prefix: '', scopes: [], expires_at: null } });
  const errors = formErrors(creating.error, formFields, shared);
  const input = (name: keyof Values) => ({ ...form.getInputProps(name), error: errors[name], name });
  return (
    <FormPanel
      title={t('create')}
      onClose={onClose}
      onSubmit={form.onSubmit(values => creating.mutate(wishOf(values)))}
      error={errors.form}
      failure={creating.error}
      isSaving={creating.isPending}
      isDirty={form.isDirty()}
      saveLabel={shared('create')}
    >
      <UserSelect
        label={t('user')}
        description={t('userHint')}
        placeholder={t('userSearch')}
        required
        data-autofocus
        {...input('user_id')}
        value={form.values.user_id}
      />
      <PrefixInput {...input('prefix')} />
      <TagsInput label={t('scopes')} description={t('scopesHint')} {...input('scopes')} />
      <MomentInput
        label={t('expires')}
        description={t('expiresHint')}
        placeholder={t('neverExpires')}
        clearable
        {...input('expires_at')}
        value={form.values.expires_at}
      />
    </FormPanel>
  );
}

/** The prefix of a key, after the beginning that all keys have. */
function PrefixInput(props: TextInputProps) {
  const { t } = useTranslation('apiKeys');
  return (
    <TextInput
      label={t('prefix')}
      description={t('prefixHint')}
      classNames={{ input: 'mono' }}
      autoCapitalize="none"
      spellCheck={false}
      leftSection={
        <Text size="sm" c="dimmed" className="mono">
          tok_
        </Text>
      }
      leftSectionWidth={48}
      {...props}
    />
  );
}

/** Empty fields are omitted; the gateway reports invalid ones. */
const wishOf = ({ user_id, prefix, scopes, expires_at }: Values) =>
  ({
    ...(user_id === null ? {} : { user_id }),
    ...(prefix.trim() === '' ? {} : { prefix: prefix.trim() }),
    ...(scopes.length === 0 ? {} : { scopes }),
    ...(expires_at === null ? {} : { expires_at }),
  }) as NewApiKey;
