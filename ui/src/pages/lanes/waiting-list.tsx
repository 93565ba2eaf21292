import { Anchor, Group, Paper, Select, Stack, Text, Title } from '@mantine/core';
import type { DataTableColumn } from 'mantine-datatable';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { longestShown, type PresentRequest, useWaiting } from '../../api/requests.ts';
import { figure, shownFrom } from '../../parts/columns.ts';
import { durationText } from '../../parts/duration.ts';
import { useNumbers } from '../../parts/numbers.ts';
import { PriorityBadge } from '../../parts/priority.tsx';
import { PrioritySelect } from '../../parts/priority-select.tsx';
import { ErrorState } from '../../parts/states.tsx';
import { WholeTable } from '../../parts/whole-table.tsx';
import type { RequestSearch } from './request-search.ts';

interface Props {
  readonly search: RequestSearch;
  readonly pools: readonly string[];
}

/** The requests that have waited longest, each with a link to its explanation. */
export function WaitingList({ search, pools }: Props) {
  const { t } = useTranslation('lanes');
  const { count } = useNumbers();
  const query = useWaiting(search.filter);
  const columns = useColumns(search.ask);
  const { requests = [], total = 0 } = query.data ?? {};
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="xs">
        <Title order={3} size="h5">
          {t('longestWaiting')}
        </Title>
        <Filters search={search} pools={pools} />
      </Group>
      {query.isError && <ErrorState error={query.error} onRetry={query.refetch} />}
      <Paper withBorder>
        <WholeTable
          label={t('longestWaiting')}
          columns={columns}
          rows={requests}
          rowId={row => rowIdIn(requests, row)}
          empty={t('nobodyWaits')}
          isLoading={query.isPending}
        />
      </Paper>
      {total > longestShown && (
        <Text size="xs" c="dimmed">
          {t('longestOf', { shown: count(requests.length), total: count(total) })}
        </Text>
      )}
    </Stack>
  );
}

/** Two clients may use the same ID. */
function rowIdIn(requests: readonly PresentRequest[], row: PresentRequest): string {
  const before = requests.slice(0, requests.indexOf(row)).filter(({ request_id: id }) => id === row.request_id);
  return `${row.request_id} ${before.length}`;
}

function Filters({ search, pools }: Props) {
  const { t } = useTranslation('lanes');
  return (
    <Group gap="xs">
      {pools.length > 1 && (
        <Select
          aria-label={t('pool')}
          placeholder={t('allPools')}
          size="xs"
          w={140}
          clearable
          data={[...pools]}
          value={search.filter.pool}
          onChange={pool => search.setFilter({ ...search.filter, pool })}
        />
      )}
      <PrioritySelect
        aria-label={t('level')}
        placeholder={t('allLevels')}
        size="xs"
        w={120}
        clearable
        value={search.filter.level}
        onChange={level => search.setFilter({ ...search.filter, level })}
      />
    </Group>
  );
}

function useColumns(onAsk: (id: string) => void): DataTableColumn<PresentRequest>[] {
  const { t } = useTranslation('lanes');
  return useMemo(
    () => [
      {
        accessor: 'request_id',
        title: t('requestId'),
        render: ({ request_id }) => (
          <Anchor
            component="button"
            type="button"
            size="sm"
            className="mono request-id"
            title={request_id}
            onClick={() => onAsk(request_id)}
          >
            {request_id}
          </Anchor>
        ),
      },
      { accessor: 'level', title: t('level'), width: 70, render: ({ level }) => <PriorityBadge level={level} /> },
      { accessor: 'flow_id', title: t('tenant'), ellipsis: true, ...shownFrom.xs },
      figure('waited_ms', t('waited'), ({ waited_ms }) => durationText(waited_ms), { width: 84, noWrap: true }),
    ],
    [t, onAsk],
  );
}
