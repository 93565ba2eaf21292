import { Paper } from '@mantine/core';
import { DataTable, type DataTableColumn } from 'mantine-datatable';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useScrollRegion } from './scroll-region.ts';
import { EmptyState, ErrorState } from './states.tsx';
import { pageSizes, type TableView } from './table-view.ts';

/** What a table shows of a query: the rows of one page, and how many there are in all. */
interface PagedQuery<Row> {
  readonly data: { readonly rows: readonly Row[]; readonly total: number } | undefined;
  readonly error: unknown;
  readonly isFetching: boolean;
  refetch(): unknown;
}

interface PagedTableProps<Row> {
  /** What the table holds, for those who hear it. */
  readonly label: string;
  readonly columns: DataTableColumn<Row>[];
  readonly query: PagedQuery<Row>;
  readonly view: TableView;
  readonly rowId: (row: Row) => string | number;
  readonly onOpen?: (row: Row) => void;
  /** Some filter is on: nothing found is not the same as nothing there. */
  readonly isFiltered?: boolean;
  /** What one can do where there is nothing yet. */
  readonly empty?: ReactNode;
}

/** Whoever marks a text to copy it does not mean to open its row. */
const isMarking = (): boolean => getSelection()?.isCollapsed === false;

/** A table whose paging and sorting are the server's. */
export function PagedTable<Row>(props: PagedTableProps<Row>) {
  const { label, columns, query, view, rowId, onOpen, isFiltered = false, empty } = props;
  const { t } = useTranslation();
  const viewport = useScrollRegion(label);
  const lastPage = Math.ceil((query.data?.total ?? 0) / view.pageSize);
  const isBeyond = query.data?.rows.length === 0 && lastPage > 0 && view.page > lastPage;
  // The rows of the last page are gone; those before it are not.
  useEffect(() => {
    if (isBeyond) view.setPage(lastPage);
  });
  if (query.error && query.data === undefined) return <ErrorState error={query.error} onRetry={query.refetch} />;
  const { rows = [], total = 0 } = query.data ?? {};
  const isEmpty = query.data !== undefined && rows.length === 0;
  return (
    <Paper withBorder>
      {query.error != null && <ErrorState error={query.error} onRetry={query.refetch} />}
      <DataTable<Row>
        columns={columns}
        records={[...rows]}
        idAccessor={rowId}
        fetching={query.isFetching && query.data === undefined}
        minHeight={isEmpty || query.data === undefined ? 180 : 0}
        emptyState={
          isEmpty ? <EmptyState {...(isFiltered ? { text: t('nothingFound') } : { children: empty })} /> : ' '
        }
        totalRecords={total}
        recordsPerPage={view.pageSize}
        recordsPerPageOptions={[...pageSizes]}
        recordsPerPageLabel={t('rowsPerPage')}
        onRecordsPerPageChange={view.setPageSize}
        page={view.page}
        onPageChange={view.setPage}
        paginationText={({ from, to, totalRecords }) => t('rowsShown', { from, to, total: totalRecords })}
        loadingText={t('loading')}
        // Without columns to sort by, nobody sees how it is sorted.
        sortStatus={view.sort ?? { columnAccessor: '', direction: 'asc' }}
        onSortStatusChange={({ columnAccessor, direction }) =>
          view.setSort({ columnAccessor: String(columnAccessor), direction })
        }
        {...(onOpen ? { onRowClick: ({ record }: { record: Row }) => isMarking() || onOpen(record) } : {})}
        scrollViewportRef={viewport}
        highlightOnHover
        // Dimmed texts are readable on it as well.
        highlightOnHoverColor={{ light: 'gray.1', dark: 'dark.6' }}
        verticalSpacing="xs"
        withTableBorder={false}
      />
    </Paper>
  );
}
