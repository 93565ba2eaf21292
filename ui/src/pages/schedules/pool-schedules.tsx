import { Paper, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { PoolSchedule, usePoolSchedules } from '../../api/schedules.ts';
import { ErrorState } from '../../parts/states.tsx';
import { WholeTable } from '../../parts/whole-table.tsx';
import { scheduleColumns } from './schedule-columns.tsx';
import type { Edited } from './schedule-values.ts';
import { valueText } from './shown-windows.ts';

interface PoolSchedulesProps {
  readonly query: Omit<ReturnType<typeof usePoolSchedules>, 'refetch'> & { readonly refetch: () => unknown };
  readonly onEdit: (edited: Edited) => void;
  readonly onDelete: (schedule: PoolSchedule) => void;
}

export function PoolSchedules({ query, onEdit, onDelete }: PoolSchedulesProps) {
  const { t } = useTranslation('schedules');
  const columns = scheduleColumns<PoolSchedule>(t, {
    onEdit: schedule => onEdit({ of: 'pool', schedule }),
    onDelete,
    target: { title: t('pool'), name: ({ pool }) => pool, detail: ({ key }) => key },
    what: {
      title: t('value'),
      render: ({ value }) => (
        <Text size="sm" className="mono" style={{ overflowWrap: 'anywhere' }}>
          {valueText(value)}
        </Text>
      ),
    },
  });
  return (
    <Stack gap="xs">
      <Title order={2} size="h4">
        {t('ofPools')}
      </Title>
      {query.error !== null ? (
        <ErrorState error={query.error} onRetry={query.refetch} />
      ) : (
        <Paper withBorder>
          <WholeTable
            label={t('ofPools')}
            columns={columns}
            rows={query.pools.flatMap(({ schedules }) => schedules)}
            rowId={({ id }) => id}
            isLoading={query.isPending}
          />
        </Paper>
      )}
    </Stack>
  );
}
