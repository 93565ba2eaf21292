/** A mapping as explain and lint show it. */
import type { MatchType } from '../../domain/vocabulary.ts';
import type { Mapping, MappingSource } from '../matching/matcher.ts';

export interface ShownRow {
  readonly id: number;
  readonly pattern: string;
  readonly match_type: MatchType;
  /** The row's own priority. */
  readonly priority: number;
  /** The priority in effect, which decides which row wins. */
  readonly effective_priority: number;
  readonly tenant_id: string | null;
  readonly tenant_name: string | null;
  readonly tenant_type: string | null;
}

export function shownRow(row: MappingSource | Mapping): ShownRow {
  const { id, pattern, match_type, priority, tenant_id, tenant_name, tenant_type } = row;
  const effective_priority = 'level' in row ? row.level : priority;
  return { id, pattern, match_type, priority, effective_priority, tenant_id, tenant_name, tenant_type };
}
