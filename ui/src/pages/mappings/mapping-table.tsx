import { Button, Stack, Text } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import type { DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import { useMappings } from '../../api/mappings.ts';
import { isFiltered } from '../../parts/filters.tsx';
import { MayRaise } from '../../parts/may-raise.tsx';
import { useNumbers } from '../../parts/numbers.ts';
import { PagedTable } from '../../parts/paged-table.tsx';
import type { TableView } from '../../parts/table-view.ts';
import { PatternCell, PriorityCell, StateCell, stateOf, TenantCell } from './cells.tsx';
import { listFilter, type Row } from './row.ts';
import { type Actions, RowActions, RowMenu } from './row-actions.tsx';

interface MappingTableProps {
  readonly view: TableView;
  readonly actions: Actions & { create(): void };
}

export function MappingTable({ view, actions }: MappingTableProps) {
  const { t } = useTranslation('mappings');
  const query = useMappings(listFilter(view));
  const { data } = query;
  const columns = useColumns(actions);
  return (
    <Stack gap={6}>
      <MayRaise found={data?.external_may_raise} />
      <PagedTable<Row>
        label={t('title')}
        columns={columns}
        query={{ ...query, data: data && { rows: data.mappings, total: data.total } }}
        view={view}
        rowId={row => row.id}
        onOpen={actions.edit}
        isFiltered={isFiltered(view)}
        empty={
          <>
            <Text size="sm" c="dimmed" maw={440} ta="center">
              {t('emptyWhy')}
            </Text>
            <Button leftSection={<IconPlus size={16} />} onClick={actions.create}>
              {t('new')}
            </Button>
          </>
        }
      />
      {data !== undefined && data.checked_at === null && (
        <Text size="xs" c="dimmed" role="status">
          {t('stillChecking')}
        </Text>
      )}
    </Stack>
  );
}

const onPhone = '(max-width: 47.99em)';
const beyondPhone = '(min-width: 48em)';
const wide = '(min-width: 88em)';

function useColumns(actions: Actions): DataTableColumn<Row>[] {
  const { t } = useTranslation('mappings');
  const sortable = true;
  return [
    { accessor: 'id', title: t('id'), sortable, width: 76, textAlign: 'right', visibleMediaQuery: wide },
    {
      accessor: 'tenant',
      title: t('tenant'),
      sortable,
      width: 150,
      render: row => <TenantCell row={row} />,
      visibleMediaQuery: beyondPhone,
    },
    {
      accessor: 'pattern',
      title: t('pattern'),
      sortable,
      render: row => <PatternCell row={row} />,
      visibleMediaQuery: beyondPhone,
    },
    { accessor: 'summary', title: t('mapping'), render: row => <Summary row={row} />, visibleMediaQuery: onPhone },
    {
      accessor: 'match_type',
      title: t('match'),
      sortable,
      width: 98,
      render: row => t(`match_${row.match_type}`),
      visibleMediaQuery: beyondPhone,
    },
    {
      accessor: 'priority',
      title: t('filter_priority'),
      sortable,
      width: 136,
      render: row => <PriorityCell row={row} />,
    },
    {
      accessor: 'tenant_type',
      title: t('type'),
      sortable,
      width: 90,
      render: ({ tenant_type: type }) => (type === 'internal' || type === 'external' ? t(type) : (type ?? '–')),
      visibleMediaQuery: beyondPhone,
    },
    {
      accessor: 'state',
      title: t('filter_state'),
      width: 186,
      render: row => <StateCell row={row} />,
      visibleMediaQuery: beyondPhone,
    },
    {
      accessor: 'requests_per_min',
      title: t('requestsPerMin'),
      sortable,
      width: 106,
      textAlign: 'right',
      render: row => <Requests row={row} />,
      visibleMediaQuery: beyondPhone,
    },
    {
      accessor: 'actions',
      title: '',
      width: 80,
      textAlign: 'right',
      render: row => <RowActions row={row} actions={actions} />,
      visibleMediaQuery: beyondPhone,
    },
    {
      accessor: 'menu',
      title: '',
      width: 50,
      textAlign: 'right',
      render: row => <RowMenu row={row} actions={actions} />,
      visibleMediaQuery: onPhone,
    },
  ];
}

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

/** On a phone, one cell summarises the row. */
function Summary({ row }: { readonly row: Row }) {
  return (
    <Stack gap={2}>
      <TenantCell row={row} />
      <PatternCell row={row} />
      {stateOf(row) !== 'enabled' && <StateCell row={row} />}
    </Stack>
  );
}
