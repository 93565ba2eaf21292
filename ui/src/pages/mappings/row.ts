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

/** Returns the filters in the page's address that the list has. */
function filtersOf({ filters }: TableView): Partial<Record<FilterName, string>> {
  const given = filterNames.flatMap(name => (filters[name] === undefined ? [] : [[name, filters[name]]]));
  return Object.fromEntries(given);
}

/** The address may hold anything; the gateway refuses unknown values, and the page shows that. */
export function listFilter(view: TableView): MappingFilter {
  const { sort, limit, offset } = view;
  const { columnAccessor, direction } = sort ?? usualSort;
  return { ...filtersOf(view), sort: columnAccessor, order: direction, limit, offset } as MappingFilter;
}

/** The values of the form: the priority is empty until the operator chooses one. */
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

/** The editable fields, in the order of the form. */
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
  // A row written by SQL may have any text; the gateway refuses unknown ones.
  const tenant_type = row.tenant_type as Values['tenant_type'];
  return { pattern, match_type, priority, tenant_id, tenant_name, tenant_type, description, enabled };
}
