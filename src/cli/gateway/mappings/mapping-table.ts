import type { Mapping } from '../../../http/admin/contract/contract.ts';
import { moment, shownPattern, table } from '../output.ts';

export const mappingsPath = '/admin/api-key-priority/mappings';

export const mappingTable = (mappings: readonly Mapping[]): string =>
  table(
    [
      { title: 'id', align: 'right' },
      { title: 'level' },
      { title: 'match' },
      { title: 'pattern' },
      { title: 'tenant' },
      { title: 'type' },
      { title: 'state' },
    ],
    mappings.map(mapping => [
      String(mapping.id),
      levelOf(mapping),
      mapping.match_type,
      shownPattern(mapping),
      mapping.tenant_id ?? '-',
      mapping.tenant_type ?? '-',
      stateOf(mapping),
    ]),
  );

/** Returns the effective level, and the row's own where it differs. */
const levelOf = ({ priority, effective_priority }: Mapping): string =>
  effective_priority == null || effective_priority === priority
    ? `P${priority}`
    : `P${effective_priority} (row P${priority})`;

function stateOf({ enabled, fault, boost, effective_source }: Mapping): string {
  if (fault !== null) return `faulty: ${fault}`;
  if (!enabled) return 'disabled';
  if (boost != null) return `boosted until ${moment(boost.until)}: ${boost.reason}`;
  return effective_source === 'schedule' ? 'scheduled' : '';
}
