/** A mapping as explain and lint show it. */
import type { MatchType } from '../../domain/vocabulary.ts';
import type { Mapping, MappingSource } from '../matching/matcher.ts';

export interface ShownRow {
  readonly id: number;
  readonly pattern: string;
  readonly match_type: MatchType;
  /** That of the row. */
  readonly priority: number;
  /** The one that holds now, by which rows win. */
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
