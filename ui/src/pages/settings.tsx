import { SimpleGrid, Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSession } from '../api/session.ts';
import { PageHeader } from '../parts/states.tsx';
import { About } from './settings/about.tsx';
import { Appearance } from './settings/appearance.tsx';
import { MappingSettings } from './settings/mapping-settings.tsx';
import { SessionFacts } from './settings/session-facts.tsx';

export default function Page() {
  const { t } = useTranslation('settings');
  const isTeam = useSession().edition === 'team';
  return (
    <>
      <PageHeader title={t('title')} />
      <Stack maw={1000}>
        {isTeam && <MappingSettings />}
        <SessionFacts />
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          <Appearance />
          <About />
        </SimpleGrid>
      </Stack>
    </>
  );
}
