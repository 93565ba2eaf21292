import { useMappingChoice, useMappingChoices } from '../../api/mapping-choices.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { searchSelect } from '../../parts/search-select.tsx';

export const MappingSelect = searchSelect({
  useOne: useMappingChoice,
  useFound: useMappingChoices,
  label: ({ id, pattern, tenant_name, tenant_id }) => `${tenant_name ?? tenant_id ?? pattern} · #${id}`,
  mark: ({ priority }) => <PriorityBadge level={priority} />,
  detail: ({ pattern }) => <span className="mono">{pattern}</span>,
});
