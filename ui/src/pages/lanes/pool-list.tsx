import { Anchor, Paper } from '@mantine/core';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import type { LivePool } from '../../../../src/http/admin/contract/live.ts';
import { figure, shownFrom } from '../../parts/columns.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { WholeTable } from '../../parts/whole-table.tsx';
import { anchorOf, waitingIn } from './pool-figures.ts';
import { Refused } from './refused.tsx';
import { SeatsBar } from './seats-bar.tsx';

/** An overview of several pools, each linked to its card. */
export function PoolList({ pools }: { readonly pools: readonly LivePool[] }) {
  const { t } = useTranslation('lanes');
  const { count, rate } = useNumbers();
  const columns: DataTableColumn<LivePool>[] = [
    { accessor: 'name', title: t('pool'), render: pool => <Anchor href={`#${anchorOf(pool)}`}>{pool.name}</Anchor> },
    {
      accessor: 'bar',
      title: t('seats'),
      width: '40%',
      render: pool => <SeatsBar pool={pool} isSmall />,
      ...shownFrom.sm,
    },
    figure('in_use', t('inUse'), pool => t('of', { part: count(pool.in_use), whole: count(pool.seats) }), {
      noWrap: true,
    }),
    figure('waiting', t('waiting'), pool => count(waitingIn(pool))),
    figure('granted_per_sec', t('grantedPerSec'), pool => rate(pool.granted_per_sec), shownFrom.sm),
    figure('refused_per_min', t('refusedPerMin'), pool => <Refused perMinute={pool.refused_per_min} />, shownFrom.sm),
  ];
  return (
    <Paper withBorder component="nav" aria-label={t('pools')}>
      <WholeTable label={t('pools')} columns={columns} rows={pools} rowId={pool => pool.name} />
    </Paper>
  );
}
