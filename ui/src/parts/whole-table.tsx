import { DataTable, type DataTableColumn, type DataTableSortStatus } from 'mantine-datatable';
import { useScrollRegion } from './scroll-region.ts';
import { EmptyState } from './states.tsx';

interface WholeTableProps<Row> {
  /** What the table holds, for those who hear it. */
  readonly label: string;
  readonly columns: DataTableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly rowId: (row: Row) => string | number;
  /** What it says without rows. */
  readonly empty?: string;
  readonly sort?: DataTableSortStatus<Row>;
  readonly onSort?: (sort: DataTableSortStatus<Row>) => void;
  readonly rowClassName?: (row: Row) => string | undefined;
  readonly isLoading?: boolean;
}

/** A table of few rows that are all there; `PagedTable` is for those that the server pages. */
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
      // Without columns to sort by, nobody sees how it is sorted.
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
