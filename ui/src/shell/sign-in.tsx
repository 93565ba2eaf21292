import { Button, Center, Group, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { sessionKey, signIn } from '../api/session.ts';
import { errorText } from '../parts/states.tsx';
import { Preferences } from './preferences.tsx';

/** `isAgain`: the user was signed in a moment ago. */
export function SignIn({ isAgain }: { readonly isAgain: boolean }) {
  const { t } = useTranslation();
  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder shadow="sm" p="xl" maw={420} w="100%">
        <KeyForm>
          <Title order={1} size="h2">
            {t('product')}
          </Title>
          <Text size="sm" c="dimmed">
            {t('signInHint')}
          </Text>
          {isAgain && <Text size="sm">{t('sessionEnded')}</Text>}
        </KeyForm>
      </Paper>
    </Center>
  );
}

/** The form below its introduction. */
function KeyForm({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation();
  const { key, setKey, submit, error, isPending } = useSigningIn();
  return (
    <form onSubmit={submit}>
      <Stack>
        {children}
        <PasswordInput
          label={t('key')}
          name="key"
          autoComplete="current-password"
          value={key}
          onChange={event => setKey(event.currentTarget.value)}
          error={error ? errorText(error, t) : null}
          required
          data-autofocus
          autoFocus
        />
        <Button type="submit" loading={isPending}>
          {t('signIn')}
        </Button>
        <Group justify="flex-end">
          <Preferences />
        </Group>
      </Stack>
    </form>
  );
}

function useSigningIn() {
  const queries = useQueryClient();
  const [key, setKey] = useState('');
  const { mutate, error, isPending } = useMutation({
    mutationFn: signIn,
    // The key must not stay in memory.
    gcTime: 0,
    onSuccess: session => queries.setQueryData(sessionKey, session),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    mutate(key.trim());
  };
  return { key, setKey, submit, error, isPending };
}
