import { Group, Paper, Stack, Switch, Text, Title } from '@mantine/core';
import { DataTable, type DataTableColumn } from 'mantine-datatable';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Answered, ExplainedRow } from '../../api/explain.ts';
import { shownFrom } from '../../parts/columns.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { useScrollRegion } from '../../parts/scroll-region.ts';
import { EmptyState } from '../../parts/states.tsx';
import { MappingLink } from './mapping-link.tsx';
import { Standing, useWhy } from './standing.tsx';

/** The answer to a beginning names every mapping, so it is shown in pages. */
const pageSize = 25;

export function MatchTable({ explanation }: { readonly explanation: Answered }) {
  const { t } = useTranslation('explain');
  const [isAll, setIsAll] = useState(false);
  const { mappings } = explanation;
  const inPlay = mappings.filter(({ standing }) => standing !== 'no_match');
  const shown = isAll ? mappings : inPlay;
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={2} size="h4">
          {t('mappings')}
        </Title>
        {inPlay.length < mappings.length && (
          <Switch
            label={t('alsoOthers', { count: mappings.length - inPlay.length })}
            checked={isAll}
            onChange={event => setIsAll(event.currentTarget.checked)}
          />
        )}
      </Group>
      <Paper withBorder>
        <Matches explanation={explanation} rows={shown} />
      </Paper>
    </Stack>
  );
}

interface MatchesProps {
  readonly explanation: Answered;
  readonly rows: readonly ExplainedRow[];
}

function Matches({ explanation, rows }: MatchesProps) {
  const { t } = useTranslation('explain');
  const { t: shared } = useTranslation();
  const viewport = useScrollRegion(t('mappings'));
  const [page, setPage] = useState(1);
  const first = Math.min(page - 1, Math.floor(Math.max(0, rows.length - 1) / pageSize)) * pageSize;
  return (
    <DataTable<ExplainedRow>
      columns={useColumns(explanation)}
      records={rows.slice(first, first + pageSize)}
      minHeight={rows.length === 0 ? 120 : 0}
      emptyState={<EmptyState text={t('mappingNone')} />}
      verticalSpacing="xs"
      withTableBorder={false}
      totalRecords={rows.length}
      recordsPerPage={pageSize}
      page={first / pageSize + 1}
      onPageChange={setPage}
      paginationText={({ from, to, totalRecords }) => shared('rowsShown', { from, to, total: totalRecords })}
      scrollViewportRef={viewport}
      rowBackgroundColor={({ wins }) =>
        wins ? 'light-dark(var(--mantine-color-gray-0), var(--mantine-color-dark-6))' : undefined
      }
    />
  );
}

function useColumns(explanation: Answered): DataTableColumn<ExplainedRow>[] {
  const { t } = useTranslation('explain');
  const why = useWhy(explanation);
  const isEnforced = explanation.if_enforced === null;
  return [
    {
      accessor: 'effective_priority',
      title: t('priority'),
      width: 90,
      render: ({ effective_priority }) => <PriorityBadge level={effective_priority} />,
    },
    { accessor: 'pattern', title: t('pattern'), render: row => <Pattern row={row} /> },
    { accessor: 'tenant_id', title: t('tenant'), render: row => <Tenant row={row} />, ...shownFrom.sm },
    {
      accessor: 'standing',
      title: t('result'),
      width: 130,
      render: row => <Standing standing={row.standing} isEnforced={isEnforced} />,
    },
    { accessor: 'reason', title: t('why'), render: row => <Text size="sm">{why(row)}</Text>, ...shownFrom.sm },
  ];
}

interface CellProps {
  readonly row: ExplainedRow;
}

function Pattern({ row }: CellProps) {
  const { t } = useTranslation('explain');
  return (
    <Stack gap={0}>
      <MappingLink row={row} />
      <Text size="xs" c="dimmed">
        {t('matchOf', { id: row.id, match: t(`match_${row.match_type}`) })}
      </Text>
    </Stack>
  );
}

const Tenant = ({ row: { tenant_id, tenant_name } }: CellProps) => (
  <Stack gap={0}>
    <Text size="sm">{tenant_name ?? tenant_id ?? '–'}</Text>
    {tenant_name !== null && tenant_id !== null && (
      <Text size="xs" c="dimmed" className="mono">
        {tenant_id}
      </Text>
    )}
  </Stack>
);
