import { Button } from '@mantine/core';
import { IconLogout2 } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { sessionKey, useSession } from '../../api/session.ts';
import { Facts } from '../../parts/facts.tsx';
import { FullMoment, Moment } from '../../parts/moment.tsx';
import { Section } from '../../parts/section.tsx';
import { useSigningOut } from '../../parts/use-signing-out.tsx';
import { roleText } from '../users/user-words.tsx';

export function SessionFacts() {
  const { t } = useTranslation('settings');
  const { t: ofUsers } = useTranslation('users');
  const { user, signed_in_at, idle_expires_at, expires_at } = useSession();
  const queries = useQueryClient();
  // The session's end has moved since the sign-in.
  useEffect(() => void queries.invalidateQueries({ queryKey: sessionKey }), [queries]);
  return (
    <Section title={t('session')} aside={<SignOutEverywhere />}>
      <Facts
        cols={3}
        facts={[
          { name: t('signedInAs'), value: user.email },
          { name: t('role'), value: roleText(user.role, ofUsers) },
          { name: t('since'), value: <FullMoment at={signed_in_at} /> },
          { name: t('idleEnds'), value: <Moment at={idle_expires_at} />, hint: t('idleEndsHint') },
          { name: t('endsAtLatest'), value: <FullMoment at={expires_at} /> },
        ]}
      />
    </Section>
  );
}

function SignOutEverywhere() {
  const { t } = useTranslation();
  const { everywhere, isPending, dialog } = useSigningOut();
  return (
    <>
      {dialog}
      <Button
        variant="default"
        size="xs"
        leftSection={<IconLogout2 size={16} />}
        onClick={everywhere}
        loading={isPending}
      >
        {t('signOutEverywhere')}
      </Button>
    </>
  );
}
