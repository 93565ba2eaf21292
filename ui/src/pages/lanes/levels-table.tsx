import { Anchor } from '@mantine/core';
import type { DataTableColumn } from 'mantine-datatable';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveLevel, LivePool, Point } from '../../../../src/http/admin/contract/live.ts';
import type { WaitingFilter } from '../../api/requests.ts';
import { figure, shownFrom } from '../../parts/columns.ts';
import { durationText } from '../../parts/duration.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { WholeTable } from '../../parts/whole-table.tsx';
import { isIdle } from './pool-figures.ts';
import { Refused } from './refused.tsx';
import { WaitTrend } from './wait-trend.tsx';

interface Props {
  readonly pool: LivePool;
  readonly points: readonly Point[];
  readonly stepMs: number;
  readonly onWaiting: (filter: WaitingFilter) => void;
}

/** The ten levels of a pool, best first. */
export function LevelsTable(props: Props) {
  const { t } = useTranslation('lanes');
  const { pool } = props;
  return (
    <WholeTable
      label={t('levelsOf', { pool: pool.name })}
      columns={useColumns(props)}
      rows={pool.levels}
      rowId={row => row.level}
      rowClassName={row => (isIdle(row) ? 'lane is-idle' : 'lane')}
    />
  );
}

function useColumns({ pool: { name }, points, stepMs, onWaiting }: Props): DataTableColumn<LiveLevel>[] {
  const { t } = useTranslation('lanes');
  const { count, rate } = useNumbers();
  return useMemo(() => {
    const counted = (key: 'running' | 'reserved' | 'free') => (row: LiveLevel) => <Quiet value={row[key]} of={count} />;
    const waiting = (row: LiveLevel) => (
      <WaitingCount row={row} text={count(row.waiting)} onOpen={() => onWaiting({ pool: name, level: row.level })} />
    );
    return [
      { accessor: 'level', title: t('level'), width: 72, render: ({ level }) => <PriorityBadge level={level} /> },
      figure('waiting', t('waiting'), waiting),
      figure('running', t('running'), counted('running')),
      figure('reserved', t('reserved'), counted('reserved'), shownFrom.sm),
      figure('free', t('free'), counted('free'), { visibleMediaQuery: '(min-width: 30em)' }),
      figure(
        'cap',
        t('cap'),
        ({ cap }) => (cap === null ? <Quiet value={0} of={() => '–'} /> : <Quiet value={cap} of={count} />),
        shownFrom.sm,
      ),
      figure('p50', t('waitP50'), row => durationText(row.wait_ms.p50), shownFrom.sm),
      figure('p95', t('waitP95'), row => durationText(row.wait_ms.p95)),
      {
        accessor: 'trend',
        title: t('trend'),
        width: 140,
        render: ({ level }) => <WaitTrend level={level} points={points} stepMs={stepMs} />,
        ...shownFrom.md,
      },
      figure('granted', t('grantedPerSec'), row => <Quiet value={row.granted_per_sec} of={rate} />, shownFrom.sm),
      figure('refused', t('refusedPerMin'), row => <Refused perMinute={row.refused_per_min} />, shownFrom.sm),
    ];
  }, [t, count, rate, points, stepMs, name, onWaiting]);
}

/** Zero is shown quietly. A plain element, because there are a hundred of them, rendered each second. */
const Quiet = ({ value, of: text }: { readonly value: number; readonly of: (value: number) => string }) =>
  value === 0 ? <span className="quiet">{text(value)}</span> : text(value);

interface WaitingCountProps {
  readonly row: LiveLevel;
  readonly text: string;
  readonly onOpen: () => void;
}

/** The number of waiting requests; a click lists them. */
function WaitingCount({ row, text, onOpen }: WaitingCountProps) {
  const { t } = useTranslation('lanes');
  if (row.waiting === 0) return <Quiet value={0} of={() => text} />;
  return (
    <Anchor
      component="button"
      type="button"
      fw={700}
      inherit
      onClick={onOpen}
      aria-label={t('showWaiting', { waiting: text, level: row.level })}
    >
      {text}
    </Anchor>
  );
}
