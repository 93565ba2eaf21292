import { Anchor, Paper } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LivePool } from '../../../../src/http/admin/contract/live.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { WholeTable } from '../../parts/whole-table.tsx';
import { anchorOf, waitingIn } from './pool-figures.ts';
import { Refused } from './refused.tsx';
import { SeatsBar } from './seats-bar.tsx';

const wide = '(min-width: 48em)';

/** An overview of several pools, each linked to its card. */
export function PoolList({ pools }: { readonly pools: readonly LivePool[] }) {
  const { t } = useTranslation('lanes');
  const { count, rate } = useNumbers();
  const columns = [
    {
      accessor: 'name',
      title: t('pool'),
      render: (pool: LivePool) => <Anchor href={`#${anchorOf(pool)}`}>{pool.name}</Anchor>,
    },
    {
      accessor: 'bar',
      title: t('seats'),
      width: '40%',
      visibleMediaQuery: wide,
      render: (pool: LivePool) => <SeatsBar pool={pool} isSmall />,
    },
    {
      accessor: 'in_use',
      title: t('inUse'),
      textAlign: 'right' as const,
      noWrap: true,
      render: (pool: LivePool) => t('of', { part: count(pool.in_use), whole: count(pool.seats) }),
    },
    number('waiting', t('waiting'), pool => count(waitingIn(pool))),
    { ...number('granted_per_sec', t('grantedPerSec'), pool => rate(pool.granted_per_sec)), visibleMediaQuery: wide },
    {
      ...number('refused_per_min', t('refusedPerMin'), pool => <Refused perMinute={pool.refused_per_min} />),
      visibleMediaQuery: wide,
    },
  ];
  return (
    <Paper withBorder component="nav" aria-label={t('pools')}>
      <WholeTable label={t('pools')} columns={columns} rows={pools} rowId={pool => pool.name} />
    </Paper>
  );
}

const number = (accessor: string, title: string, render: (pool: LivePool) => ReactNode) => ({
  accessor,
  title,
  render,
  textAlign: 'right' as const,
});
