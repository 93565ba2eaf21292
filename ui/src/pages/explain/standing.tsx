import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Answered, ExplainedRow } from '../../api/explain.ts';

const colors = {
  wins: 'blue',
  may_win: 'yellow',
  loses: 'gray',
  no_match: 'gray',
  switched_off: 'gray',
  faulty: 'red',
} as const;

interface StandingProps {
  readonly standing: ExplainedRow['standing'];
  readonly isEnforced: boolean;
}

export function Standing({ standing, isEnforced }: StandingProps) {
  const { t } = useTranslation('explain');
  return (
    <Badge variant={standing === 'wins' ? 'filled' : 'default'} color={colors[standing]} tt="none">
      {t(standing === 'wins' && !isEnforced ? 'standing_would_win' : `standing_${standing}`)}
    </Badge>
  );
}

/** Explains a row's standing, in the reader's language. */
export function useWhy({ mappings, possible_winners }: Answered): (row: ExplainedRow) => string {
  const { t } = useTranslation('explain');
  const surestId = possible_winners.at(-1);
  const surest = mappings.find(({ id }) => id === surestId);
  return row => {
    if (row.standing !== 'loses' || surest === undefined) return t(plainWhy(row));
    const isWorse = row.effective_priority !== surest.effective_priority;
    const words = { level: row.effective_priority, better: surest.effective_priority, id: surest.id };
    const loss = t(isWorse ? 'why_loses_level' : 'why_loses_id', words);
    return row.answer === 'match' ? loss : t('why_loses_unknown', { loss });
  };
}

const plainWhy = ({ standing, answer }: ExplainedRow) => {
  if (standing === 'may_win') return answer === 'match' ? 'why_may_win_match' : 'why_may_win_unknown';
  return `why_${standing}` as const;
};
