import { useSearchParams } from 'wouter';

export const pageSizes = [25, 50, 100] as const;
const usualPageSize = 50;

export interface Sort {
  readonly columnAccessor: string;
  readonly direction: 'asc' | 'desc';
}

/** The view of a table; all of it is in the page's address, so that it can be shared and gone back to. */
export interface TableView {
  readonly page: number;
  readonly pageSize: number;
  readonly sort: Sort | null;
  readonly filters: Readonly<Record<string, string>>;
  /** The page size for the API. */
  readonly limit: number;
  readonly offset: number;
  setPage(page: number): void;
  setPageSize(size: number): void;
  setSort(sort: Sort): void;
  /** Empty or null removes the filter. */
  setFilter(name: string, value: string | null): void;
  clearFilters(): void;
}

/** Names that are no filters; `edit` is open beside the table. */
const ownNames = new Set(['page', 'size', 'sort', 'order', 'edit']);

/** `usualSort`: null if the table cannot be sorted by its columns. */
export function useTableView(usualSort: Sort | null = null): TableView {
  const [params, setParams] = useSearchParams();
  const page = wholeFrom1(params.get('page')) ?? 1;
  const pageSize = pageSizes.find(size => String(size) === params.get('size')) ?? usualPageSize;
  const change = (changes: Record<string, string | null>) =>
    setParams(
      old => {
        const next = new URLSearchParams(old);
        for (const [name, value] of Object.entries(changes)) {
          if (value === null || value === '') next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
  const filters = Object.fromEntries([...params].filter(([name]) => !ownNames.has(name)));
  return {
    page,
    pageSize,
    sort: usualSort === null ? null : sortOf(params, usualSort),
    filters,
    limit: pageSize,
    offset: (page - 1) * pageSize,
    setPage: to => change({ page: String(to) }),
    setPageSize: size => change({ size: String(size), page: null }),
    setSort: ({ columnAccessor, direction }) => change({ sort: columnAccessor, order: direction, page: null }),
    setFilter: (name, value) => change({ [name]: value, page: null }),
    clearFilters: () => change({ ...Object.fromEntries(Object.keys(filters).map(name => [name, null])), page: null }),
  };
}

function sortOf(params: URLSearchParams, usual: Sort): Sort {
  const columnAccessor = params.get('sort');
  if (columnAccessor === null) return usual;
  return { columnAccessor, direction: params.get('order') === 'desc' ? 'desc' : 'asc' };
}

function wholeFrom1(text: string | null): number | null {
  const number = Number(text);
  return text !== null && Number.isInteger(number) && number >= 1 ? number : null;
}
