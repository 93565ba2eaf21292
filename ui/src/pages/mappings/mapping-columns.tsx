import { Text } from '@mantine/core';
import type { TFunction } from 'i18next';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import { figure, shownFrom, shownOnPhone } from '../../parts/columns.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { PatternCell, PriorityCell, RowSummary, StateCell, stateOf, TenantCell } from './cells.tsx';
import type { Row } from './row.ts';
import { type Actions, RowActions, RowMenu } from './row-actions.tsx';

/** On a phone, one cell summarises the row. */
export function mappingColumns(t: TFunction<'mappings'>, actions: Actions): DataTableColumn<Row>[] {
  const sortable = true;
  const wide = { sortable, ...shownFrom.sm };
  return [
    figure('id', t('id'), ({ id }) => id, { sortable, width: 76, ...shownFrom.xl }),
    { accessor: 'tenant', title: t('tenant'), width: 150, render: row => <TenantCell row={row} />, ...wide },
    { accessor: 'pattern', title: t('pattern'), render: row => <PatternCell row={row} />, ...wide },
    { accessor: 'summary', title: t('mapping'), render: row => <Summary row={row} />, ...shownOnPhone },
    { accessor: 'match_type', title: t('match'), width: 98, render: row => t(`match_${row.match_type}`), ...wide },
    {
      accessor: 'priority',
      title: t('filter_priority'),
      sortable,
      width: 136,
      render: row => <PriorityCell row={row} />,
    },
    { accessor: 'tenant_type', title: t('type'), width: 90, render: row => typeText(row, t), ...wide },
    {
      accessor: 'state',
      title: t('filter_state'),
      width: 186,
      render: row => <StateCell row={row} />,
      ...shownFrom.sm,
    },
    figure('requests_per_min', t('requestsPerMin'), row => <Requests row={row} />, { width: 106, ...wide }),
    { ...unnamed('actions', 80), render: row => <RowActions row={row} actions={actions} />, ...shownFrom.sm },
    { ...unnamed('menu', 50), render: row => <RowMenu row={row} actions={actions} />, ...shownOnPhone },
  ];
}

const unnamed = (accessor: string, width: number) => ({ accessor, width, title: '', textAlign: 'right' }) as const;

/** A row written by SQL may have any type. */
const typeText = ({ tenant_type: type }: Row, t: TFunction<'mappings'>): string =>
  type === 'internal' || type === 'external' ? t(type) : (type ?? '–');

/** The requests per minute; below it those of its tenant that were raised, if there were any. */
function Requests({ row }: { readonly row: Row }) {
  const { t } = useTranslation('mappings');
  const { rate } = useNumbers();
  return (
    <>
      {rate(row.requests_per_min)}
      {row.raised_requests > 0 && (
        <Text size="xs" c="dimmed" title={t('raisedWhat')}>
          {t('raised', { count: row.raised_requests })}
        </Text>
      )}
    </>
  );
}

function Summary({ row }: { readonly row: Row }) {
  return (
    <RowSummary row={row} gap={2}>
      {stateOf(row) !== 'enabled' && <StateCell row={row} />}
    </RowSummary>
  );
}
