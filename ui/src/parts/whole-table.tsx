import { DataTable, type DataTableColumn, type DataTableSortStatus } from 'mantine-datatable';
import { useScrollRegion } from './scroll-region.ts';
import { EmptyState } from './states.tsx';

interface WholeTableProps<Row> {
  /** The table's description for screen readers. */
  readonly label: string;
  readonly columns: DataTableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly rowId: (row: Row) => string | number;
  /** The text for no rows. */
  readonly empty?: string;
  readonly sort?: DataTableSortStatus<Row>;
  readonly onSort?: (sort: DataTableSortStatus<Row>) => void;
  readonly rowClassName?: (row: Row) => string | undefined;
  readonly isLoading?: boolean;
}

/** A table of a few rows that are all loaded; `PagedTable` is for those that the server pages. */
export function WholeTable<Row>(props: WholeTableProps<Row>) {
  const { label, columns, rows, rowId, empty, sort, onSort, rowClassName, isLoading = false } = props;
  const viewport = useScrollRegion(label);
  const isEmpty = rows.length === 0;
  return (
    <DataTable<Row>
      columns={columns}
      records={[...rows]}
      idAccessor={rowId}
      fetching={isLoading}
      minHeight={isEmpty ? 120 : 0}
      emptyState={isEmpty && !isLoading ? <EmptyState {...(empty === undefined ? {} : { text: empty })} /> : ' '}
      // Without sortable columns, no sort order is shown.
      sortStatus={sort ?? { columnAccessor: '', direction: 'asc' }}
      onSortStatusChange={onSort ?? (() => {})}
      rowClassName={row => rowClassName?.(row)}
      scrollViewportRef={viewport}
      verticalSpacing={4}
      horizontalSpacing="sm"
      withTableBorder={false}
    />
  );
}
