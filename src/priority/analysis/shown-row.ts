/** A mapping as explain and lint show it. */
import type { ShownRow } from '../../domain/mapping.ts';
import type { Mapping, MappingSource } from '../matching/matcher.ts';

export function shownRow(row: MappingSource | Mapping): ShownRow {
  const { id, pattern, match_type, priority, tenant_id, tenant_name, tenant_type } = row;
  const effective_priority = 'level' in row ? row.level : priority;
  return { id, pattern, match_type, priority, effective_priority, tenant_id, tenant_name, tenant_type };
}
