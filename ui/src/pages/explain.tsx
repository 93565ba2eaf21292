import { Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useExplaining } from '../api/explain.ts';
import { PageHeader, TeamOnly } from '../parts/states.tsx';
import { MatchTable } from './explain/match-table.tsx';
import { Path } from './explain/path.tsx';
import { QuestionForm } from './explain/question-form.tsx';
import { RouteCard } from './explain/route-card.tsx';

export default function Page() {
  const { t } = useTranslation('explain');
  return (
    <TeamOnly title={t('title')}>
      <Explain />
    </TeamOnly>
  );
}

function Explain() {
  const { t } = useTranslation('explain');
  const { ask, error, isAsking, explanation } = useExplaining();
  return (
    <>
      <PageHeader title={t('title')} hint={t('hint')} />
      <Stack gap="lg">
        <QuestionForm onAsk={ask} error={error} isAsking={isAsking} />
        {explanation && (
          <Stack gap="lg" aria-busy={isAsking} opacity={isAsking ? 0.6 : 1}>
            <Path explanation={explanation} />
            {explanation.route && <RouteCard route={explanation.route} level={explanation.priority} />}
            <MatchTable explanation={explanation} />
          </Stack>
        )}
      </Stack>
    </>
  );
}
