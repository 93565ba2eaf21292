import type { SelectQueryBuilder } from 'kysely';

interface Planned {
  readonly 'QUERY PLAN': readonly { readonly Plan: { readonly 'Plan Rows': number } }[];
}

/**
 * Returns the number of rows that the planner expects of a query. The planner reads the statistics of the last ANALYZE,
 * scaled to the present size of the tables, and no row, so it takes as long for a million rows as for one.
 */
export async function plannedRows<DB, Table extends keyof DB, Row>(
  query: SelectQueryBuilder<DB, Table, Row>,
): Promise<number> {
  const [planned] = await query.explain<Planned>('json');
  return planned?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0;
}
