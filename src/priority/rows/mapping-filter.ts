/** The filter and the order of the list of mappings. */
import type { MatchType } from '../../domain/vocabulary.ts';

/** Faulty rows and rows that never win are enabled ones: disabled rows are not checked. */
export const mappingStates = ['enabled', 'disabled', 'faulty', 'never_wins', 'boosted'] as const;
export type MappingState = (typeof mappingStates)[number];

export const mappingSorts = [
  'priority',
  'id',
  'pattern',
  'match_type',
  'tenant',
  'tenant_type',
  'updated_at',
  'requests_per_min',
] as const;
export type MappingSort = (typeof mappingSorts)[number];

export const sortOrders = ['asc', 'desc'] as const;
type SortOrder = (typeof sortOrders)[number];

export interface MappingFilter {
  readonly tenant_type?: string | undefined;
  readonly tenant_id?: string | undefined;
  readonly priority?: number | undefined;
  readonly enabled?: boolean | undefined;
  readonly match_type?: MatchType | undefined;
  readonly state?: MappingState | undefined;
  /** Somewhere in pattern, tenant_id, tenant_name or description, in whatever case. */
  readonly q?: string | undefined;
  readonly sort?: MappingSort | undefined;
  readonly order?: SortOrder | undefined;
  readonly limit: number;
  readonly offset: number;
}
