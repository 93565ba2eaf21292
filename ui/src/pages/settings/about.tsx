import { Anchor } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSession } from '../../api/session.ts';
import { Facts } from '../../parts/facts.tsx';
import { Section } from '../../parts/section.tsx';

export function About() {
  const { t } = useTranslation('settings');
  const { t: shared } = useTranslation();
  const { edition, version } = useSession();
  return (
    <Section title={t('about')}>
      <Facts
        facts={[
          { name: t('version'), value: `${shared('product')} ${version}` },
          { name: t('edition'), value: shared(`edition_${edition}`) },
          {
            name: t('apiDocument'),
            value: (
              <Anchor href="/openapi.json" target="_blank" rel="noreferrer" size="sm">
                {t('openapi')}
              </Anchor>
            ),
          },
        ]}
      />
    </Section>
  );
}
