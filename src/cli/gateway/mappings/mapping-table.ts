import { moment, shownPattern, table } from '../output.ts';

export const mappingsPath = '/admin/api-key-priority/mappings';

/** A mapping as the API shows it. */
export interface Mapping {
  readonly id: number;
  readonly pattern: string;
  readonly priority: number;
  readonly match_type: string;
  readonly tenant_id: string | null;
  readonly tenant_name: string | null;
  readonly tenant_type: string | null;
  readonly description: string | null;
  readonly enabled: boolean;
  readonly fault: string | null;
  readonly warnings?: readonly { readonly message: string }[];
  readonly effective_priority?: number | null;
  readonly effective_source?: string | null;
  readonly boost?: { readonly priority: number; readonly until: string; readonly reason: string } | null;
}

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
