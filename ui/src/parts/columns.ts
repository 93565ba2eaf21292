import type { DataTableColumn } from 'mantine-datatable';
import type { ReactNode } from 'react';

const from = (em: number) => ({ visibleMediaQuery: `(min-width: ${em}em)` });

/** Hides a column on narrower screens; the names and widths are the library's breakpoints. */
export const shownFrom = { xs: from(36), sm: from(48), md: from(62), lg: from(75), xl: from(88) } as const;
export const shownOnPhone = { visibleMediaQuery: '(max-width: 47.99em)' } as const;

/** A column of numbers. */
export const figure = <Row>(
  accessor: string,
  title: string,
  render: (row: Row) => ReactNode,
  options: Partial<DataTableColumn<Row>> = {},
): DataTableColumn<Row> => ({ accessor, title, render, textAlign: 'right', ...options });
