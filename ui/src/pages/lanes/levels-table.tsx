import { Anchor } from '@mantine/core';
import type { DataTableColumn } from 'mantine-datatable';
import { type ReactNode, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveLevel, LivePool, Point } from '../../../../src/http/admin/contract/live.ts';
import type { WaitingFilter } from '../../api/requests.ts';
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

const notNarrow = '(min-width: 30em)';
const wide = '(min-width: 48em)';
const widest = '(min-width: 62em)';

/** The ten levels of a pool, best first. */
export function LevelsTable({ pool, points, stepMs, onWaiting }: Props) {
  const { t } = useTranslation('lanes');
  const { count, rate } = useNumbers();
  const columns: DataTableColumn<LiveLevel>[] = useMemo(
    () => [
      { accessor: 'level', title: t('level'), width: 72, render: ({ level }) => <PriorityBadge level={level} /> },
      figure('waiting', t('waiting'), row => (
        <WaitingCount
          row={row}
          text={count(row.waiting)}
          onOpen={() => onWaiting({ pool: pool.name, level: row.level })}
        />
      )),
      figure('running', t('running'), row => <Quiet value={row.running} text={count(row.running)} />),
      figure('reserved', t('reserved'), row => <Quiet value={row.reserved} text={count(row.reserved)} />, wide),
      figure('free', t('free'), row => <Quiet value={row.free} text={count(row.free)} />, notNarrow),
      figure(
        'cap',
        t('cap'),
        row => <Quiet value={row.cap ?? 0} text={row.cap === null ? '–' : count(row.cap)} />,
        wide,
      ),
      figure('p50', t('waitP50'), row => durationText(row.wait_ms.p50), wide),
      figure('p95', t('waitP95'), row => durationText(row.wait_ms.p95)),
      {
        accessor: 'trend',
        title: t('trend'),
        width: 140,
        visibleMediaQuery: widest,
        render: ({ level }) => <WaitTrend level={level} points={points} stepMs={stepMs} />,
      },
      figure(
        'granted',
        t('grantedPerSec'),
        row => <Quiet value={row.granted_per_sec} text={rate(row.granted_per_sec)} />,
        wide,
      ),
      figure('refused', t('refusedPerMin'), row => <Refused perMinute={row.refused_per_min} />, wide),
    ],
    [t, count, rate, points, stepMs, pool.name, onWaiting],
  );
  return (
    <WholeTable
      label={t('levelsOf', { pool: pool.name })}
      columns={columns}
      rows={pool.levels}
      rowId={row => row.level}
      rowClassName={row => (isIdle(row) ? 'lane is-idle' : 'lane')}
    />
  );
}

const figure = (
  accessor: string,
  title: string,
  render: (row: LiveLevel) => ReactNode,
  visibleMediaQuery?: string,
): DataTableColumn<LiveLevel> => ({
  accessor,
  title,
  render,
  textAlign: 'right',
  ...(visibleMediaQuery ? { visibleMediaQuery } : {}),
});

/** Zero is shown quietly. A plain element, because there are a hundred of them, rendered each second. */
const Quiet = ({ value, text }: { readonly value: number; readonly text: string }) =>
  value === 0 ? <span className="quiet">{text}</span> : text;

interface WaitingCountProps {
  readonly row: LiveLevel;
  readonly text: string;
  readonly onOpen: () => void;
}

/** The number of waiting requests; a click lists them. */
function WaitingCount({ row, text, onOpen }: WaitingCountProps) {
  const { t } = useTranslation('lanes');
  if (row.waiting === 0) return <Quiet value={0} text={text} />;
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
