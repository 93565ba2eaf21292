import type {
  ListedMapping,
  Mapping,
  MappingFilter,
  NewMapping,
} from '../../../../src/http/admin/contract/contract.ts';
import type { Sort, TableView } from '../../parts/table-view.ts';

export type Row = ListedMapping;
export const usualSort: Sort = { columnAccessor: 'priority', direction: 'asc' };

export const matchTypes = [
  'exact',
  'prefix',
  'suffix',
  'contains',
  'regex',
] as const satisfies NewMapping['match_type'][];
export const tenantTypes = ['internal', 'external'] as const satisfies NewMapping['tenant_type'][];
export const states = [
  'enabled',
  'disabled',
  'faulty',
  'never_wins',
  'boosted',
] as const satisfies MappingFilter['state'][];

const filterNames = ['q', 'tenant_type', 'priority', 'match_type', 'state'] as const;
type FilterName = (typeof filterNames)[number];

/** The filters of the page's address, as far as they are the list's. */
function filtersOf({ filters }: TableView): Partial<Record<FilterName, string>> {
  const given = filterNames.flatMap(name => (filters[name] === undefined ? [] : [[name, filters[name]]]));
  return Object.fromEntries(given);
}

/** The address may say anything; what the list does not know the gateway refuses, and the page shows that. */
export function listFilter(view: TableView): MappingFilter {
  const { sort, limit, offset } = view;
  const { columnAccessor, direction } = sort ?? usualSort;
  return { ...filtersOf(view), sort: columnAccessor, order: direction, limit, offset } as MappingFilter;
}

/** As the form has it: nothing is said of the priority until the operator does. */
export interface Values extends Omit<Required<NewMapping>, 'priority'> {
  readonly priority: number | null;
}

export const blank: Values = {
  pattern: '',
  match_type: 'prefix',
  priority: null,
  tenant_id: null,
  tenant_name: null,
  tenant_type: null,
  description: null,
  enabled: true,
};

/** What can be edited, in the order in which it is shown. */
export const fieldNames = [
  'match_type',
  'pattern',
  'priority',
  'tenant_id',
  'tenant_name',
  'tenant_type',
  'description',
  'enabled',
] as const satisfies (keyof Values)[];

export function valuesOf(row: Mapping): Values {
  const { pattern, match_type, priority, tenant_id, tenant_name, description, enabled } = row;
  // By SQL it may be any text; the gateway refuses what it does not know.
  const tenant_type = row.tenant_type as Values['tenant_type'];
  return { pattern, match_type, priority, tenant_id, tenant_name, tenant_type, description, enabled };
}
