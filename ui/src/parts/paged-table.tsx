import { Paper } from '@mantine/core';
import { DataTable, type DataTableColumn, type DataTableSortStatus } from 'mantine-datatable';
import { type ReactNode, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useScrollRegion } from './scroll-region.ts';
import { EmptyState, ErrorState } from './states.tsx';
import { pageSizes, type TableView } from './table-view.ts';

/** The query of a table: the rows of one page, and the total. */
interface PagedQuery<Row> {
  readonly data:
    | { readonly rows: readonly Row[]; readonly total: number; readonly about?: true | undefined }
    | undefined;
  readonly error: unknown;
  readonly isFetching: boolean;
  refetch(): unknown;
}

interface PagedTableProps<Row> {
  /** The table's description for screen readers. */
  readonly label: string;
  readonly columns: DataTableColumn<Row>[];
  readonly query: PagedQuery<Row>;
  readonly view: TableView;
  readonly rowId: (row: Row) => string | number;
  readonly onOpen?: (row: Row) => void;
  /** Whether a filter is active: no match is not the same as no rows. */
  readonly isFiltered?: boolean;
  /** Shown without rows: a possible action. */
  readonly empty?: ReactNode;
}

/** Selecting a text to copy it must not open its row. */
const isMarking = (): boolean => getSelection()?.isCollapsed === false;

/** A table that is paged and sorted by the server. */
export function PagedTable<Row>(props: PagedTableProps<Row>) {
  const { label, columns, query, view, rowId, onOpen, isFiltered = false, empty } = props;
  const { t } = useTranslation();
  const viewport = useScrollRegion(label);
  const paging = usePaging(query, view);
  if (query.error && query.data === undefined) return <ErrorState error={query.error} onRetry={query.refetch} />;
  const rows = query.data?.rows ?? [];
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
        {...paging}
        loadingText={t('loading')}
        {...(onOpen ? { onRowClick: ({ record }: { record: Row }) => isMarking() || onOpen(record) } : {})}
        scrollViewportRef={viewport}
        highlightOnHover
        // Dimmed texts are readable on it too.
        highlightOnHoverColor={{ light: 'gray.1', dark: 'dark.6' }}
        verticalSpacing="xs"
        withTableBorder={false}
      />
    </Paper>
  );
}

/** The page and the order, which are those of the view. */
function usePaging({ data }: PagedQuery<unknown>, view: TableView) {
  const { t } = useTranslation();
  const { total = 0, about = false } = data ?? {};
  const lastPage = Math.ceil(total / view.pageSize);
  const isBeyond = data?.rows.length === 0 && lastPage > 0 && view.page > lastPage;
  // If the rows of the last page are gone, shows the page before.
  useEffect(() => {
    if (isBeyond) view.setPage(lastPage);
  });
  return {
    totalRecords: total,
    recordsPerPage: view.pageSize,
    recordsPerPageOptions: [...pageSizes],
    recordsPerPageLabel: t('rowsPerPage'),
    onRecordsPerPageChange: view.setPageSize,
    page: view.page,
    onPageChange: view.setPage,
    paginationText: ({ from, to, totalRecords }: Readonly<Record<'from' | 'to' | 'totalRecords', number>>) =>
      t('rowsShown', { from, to, total: (about ? '≈ ' : '') + totalRecords }),
    // Without sortable columns, no sort order is shown.
    sortStatus: view.sort ?? ({ columnAccessor: '', direction: 'asc' } as const),
    onSortStatusChange: ({ columnAccessor, direction }: DataTableSortStatus<never>) =>
      view.setSort({ columnAccessor: String(columnAccessor), direction }),
  };
}
