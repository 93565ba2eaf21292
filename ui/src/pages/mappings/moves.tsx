import { Group, Stack, Text } from '@mantine/core';
import { IconArrowRight } from '@tabler/icons-react';
import { DataTable, type DataTableColumn } from 'mantine-datatable';
import { useTranslation } from 'react-i18next';
import type { Tried } from '../../../../src/http/admin/contract/transfer.ts';
import { figure } from '../../parts/columns.ts';
import { PriorityBadge } from '../../parts/priority.tsx';

export type Impact = Tried['impact'];
type LevelMove = Impact['keys']['levels'][number];
type TenantMove = Impact['keys']['tenants'][number];
type Counted<Move> = Omit<Move, 'count'> & { readonly id: string; readonly keys: number; readonly requests: number };

const tenantsShown = 10;

/** The moves of keys and requests: by level, and by tenant. */
export function Moves({ impact }: { readonly impact: Impact }) {
  const { t } = useTranslation('mappings');
  const { keys, requests } = impact;
  const byLevel = joined<LevelMove>(keys.levels, requests.levels);
  const byTenant = joined<TenantMove>(keys.tenants, requests.tenants);
  const more = Math.max(keys.tenants_left_out, requests.tenants_left_out) + Math.max(0, byTenant.length - tenantsShown);
  if (byLevel.length === 0) return null;
  return (
    <Stack gap="sm">
      <MoveTable
        rows={byLevel}
        column={{ accessor: 'level', title: t('byLevel'), render: row => <Levels {...row} /> }}
      />
      <MoveTable
        rows={byTenant.slice(0, tenantsShown)}
        column={{ accessor: 'tenant', title: t('byTenant'), render: row => <Tenants {...row} /> }}
      />
      {more > 0 && (
        <Text size="xs" c="dimmed">
          {t('moreMoves', { more })}
        </Text>
      )}
    </Stack>
  );
}

interface MoveTableProps<Row> {
  readonly rows: Row[];
  /** The column before the counts. */
  readonly column: DataTableColumn<Row>;
}

function MoveTable<Row extends Counted<unknown>>({ rows, column }: MoveTableProps<Row>) {
  const { t } = useTranslation('mappings');
  return (
    <DataTable<Row>
      records={rows}
      columns={[
        column,
        figure('keys', t('keys'), row => t('count', { count: row.keys }), { width: 76 }),
        figure('requests', t('requests'), row => t('count', { count: row.requests }), { width: 96 }),
      ]}
      idAccessor="id"
      withTableBorder
      verticalSpacing={4}
      fz="sm"
      minHeight={0}
    />
  );
}

function Levels({ from, to }: { readonly from: number; readonly to: number }) {
  return (
    <Group gap={6} wrap="nowrap">
      <PriorityBadge level={from} />
      <IconArrowRight size={14} aria-hidden />
      <PriorityBadge level={to} />
    </Group>
  );
}

type TenantsProps = Pick<TenantMove, 'from' | 'to' | 'from_tenant' | 'to_tenant'>;

function Tenants({ from, to, from_tenant: fromTenant, to_tenant: toTenant }: TenantsProps) {
  const { t } = useTranslation('mappings');
  return (
    <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
      {t('tenantMove', { from, to, fromTenant: fromTenant ?? t('noTenant'), toTenant: toTenant ?? t('noTenant') })}
    </Text>
  );
}

/** Joins the moves of keys and of requests in one list, the most frequent first. */
function joined<Move extends LevelMove>(keys: readonly Move[], requests: readonly Move[]): Counted<Move>[] {
  const found = new Map<string, Counted<Move>>();
  const add = (moves: readonly Move[], what: 'keys' | 'requests') => {
    for (const { count, ...move } of moves) {
      const id = JSON.stringify(Object.entries(move).sort());
      found.set(id, { keys: 0, requests: 0, ...move, ...found.get(id), id, [what]: count } as Counted<Move>);
    }
  };
  add(keys, 'keys');
  add(requests, 'requests');
  return [...found.values()].sort((a, b) => b.requests - a.requests || b.keys - a.keys);
}
