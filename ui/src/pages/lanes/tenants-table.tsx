import { Anchor, Box, Group, Stack, Text, Title } from '@mantine/core';
import type { DataTableColumn, DataTableSortStatus } from 'mantine-datatable';
import { memo, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LivePool, TenantShare } from '../../../../src/http/admin/contract/live.ts';
import { figure, shownFrom, shownOnPhone } from '../../parts/columns.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { usePoolShareText } from '../../parts/pool-share.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { WholeTable } from '../../parts/whole-table.tsx';
import { ShareBar } from './share-bar.tsx';
import { sortTenants } from './sort-tenants.ts';

const fewRows = 10;

/** For each tenant, its share of the level, against what its weight gives it. */
export function TenantsTable({ pool }: { readonly pool: LivePool }) {
  const { t } = useTranslation('lanes');
  const [sort, setSort] = useState<DataTableSortStatus<TenantShare>>({ columnAccessor: 'waiting', direction: 'desc' });
  const [isWhole, setIsWhole] = useState(false);
  const columns = useColumns();
  const sorted = sortTenants(pool.tenants, String(sort.columnAccessor), sort.direction);
  const rows = isWhole ? sorted : sorted.slice(0, fewRows);
  return (
    <Stack gap={0}>
      <Stack gap={2} px="sm" pb="xs">
        <Title order={3} size="h5">
          {t('tenants')}
        </Title>
        <Text size="xs" c="dimmed" maw={760}>
          {t('entitledWhat')} {t(`poolShareWhat_${pool.policy === 'strict' ? 'strict' : pool.share_by}`)}
        </Text>
      </Stack>
      <WholeTable
        label={t('tenantsOf', { pool: pool.name })}
        columns={columns}
        rows={rows}
        rowId={row => `${row.level} ${row.flow_id}`}
        empty={t('noTenants')}
        sort={sort}
        onSort={setSort}
      />
      <Rest pool={pool} isWhole={isWhole} onToggle={() => setIsWhole(!isWhole)} />
    </Stack>
  );
}

interface RestProps {
  readonly pool: LivePool;
  readonly isWhole: boolean;
  readonly onToggle: () => void;
}

/** The tenants that are not shown, by choice or because there are too many. */
function Rest({ pool: { tenants, tenants_left_out: leftOut }, isWhole, onToggle }: RestProps) {
  const { t } = useTranslation('lanes');
  const { count } = useNumbers();
  return (
    <Group px="sm" py="xs" gap="md">
      {tenants.length > fewRows && (
        <Anchor component="button" type="button" size="sm" onClick={onToggle}>
          {isWhole ? t('showFewer') : t('showAll', { tenants: count(tenants.length) })}
        </Anchor>
      )}
      {leftOut > 0 && (
        <Text size="sm" c="dimmed">
          {t('leftOut', { tenants: count(leftOut) })}
        </Text>
      )}
    </Group>
  );
}

function useColumns(): DataTableColumn<TenantShare>[] {
  const { t } = useTranslation('lanes');
  const { count, amount, percent } = useNumbers();
  const poolShare = usePoolShareText();
  return useMemo(() => {
    const sortable = true;
    const wide = { sortable, ...shownFrom.sm };
    return [
      { accessor: 'tenant', title: t('tenant'), sortable, render: row => <Tenant row={row} /> },
      { accessor: 'level', title: t('level'), width: 80, render: row => <PriorityBadge level={row.level} />, ...wide },
      figure('waiting', t('waiting'), row => count(row.waiting), { sortable }),
      figure('running', t('running'), row => count(row.running), wide),
      figure('served', t('served'), row => percent(row.served_share), wide),
      figure('entitled', t('entitled'), row => percent(row.entitled_share), wide),
      figure('pool_share', t('poolShare'), ({ pool_share: share, behind }) => poolShare({ share, behind }), wide),
      { accessor: 'gap', title: t('share'), width: '22%', render: row => <ShareBar row={row} />, ...wide },
      {
        accessor: 'gap_short',
        title: t('share'),
        width: 112,
        render: row => <ShareBar row={row} withNumbers />,
        ...shownOnPhone,
      },
      figure('weight', t('weight'), row => amount(row.weight), wide),
    ];
  }, [t, count, amount, percent, poolShare]);
}

const Tenant = memo(function Tenant({ row: { tenant_name, flow_id, level } }: { readonly row: TenantShare }) {
  return (
    <Stack gap={0} align="flex-start" className="tenant">
      <Text size="sm" lh={1.25} lineClamp={2} className={tenant_name === null ? 'mono' : undefined}>
        {tenant_name ?? flow_id}
      </Text>
      {tenant_name !== null && (
        <Text size="xs" lh={1.25} c="dimmed" className="mono">
          {flow_id}
        </Text>
      )}
      <Box hiddenFrom="sm">
        <PriorityBadge level={level} />
      </Box>
    </Stack>
  );
});
