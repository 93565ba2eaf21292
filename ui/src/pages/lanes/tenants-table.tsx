import { Anchor, Box, Group, Stack, Text, Title } from '@mantine/core';
import type { DataTableColumn, DataTableSortStatus } from 'mantine-datatable';
import { memo, type ReactNode, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LivePool, TenantShare } from '../../../../src/http/admin/contract/live.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { usePoolShareText } from '../../parts/pool-share.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { WholeTable } from '../../parts/whole-table.tsx';
import { ShareBar } from './share-bar.tsx';
import { sortTenants } from './sort-tenants.ts';

const wide = '(min-width: 48em)';
const narrow = '(max-width: 47.99em)';
const fewRows = 10;

/** For each tenant, its share of the level, against what its weight gives it. */
export function TenantsTable({ pool }: { readonly pool: LivePool }) {
  const { t } = useTranslation('lanes');
  const [sort, setSort] = useState<DataTableSortStatus<TenantShare>>({ columnAccessor: 'waiting', direction: 'desc' });
  const [isWhole, setIsWhole] = useState(false);
  const columns = useColumns();
  const sorted = sortTenants(pool.tenants, String(sort.columnAccessor), sort.direction);
  const rows = isWhole ? sorted : sorted.slice(0, fewRows);
  const { count } = useNumbers();
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
      <Group px="sm" py="xs" gap="md">
        {sorted.length > fewRows && (
          <Anchor component="button" type="button" size="sm" onClick={() => setIsWhole(!isWhole)}>
            {isWhole ? t('showFewer') : t('showAll', { tenants: count(sorted.length) })}
          </Anchor>
        )}
        {pool.tenants_left_out > 0 && (
          <Text size="sm" c="dimmed">
            {t('leftOut', { tenants: count(pool.tenants_left_out) })}
          </Text>
        )}
      </Group>
    </Stack>
  );
}

function useColumns(): DataTableColumn<TenantShare>[] {
  const { t } = useTranslation('lanes');
  const { count, amount, percent } = useNumbers();
  const poolShare = usePoolShareText();
  return useMemo(
    () => [
      { accessor: 'tenant', title: t('tenant'), sortable: true, render: row => <Tenant row={row} /> },
      {
        accessor: 'level',
        title: t('level'),
        visibleMediaQuery: wide,
        width: 80,
        sortable: true,
        render: ({ level }) => <PriorityBadge level={level} />,
      },
      figure('waiting', t('waiting'), row => count(row.waiting)),
      figure('running', t('running'), row => count(row.running), wide),
      figure('served', t('served'), row => percent(row.served_share), wide),
      figure('entitled', t('entitled'), row => percent(row.entitled_share), wide),
      figure('pool_share', t('poolShare'), ({ pool_share: share, behind }) => poolShare({ share, behind }), wide),
      {
        accessor: 'gap',
        title: t('share'),
        sortable: true,
        width: '22%',
        visibleMediaQuery: wide,
        render: row => <ShareBar row={row} />,
      },
      {
        accessor: 'gap_short',
        title: t('share'),
        width: 112,
        visibleMediaQuery: narrow,
        render: row => <ShareBar row={row} withNumbers />,
      },
      figure('weight', t('weight'), row => amount(row.weight), wide),
    ],
    [t, count, amount, percent, poolShare],
  );
}

const figure = (
  accessor: string,
  title: string,
  render: (row: TenantShare) => ReactNode,
  visibleMediaQuery?: string,
): DataTableColumn<TenantShare> => ({
  accessor,
  title,
  render,
  sortable: true,
  textAlign: 'right',
  ...(visibleMediaQuery ? { visibleMediaQuery } : {}),
});

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
