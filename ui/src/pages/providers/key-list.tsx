import { Alert, Button, Group, Paper, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconKey } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { type StoredKey, type StoredProvider, useAddKey, useDeleteKey, useSetKeyAside } from '../../api/providers.ts';
import { useConfirm } from '../../parts/confirm.tsx';
import { formErrors } from '../../parts/form-errors.ts';
import { FormError } from '../../parts/form-foot.tsx';
import { Moment } from '../../parts/moment.tsx';
import { tellDone, tellError } from '../../parts/tell.ts';
import { SecretInput } from './secret-input.tsx';

interface KeyListProps {
  readonly stored: StoredProvider;
  readonly storesKeys: boolean;
}

/** The stored keys of a provider by their fingerprints, and the form for another one. */
export function KeyList({ stored: { name, keys }, storesKeys }: KeyListProps) {
  const { t } = useTranslation('providers');
  return (
    <Stack gap="xs">
      {keys.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('noKeys')}
        </Text>
      )}
      {keys.map(key => (
        <Key key={key.id} provider={name} shown={key} />
      ))}
      {storesKeys ? <NewKey provider={name} hasKeys={keys.length > 0} /> : <NoMasterKey />}
    </Stack>
  );
}

export function NoMasterKey() {
  const { t } = useTranslation('providers');
  return (
    <Alert color="yellow" icon={<IconKey />} title={t('noMasterKey')}>
      {t('noMasterKeyWhy')}
    </Alert>
  );
}

interface KeyProps {
  readonly provider: string;
  readonly shown: StoredKey;
}

function Key({ provider, shown }: KeyProps) {
  const { t } = useTranslation('providers');
  const { t: shared } = useTranslation();
  const [confirm, dialog] = useConfirm();
  const moving = useSetKeyAside();
  const deleting = useDeleteKey();
  const { id, fingerprint: key, description, origins, created_at, set_aside_at } = shown;
  const onError = (error: unknown) => tellError(error, shared);
  const remove = () =>
    confirm({
      title: t('removeKeyOf', { key }),
      text: t('removeKeyAsk'),
      action: t('removeKey'),
      onConfirm: () => deleting.mutate({ provider, id }, { onSuccess: () => tellDone(t('keyRemoved')), onError }),
    });
  const isAside = set_aside_at !== null;
  const move = isAside ? 'bringBack' : 'setAside';
  return (
    <Paper withBorder p="xs">
      {dialog}
      <Group justify="space-between" gap="xs">
        <Stack gap={0} miw={0} style={{ overflowWrap: 'anywhere' }}>
          <Text size="sm">
            <span className="mono">{key}</span> {description}
          </Text>
          <Text size="xs" c="dimmed" component="div">
            {origins.join(', ')} · <Moment at={created_at} />
          </Text>
          <KeyState shown={shown} />
        </Stack>
        <Group gap={4}>
          <Button
            size="compact-sm"
            variant="default"
            aria-label={t(`of_${move}`, { key })}
            loading={moving.isPending}
            onClick={() => moving.mutate({ provider, id, set_aside: !isAside }, { onError })}
          >
            {t(move)}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            aria-label={t('removeKeyOf', { key })}
            loading={deleting.isPending}
            onClick={remove}
          >
            {t('removeKey')}
          </Button>
        </Group>
      </Group>
    </Paper>
  );
}

/** Whether it is used, or why not. */
function KeyState({ shown: { set_aside_at, why, refused_until, fault } }: Pick<KeyProps, 'shown'>) {
  const { t } = useTranslation('providers');
  if (fault !== null) return <FaultText>{fault}</FaultText>;
  if (set_aside_at !== null) {
    return (
      <Text size="xs" component="div">
        {t('aside')} <Moment at={set_aside_at} />
        {why !== null && `: ${why}`}
      </Text>
    );
  }
  if (refused_until === null) return <Text size="xs">{t('used')}</Text>;
  return (
    <FaultText>
      {t('refusedUntil')} <Moment at={refused_until} />
    </FaultText>
  );
}

const FaultText = ({ children }: { readonly children: ReactNode }) => (
  <Text size="xs" c="var(--mantine-color-error)" component="div">
    {children}
  </Text>
);

function NewKey({ provider, hasKeys }: { readonly provider: string; readonly hasKeys: boolean }) {
  const { t } = useTranslation('providers');
  const { t: shared } = useTranslation();
  const adding = useAddKey();
  const form = useForm({ initialValues: { api_key: '', description: '', replaces: false } });
  const errors = formErrors(adding.error, ['api_key', 'description'], shared);
  const add = form.onSubmit(({ api_key, description, replaces }) =>
    adding.mutate(
      { provider, api_key: api_key.trim(), description: description.trim() || null, replaces },
      {
        onSuccess: () => {
          form.reset();
          tellDone(t('keyAdded'));
        },
      },
    ),
  );
  return (
    <form onSubmit={add} noValidate>
      <Stack gap="xs">
        <Group gap="xs" align="flex-start">
          <SecretInput label={t('newKey')} flex="1 1 220px" {...form.getInputProps('api_key')} error={errors.api_key} />
          <TextInput
            label={t('description')}
            flex="1 1 160px"
            {...form.getInputProps('description')}
            error={errors.description}
          />
          <Button type="submit" variant="default" mt={25} loading={adding.isPending}>
            {t('addKey')}
          </Button>
        </Group>
        {hasKeys && <Switch label={t('replaces')} {...form.getInputProps('replaces', { type: 'checkbox' })} />}
        <FormError>{errors.form}</FormError>
      </Stack>
    </form>
  );
}
