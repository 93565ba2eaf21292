import { Menu, Text } from '@mantine/core';
import { IconLogout, IconLogout2, IconUserCircle } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { forgetSession } from '../api/query-client.ts';
import { signOut, signOutEverywhere, useSession } from '../api/session.ts';
import { useConfirm } from '../parts/confirm.tsx';
import { tellError } from '../parts/tell.ts';
import { HeaderMenu } from './header-menu.tsx';

export function Account() {
  const { t } = useTranslation();
  const { user } = useSession();
  const queries = useQueryClient();
  const [confirm, dialog] = useConfirm();
  const leaving = useMutation({
    mutationFn: (everywhere: boolean) => (everywhere ? signOutEverywhere() : signOut()),
    onSuccess: () => forgetSession(queries),
    onError: error => tellError(error, t),
  });
  const askEverywhere = () =>
    confirm({
      title: t('signOutEverywhere'),
      text: t('signOutEverywhereAsk', { email: user.email }),
      action: t('signOutEverywhere'),
      onConfirm: () => leaving.mutate(true),
    });
  return (
    <>
      {dialog}
      <HeaderMenu label={t('account')} icon={<IconUserCircle size={22} />}>
        <Menu.Label>
          <Text size="xs">{t('signedInAs', { email: user.email })}</Text>
        </Menu.Label>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => leaving.mutate(false)}>
          {t('signOut')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout2 size={16} />} onClick={askEverywhere}>
          {t('signOutEverywhere')}
        </Menu.Item>
      </HeaderMenu>
    </>
  );
}
