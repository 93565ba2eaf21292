import { Menu, Text } from '@mantine/core';
import { IconLogout, IconLogout2, IconUserCircle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useSession } from '../api/session.ts';
import { useSigningOut } from '../parts/use-signing-out.tsx';
import { HeaderMenu } from './header-menu.tsx';

export function Account() {
  const { t } = useTranslation();
  const { email } = useSession().user;
  const { here, everywhere, dialog } = useSigningOut();
  return (
    <>
      {dialog}
      <HeaderMenu label={t('account')} icon={<IconUserCircle size={22} />}>
        <Menu.Label>
          <Text size="xs">{t('signedInAs', { email })}</Text>
        </Menu.Label>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={here}>
          {t('signOut')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout2 size={16} />} onClick={everywhere}>
          {t('signOutEverywhere')}
        </Menu.Item>
      </HeaderMenu>
    </>
  );
}
